import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dailyPlan, dailyWishes, Entitlements } from '../../src/app/batch-entitlement.ts'
import { KnownAnswers } from '../../src/app/batch-known.ts'
import { BatchRun, failedByKind, type SymbolWork } from '../../src/app/batch-run.ts'
import type { Asked } from '../../src/batch/asking.ts'
import type { QueueItem } from '../../src/batch/retry-queue.ts'
import type {
  BatchAnswer,
  BatchRefusalKind,
  BatchWish,
  DailySeries,
  RawAnswer,
} from '../../src/domain/batch.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../../src/domain/time.ts'
import { createClock } from '../../src/platform/clock.ts'
import { createLog, Scrubber } from '../../src/platform/log.ts'

const NOW = Date.parse('2026-05-15T21:00:00Z') as UnixMs
const SESSION = '2026-05-15' as MarketDate
const CLOCK = createClock({ instantMs: NOW, realMs: Date.now(), speed: 1 })

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'chandler-batch-run-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const NEXT: Partial<Record<BatchRefusalKind, Extract<Asked, { ok: false }>['next']>> = {
  day_limit: 'stop',
  key_refused: 'stop',
  not_entitled: 'switch',
  bad_symbol: 'mark',
  no_data: 'accept',
}

function nameOf({ function: name, symbol, variant }: BatchWish): string {
  return `${name} ${symbol} ${variant}`.trim()
}

/** A vendor of a few words: what it says to a wish is looked up; to everything else it has an answer. */
class Desk {
  readonly says = new Map<string, BatchRefusalKind>()
  readonly asked: string[] = []
  readonly kept: string[] = []
  readonly queued = new Map<string, string>()
  readonly settled: string[] = []
  readonly stopping = new AbortController()
  readonly rights = new Entitlements(dir)
  /** Whose answers end with the day before. */
  readonly late = new Set<string>()
  readonly known = new KnownAnswers(dir, [])
  beforeAnswer: (name: string) => void = () => {}

  readonly run = new BatchRun({
    asking: { ask: (wish) => this.#ask(wish) },
    raw: { keep: (wish, _body, fetchedAtMs) => this.#keep(wish, fetchedAtMs) },
    queue: {
      add: (wish) => this.#queue(wish, 'waiting'),
      park: (wish) => this.#queue(wish, 'parked'),
      settle: (wish) => void this.settled.push(nameOf(wish)),
    },
    known: this.known,
    rights: this.rights,
    venue: { readDaily: (wish) => this.#readDaily(wish) },
    clock: CLOCK,
    log: createLog({ clock: CLOCK, json: false, write: () => {}, scrubber: new Scrubber() }),
    signal: this.stopping.signal,
  })

  async #ask(wish: BatchWish): Promise<Asked> {
    this.stopping.signal.throwIfAborted()
    const name = nameOf(wish)
    this.asked.push(name)
    this.beforeAnswer(name)
    const kind = this.says.get(name) ?? this.says.get(wish.function)
    if (kind === undefined) return { ok: true, body: name, fetchedAtMs: NOW, tries: 1 }
    const refusal = { kind, message: `the vendor says ${kind}` }
    return { ok: false, refusal, next: NEXT[kind] ?? 'queue', untilMs: null, tries: 1 }
  }

  #keep(wish: BatchWish, fetchedAtMs: UnixMs): RawAnswer {
    this.kept.push(nameOf(wish))
    return { wish, fetchedAtMs, path: nameOf(wish) }
  }

  #readDaily({ symbol }: BatchWish): BatchAnswer<DailySeries> {
    const date = (this.late.has(symbol) ? '2026-05-14' : SESSION) as MarketDate
    const prices = { open: 1, high: 1, low: 1, close: 1, volume: 1 }
    const bar = { ...prices, date, adjustedClose: null, dividend: null, split: null }
    return { ok: true, value: { refreshed: null, bars: [bar] } }
  }

