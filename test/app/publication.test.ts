/** When does a finalised minute become a file, and what happens when it cannot? */
import { expect, test } from 'vitest'
import { Publication } from '../../src/app/publication.ts'
import { allocateCandles, type CandleColumns } from '../../src/domain/candle.ts'
import type { MomentumColumns } from '../../src/domain/momentum.ts'
import type { Minute } from '../../src/domain/time.ts'
import { pathOf } from '../../src/store/lake.ts'
import type { Publisher, PublishRequest } from '../../src/store/publish.ts'
import { DATE, INFY, minuteAt, UTC_OFFSET_MS } from '../support/session-kit.ts'

const DAY = { market: 'in', date: DATE }

/** A desk whose journal becomes durable, and whose files are made, only when the test says so. */
class Desk {
  readonly publication: Publication
  readonly asked: PublishRequest[] = []
  readonly published: Minute[] = []
  readonly failures: unknown[] = []
  /** By entry: who waits for it to be durable. */
  readonly waits = new Map<number, PromiseWithResolvers<void>>()
  failAt = ''

  constructor(listed: readonly string[] = []) {
    const publisher: Publisher = {
      setInstruments: () => {},
      publish: (request) => {
        this.asked.push(request)
        const path = pathOf(request.file)
        if (path === this.failAt) return Promise.reject(new Error('the disk is full'))
        return Promise.resolve({ path, sha256: '', sizeBytes: 0, rowCount: 0, outcome: 'new' })
      },
      end: () => Promise.resolve(),
    }
    this.publication = new Publication({
      day: DAY,
      utcOffsetMs: UTC_OFFSET_MS,
      publisher,
      whenDurable: (seq) => this.#wait(seq).promise,
      published: new Set(listed),
      onPublished: (minute) => this.published.push(minute),
      onFailure: (error) => this.failures.push(error),
    })
    this.publication.setInstruments([INFY])
  }

  #wait(seq: number): PromiseWithResolvers<void> {
    const known = this.waits.get(seq) ?? Promise.withResolvers<void>()
    this.waits.set(seq, known)
    return known
  }

  add(text: string, journalSeq: number, volume = 10): this {
    const minute = minuteAt(text)
    const minutesBefore = minute - minuteAt('09:15')
    this.publication.add({ minute, columns: oneRow(minute, volume), journalSeq, minutesBefore })
    return this
  }

  durable(...seqs: readonly number[]): this {
    for (const seq of seqs) this.#wait(seq).resolve()
    return this
  }

  paths(): string[] {
    return this.asked.map(({ file }) => pathOf(file))
  }
}

function oneRow(minute: Minute, volume: number): CandleColumns {
  const columns = allocateCandles(1)
  columns.timestampMs[0] = minute * 60_000
  columns.close[0] = 100
  columns.high[0] = 100
  columns.dayHigh[0] = 100
  columns.volume[0] = volume
  columns.vwap[0] = 100
  return columns
}

function pathsOf(text: string): [string, string] {
  const hhmm = text.replace(':', '')
  return [pathOf({ kind: 'part', day: DAY, hhmm }), pathOf({ kind: 'momentum', day: DAY, hhmm })]
}

/** Turns enough for every promise chain that could go on to have gone on. */
async function turns(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve))
}

test('nothing is published before the entry that finalised it is durable', async () => {
  const desk = new Desk().add('09:15', 7)
  await turns()
  expect(desk.asked).toEqual([])
  desk.durable(7)
  await desk.publication.drained()
  expect(desk.paths()).toEqual(pathsOf('09:15'))
  expect(desk.asked.map(({ journalToSeq }) => journalToSeq)).toEqual([7, 7])
  expect(desk.published).toEqual([minuteAt('09:15')])
})

test('minutes are published in their order, even where a later one is durable first', async () => {
  const desk = new Desk().add('09:15', 7).add('09:16', 9).durable(9)
  await turns()
  expect(desk.asked).toEqual([])
  desk.durable(7)
  await desk.publication.drained()
  expect(desk.paths()).toEqual([...pathsOf('09:15'), ...pathsOf('09:16')])
})

test('a publication that fails is told once, and nothing after it is published', async () => {
  const desk = new Desk()
  desk.failAt = pathsOf('09:16')[0]
  desk.add('09:15', 1).add('09:16', 2).add('09:17', 3).durable(1, 2, 3)
  await desk.publication.drained()
  desk.add('09:18', 4).durable(4)
  await desk.publication.drained()
  expect(desk.failures).toEqual([new Error('the disk is full')])
  expect(desk.paths()).toEqual([...pathsOf('09:15'), desk.failAt])
  expect(desk.published).toEqual([minuteAt('09:15')])
})

test('a journal that will never be durable stops the publication, and is told once', async () => {
  const desk = new Desk().add('09:15', 1).add('09:16', 2)
  await turns()
  desk.waits.get(1)!.reject(new Error('the journal has failed'))
  await desk.publication.drained()
  expect(desk.failures).toEqual([new Error('the journal has failed')])
  expect(desk.asked).toEqual([])
})

test('what the manifest lists is not made again, and does not wait for the journal', async () => {
  const desk = new Desk(pathsOf('09:15')).add('09:15', 1)
  await desk.publication.drained()
  expect(desk.asked).toEqual([])
  expect(desk.waits.size).toBe(0)
  expect(desk.published).toEqual([])
})

test('where the candles are listed and the signals are not, only the signals are made', async () => {
  const desk = new Desk([pathsOf('09:15')[0]]).add('09:15', 1).durable(1)
  await desk.publication.drained()
  expect(desk.paths()).toEqual([pathsOf('09:15')[1]])
  expect(desk.published).toEqual([])
})

test('the signals after a restart are those that an undisturbed run gives', async () => {
  const texts = ['09:15', '09:16', '09:17']
  const signalsOf = async (listed: readonly string[]): Promise<MomentumColumns> => {
    const desk = new Desk(listed)
    for (const [n, text] of texts.entries()) desk.add(text, n, 10 * (n + 1))
    await desk.durable(0, 1, 2).publication.drained()
    const last = desk.asked.at(-1)!
    expect(pathOf(last.file)).toBe(pathsOf('09:17')[1])
    return (last as Extract<PublishRequest, { columns: unknown }>).columns as MomentumColumns
  }
  const undisturbed = await signalsOf([])
  expect(undisturbed.relativeVolume[0]).toBe(2)
  expect(await signalsOf([...pathsOf('09:15'), ...pathsOf('09:16')])).toEqual(undisturbed)
})
