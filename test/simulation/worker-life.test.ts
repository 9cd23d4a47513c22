/**
 * How does a worker live beside signals, other workers and its own absence? Real processes on one simulated
 * clock, each worker with a lake of its own; what its candles say is held against what was really traded.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { demoInstruments } from '../../src/sim/smartapi/listing.ts'
import { journalDir, momentumDir, partsDir } from '../../src/store/lake.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { keyOf, readRows } from './lake-rows.ts'
import {
  credentialsOf,
  type Ended,
  type Exchange,
  fileIn,
  RunningCommand,
  startExchange,
  tempDir,
} from './processes.ts'
import { trueRows, untrueRows } from './true-rows.ts'

const DATE = '2026-07-01' as MarketDate
const DAY = { market: 'in', date: DATE }
const WORLD = { date: DATE, seed: 3, instrumentCount: 12, packetsPerSecond: 6 }
const SPEED = 60
const SIMULATION = {
  instantMs: Date.parse(`${DATE}T10:00:00+05:30`) as UnixMs,
  realMs: Date.now(),
  speed: SPEED,
}
const CLOCK = formatClockSetting(SIMULATION)
const clock = createClock(SIMULATION)

let dir: string
let exchange: Exchange

beforeAll(async () => {
  dir = tempDir('worker-life')
  exchange = await startExchange({ ...WORLD, clock: CLOCK })
})

afterAll(async () => {
  await exchange.command.end('SIGKILL')
  rmSync(dir, { recursive: true })
})

class Worker {
  readonly name: string
  readonly dataDir: string
  readonly #config: string

  constructor(name: string) {
    this.name = name
    const at = join(dir, name)
    mkdirSync(at)
    this.dataDir = join(at, 'data')
    const rows = demoInstruments(WORLD.instrumentCount).map(
      ({ exchange: place, token, symbol }) => `${place},${token},${symbol}`,
    )
    const instruments = fileIn(at, 'instruments.csv', `exchange,token,symbol\n${rows.join('\n')}\n`)
    const { restUrl, streamUrl } = exchange
    const silenceMs = 5_000 * SPEED
    const stream = {
      restUrl,
      streamUrl,
      graceMs: 20_000,
      socketSilenceMs: silenceMs,
      dataSilenceMs: silenceMs,
      pingIntervalMs: 300 * SPEED,
    }
    this.#config = fileIn(at, 'chandler.json', {
      dataDir: this.dataDir,
      markets: { in: { instruments, stream, journal: { ballastBytes: 0 } } },
    })
  }

  command(...args: string[]): RunningCommand {
    const env = { ...credentialsOf(this.name.toUpperCase()), CHANDLER_CLOCK: CLOCK }
    return new RunningCommand(['--config', this.#config, ...args], env)
  }

  async start(): Promise<RunningCommand> {
    const command = this.command('stream', '--market', 'in')
    await command.said('feed live')
    return command
  }

  parts(): readonly string[] {
    const at = join(this.dataDir, partsDir(DAY))
    return existsSync(at) ? readdirSync(at).sort() : []
  }

  /** Resolves when so many parts are published. */
  async published(count: number, by: RunningCommand): Promise<void> {
    while (this.parts().length < count) {
      if (!by.isRunning) throw new Error(`ended early:\n${by.stderrLines.join('\n')}`)
      await pause(50)
    }
  }

  fold(): CandleFold {
    const fold = new CandleFold({ venue: smartapi, lateness: 'live' })
    foldJournal(join(this.dataDir, journalDir(DAY)), [fold])
    return fold
  }

  /** Nothing that the worker's candles call complete differs from what was traded. */
  async expectHonest(): Promise<void> {
    const rows = await readRows(join(this.dataDir, partsDir(DAY), '*.parquet'))
    expect(new Set(rows.map(keyOf)).size).toBe(rows.length)
    expect(rows.filter(({ complete }) => complete).length).toBeGreaterThan(0)
    expect(untrueRows(rows, trueRows(WORLD, this.fold().minuteRange()))).toEqual([])
    const replay = await this.command('replay', '--market', 'in', '--date', DATE, '--json').ended
    expect(JSON.parse(replay.stdout)).toMatchObject({ different: [], unlisted: [], damageCount: 0 })
  }
}

function lastLine({ stderr }: Ended): string {
  return stderr.trimEnd().split('\n').at(-1)!
}

describe.concurrent('a worker', () => {
  test('ends on SIGTERM with status 0 and everything published, and a new start goes on', async () => {
    const worker = new Worker('stopped')
    const first = await worker.start()
    await worker.published(4, first)
    const stopped = await first.end('SIGTERM')
    expect(stopped).toMatchObject({ status: 0, signal: null })
    expect(stopped.stderr).not.toContain('error')
    const fold = worker.fold()
    const before = worker.parts()
    // Every minute that was finalised is a part, and each part has its signals.
    expect(before).toHaveLength(fold.firstOpenMinute() - minuteOfFirst(before[0]!))
    expect(readdirSync(join(worker.dataDir, momentumDir(DAY))).sort()).toEqual(before)
    const second = await worker.start()
    expect(second.stderrLines.join('\n')).toContain('journal replayed')
    expect(second.stderrLines.join('\n')).not.toContain('did not end cleanly')
    await worker.published(before.length + 3, second)
    expect(await second.end('SIGTERM')).toMatchObject({ status: 0 })
    expect(worker.parts().slice(0, before.length)).toEqual(before)
    const reasons = worker
      .fold()
      .gaps()
      .map(({ reason }) => reason)
    expect(reasons).toEqual(['stopped', 'stopped', 'stopped'])
    await worker.expectHonest()
  })

  test('does not start where another one works, and says so in one line', async () => {
    const worker = new Worker('held')
    const first = await worker.start()
    const second = await worker.command('stream', '--market', 'in').ended
    expect(second.status).toBe(75)
    expect(second.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(lastLine(second)).toMatch(/in\.lock: another chandler process holds it; .*--data-dir/)
    expect(second.stdout).toBe('')
    await worker.published(4, first)
    expect(await first.end('SIGTERM')).toMatchObject({ status: 0 })
    await worker.expectHonest()
  })

  test('that was stopped and continued tells the gap, and its candles say what they missed', async () => {
    const worker = new Worker('asleep')
    const command = await worker.start()
    await worker.published(2, command)
    const stoppedMs = clock.wallMs()
    command.child.kill('SIGSTOP')
    await pause(3_000)
    const continuedMs = clock.wallMs()
    command.child.kill('SIGCONT')
    await command.said('feed lost')
    await worker.published(worker.parts().length + 4, command)
    expect(await command.end('SIGTERM')).toMatchObject({ status: 0 })
    const asleep = worker
      .fold()
      .gaps()
      .find(({ reason }) => reason === 'asleep')
    expect(asleep!.fromMs).toBeLessThanOrEqual(stoppedMs + SPEED * 100)
    expect(asleep!.toMs).toBeGreaterThanOrEqual(continuedMs)
    await worker.expectHonest()
  })
})

/** Minutes since the epoch of a part's name, `HHMM` in Mumbai. */
function minuteOfFirst(name: string): number {
  return Date.parse(`${DATE}T${name.slice(0, 2)}:${name.slice(2, 4)}:00+05:30`) / 60_000
}

test('the stand-in has not ended meanwhile', () => {
  expect(exchange.command.isRunning).toBe(true)
})