  #queue(wish: BatchWish, state: string): QueueItem {
    this.queued.set(nameOf(wish), state)
    return { wish, reason: 'outage', message: '', attempts: 1, failedAtMs: NOW, nextMs: NOW }
  }

  works(...symbols: readonly string[]): readonly SymbolWork[] {
    const wishes = (symbol: string) => () =>
      dailyWishes(symbol, dailyPlan(this.rights, 'compact', NOW), false)
    const sinceMs = (NOW - 1_000) as UnixMs
    return symbols.map((symbol) => ({ symbol, sinceMs, session: SESSION, wishes: wishes(symbol) }))
  }
}

test('an entitled key needs one request a symbol', async () => {
  const desk = new Desk()
  await desk.run.askAll(desk.works('A', 'B'), () => {})
  expect(desk.asked).toEqual(['TIME_SERIES_DAILY_ADJUSTED A compact', 'TIME_SERIES_DAILY_ADJUSTED B compact'])
  expect(desk.run).toMatchObject({ completeCount: 2, keptCount: 2, askedCount: 2, earlyEnd: null })
})

test('a free key falls back to prices, splits and dividends, and learns it once for all runs', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED', 'not_entitled')
  await desk.run.askAll(desk.works('A', 'B'), () => {})
  expect(desk.asked).toEqual([
    'TIME_SERIES_DAILY_ADJUSTED A compact',
    ...['A', 'B'].flatMap((symbol) => [
      `SPLITS ${symbol}`,
      `DIVIDENDS ${symbol}`,
      `TIME_SERIES_DAILY ${symbol} compact`,
    ]),
  ])
  expect(desk.run.completeCount).toBe(2)
  // What nobody asks for any more does not stay in the queue.
  expect(desk.settled).toContain('TIME_SERIES_DAILY_ADJUSTED A compact')
  const later = new Entitlements(dir)
  const adjusted = { function: 'TIME_SERIES_DAILY_ADJUSTED', variant: 'full' } as const
  expect(later.mayAsk(adjusted, (NOW + 6 * DAY_MS) as UnixMs)).toBe(false)
  expect(later.mayAsk(adjusted, (NOW + 8 * DAY_MS) as UnixMs)).toBe(true)
  later.grant(adjusted)
  expect(new Entitlements(dir).mayAsk(adjusted, NOW)).toBe(true)
})

test('the whole history is asked for where it may be had, else what may', () => {
  const rights = new Entitlements(dir)
  const planned = () => {
    const { way, size } = dailyPlan(rights, 'full', NOW)
    return `${way} ${size}`
  }
  expect(planned()).toBe('adjusted full')
  rights.refuse({ function: 'TIME_SERIES_DAILY_ADJUSTED', variant: 'full' }, NOW)
  expect(planned()).toBe('parts full')
  rights.refuse({ function: 'TIME_SERIES_DAILY', variant: 'full' }, NOW)
  expect(planned()).toBe('parts compact')
  expect(dailyWishes('A', { way: 'adjusted', size: 'full' }, true).map(nameOf)).toEqual([
    'TIME_SERIES_DAILY_ADJUSTED A full',
    'SPLITS A',
    'DIVIDENDS A',
  ])
})

test('that a company never split its shares is an answer, and not asked again by the next run', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED', 'not_entitled')
  desk.says.set('SPLITS', 'no_data')
  desk.says.set('DIVIDENDS', 'no_data')
  await desk.run.askAll(desk.works('A'), () => {})
  expect(desk.run).toMatchObject({ completeCount: 1, keptCount: 1 })
  desk.known.close()
  const prices = { wish: dailyWishes('A', { way: 'parts', size: 'compact' }, false).at(-1)!, path: '' }
  const known = new KnownAnswers(dir, [{ ...prices, fetchedAtMs: NOW }])
  const again = new Desk()
  const sinceMs = (NOW - 1_000) as UnixMs
  for (const wish of again.works('A')[0]!.wishes()) expect(known.fetchedMs(wish)).toBeGreaterThan(sinceMs)
})

test('a torn note of an empty answer is forgotten, and the notes around it are not', () => {
  const wish = (symbol: string): BatchWish => ({ function: 'SPLITS', symbol, variant: '', format: 'csv' })
  const known = new KnownAnswers(dir, [])
  known.addEmpty(wish('A'), NOW)
  known.addEmpty(wish('B'), NOW)
  known.close()
  const path = join(dir, 'empty-answers.jsonl')
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.slice(0, -5))
  const torn = new KnownAnswers(dir, [])
  expect([wish('A'), wish('B')].map((one) => torn.fetchedMs(one))).toEqual([NOW, Number.NEGATIVE_INFINITY])
  torn.addEmpty(wish('B'), NOW)
  torn.close()
  expect(new KnownAnswers(dir, []).fetchedMs(wish('B'))).toBe(NOW)
})

test('an answer without the session is kept and does not make its symbol complete', async () => {
  const desk = new Desk()
  desk.late.add('A')
  const works = desk.works('A', 'B')
  await desk.run.askAll(works, () => {})
  expect(desk.run).toMatchObject({ completeCount: 1, keptCount: 2, withoutSession: ['A'] })
  expect(desk.run.unaskedCount(works)).toBe(0)
  expect(desk.queued.size).toBe(0)
  desk.known.close()

  const wish = works[0]!.wishes()[0]!
  const known = new KnownAnswers(dir, [{ wish, path: '', fetchedAtMs: NOW }])
  const sinceMs = (NOW - 1_000) as UnixMs
  expect(known.has(wish, sinceMs, SESSION)).toBe(false)
  expect(known.has(wish, sinceMs)).toBe(true)
  expect(known.onceWithout(SESSION).map(nameOf)).toEqual([nameOf(wish)])
  expect(known.onceWithout('2026-05-18' as MarketDate)).toEqual([])
  known.addWithout(wish, SESSION, (NOW + 1_000) as UnixMs)
  known.close()
  expect(new KnownAnswers(dir, []).onceWithout(SESSION)).toEqual([])
})

test('an unknown symbol is parked once another is answered, and costs the others nothing', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED NOPE compact', 'bad_symbol')
  await desk.run.askAll(desk.works('NOPE', 'A'), () => {})
  expect([...desk.queued]).toEqual([['TIME_SERIES_DAILY_ADJUSTED NOPE compact', 'parked']])
  expect(desk.run.completeCount).toBe(1)
  expect(failedByKind(desk.run)).toEqual({ bad_symbol: 1 })
})

test('a vendor that calls every symbol unknown is away, and parks none of them', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED', 'bad_symbol')
  const works = desk.works(...Array.from({ length: 50 }, (_, at) => `S${at}`))
  await desk.run.askAll(works, () => {})
  expect(desk.run.earlyEnd).toEqual({
    kind: 'outage',
    message: 'it calls 10 symbols in a row unknown: the vendor says bad_symbol',
  })
  expect([...desk.queued.values()]).toEqual(Array.from({ length: 10 }, () => 'waiting'))
  expect(desk.run.unaskedCount(works)).toBe(40)
})

test('an outage that begins amid a run parks nobody whom it calls unknown', async () => {
  const desk = new Desk()
  const symbols = Array.from({ length: 10 }, (_, at) => `S${at}`)
  for (const symbol of symbols) desk.says.set(`TIME_SERIES_DAILY_ADJUSTED ${symbol} compact`, 'bad_symbol')
  await desk.run.askAll(desk.works('A', ...symbols, 'B'), () => {})
  expect(desk.run.earlyEnd).toMatchObject({ kind: 'outage' })
  expect(new Set(desk.queued.values())).toEqual(new Set(['waiting']))
})

test('a run in which nothing was answered parks nobody', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED', 'bad_symbol')
  await desk.run.askAll(desk.works('A', 'B'), () => {})
  expect(desk.run.earlyEnd).toBe(null)
  expect([...desk.queued.values()]).toEqual(['waiting', 'waiting'])
})

test('prices without a row are no answer: the symbol waits in the queue', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED A compact', 'no_data')
  await desk.run.askAll(desk.works('A'), () => {})
  expect([...desk.queued.values()]).toEqual(['waiting'])
  expect(failedByKind(desk.run)).toEqual({ no_data: 1 })
})

test('prices that we adjust ourselves wait for their splits and dividends, in the queue', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED', 'not_entitled')
  desk.says.set('DIVIDENDS A', 'not_understood')
  await desk.run.askAll(desk.works('A', 'B'), () => {})
  expect(desk.asked).not.toContain('TIME_SERIES_DAILY A compact')
  expect([...desk.queued]).toEqual([
    ['DIVIDENDS A', 'waiting'],
    ['TIME_SERIES_DAILY A compact', 'waiting'],
  ])
  expect(desk.kept).toContain('TIME_SERIES_DAILY B compact')
  expect(failedByKind(desk.run)).toEqual({ not_understood: 1 })
})

test('a spent day ends the job in order, and says how many symbols are left', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED C compact', 'day_limit')
  const works = desk.works('A', 'B', 'C', 'D')
  const doneCounts: number[] = []
  await desk.run.askAll(works, (doneCount) => doneCounts.push(doneCount))
  expect(desk.run.earlyEnd).toMatchObject({ kind: 'spent' })
  expect(desk.run.unaskedCount(works)).toBe(2)
  expect(desk.queued.size).toBe(0)
  expect(doneCounts).toEqual([1, 2])
})

test('a refused key stops everything', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED A compact', 'key_refused')
  await expect(desk.run.askAll(desk.works('A', 'B'), () => {})).rejects.toMatchObject({ code: 'KEY_REFUSED' })
  expect(desk.asked).toHaveLength(1)
})

test('asked to stop, the request in flight is finished and kept, and no other is sent', async () => {
  const desk = new Desk()
  desk.beforeAnswer = () => desk.stopping.abort()
  const works = desk.works('A', 'B', 'C')
  await desk.run.askAll(works, () => {})
  expect(desk.run.earlyEnd).toEqual({ kind: 'stopped' })
  expect(desk.kept).toEqual(['TIME_SERIES_DAILY_ADJUSTED A compact'])
  expect(desk.run.unaskedCount(works)).toBe(2)
})

test('a vendor that is away is not asked for thousands of symbols', async () => {
  const desk = new Desk()
  desk.says.set('TIME_SERIES_DAILY_ADJUSTED', 'outage')
  const works = desk.works(...Array.from({ length: 50 }, (_, at) => `S${at}`))
  await desk.run.askAll(works, () => {})
  expect(desk.run.earlyEnd).toMatchObject({ kind: 'outage' })
  expect(desk.asked).toHaveLength(10)
  expect(desk.queued.size).toBe(10)
})

test('what the key may not ask for in any form ends the job with its first symbol', async () => {
  const desk = new Desk()
  for (const name of ['TIME_SERIES_DAILY_ADJUSTED', 'TIME_SERIES_DAILY']) desk.says.set(name, 'not_entitled')
  await desk.run.askAll(desk.works('A', 'B'), () => {})
  expect(desk.run.earlyEnd).toMatchObject({ kind: 'not_entitled' })
  expect(desk.asked.filter((name) => name.startsWith('TIME_SERIES'))).toHaveLength(2)
  expect(desk.asked.filter((name) => name.includes(' B'))).toEqual([])
})

test('rights of another version are not guessed at', () => {
  writeFileSync(join(dir, 'entitlements.json'), '{"schema":"chandler.entitlements.v9"}')
  expect(() => new Entitlements(dir)).toThrow(/does not know; use the version that wrote it/)
  expect(existsSync(join(dir, 'entitlements.json'))).toBe(true)
})
