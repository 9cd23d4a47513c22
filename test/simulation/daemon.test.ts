/**
 * What survives when the daemon runs a session unattended? Its worker is killed, then the daemon itself; real
 * processes on one simulated clock. Every job ends exactly once, and the day is settled and judged.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { formatClockSetting } from '../../src/platform/clock.ts'
import { demoInstruments } from '../../src/sim/smartapi/listing.ts'
import { credentialsOf, type Exchange, fileIn, RunningCommand, startExchange, tempDir } from './processes.ts'

const DATE = '2026-07-01'
const INSTRUMENTS = 8
const SPEED = 160
const CLOCK = formatClockSetting({
  instantMs: Date.parse(`${DATE}T09:04:00+05:30`) as UnixMs,
  realMs: Date.now(),
  speed: SPEED,
})
const ENV = { ...credentialsOf('DAEMON'), CHANDLER_CLOCK: CLOCK }

const dir = tempDir('daemon')
let exchange: Exchange
let config: string

beforeAll(async () => {
  exchange = await startExchange({ clock: CLOCK, instrumentCount: INSTRUMENTS, packetsPerSecond: 4 })
  const { restUrl, streamUrl } = exchange
  const listed = demoInstruments(INSTRUMENTS)
  const rows = listed.map(({ exchange: place, token, symbol }) => `${place},${token},${symbol},`)
  const symbols = listed.slice(0, 2).map(({ symbol }) => symbol)
  const patience = {
    graceMs: 60_000,
    socketSilenceMs: 600_000,
    dataSilenceMs: 600_000,
    pingIntervalMs: 60_000,
  }
  config = fileIn(dir, 'chandler.json', {
    dataDir: './data',
    markets: {
      in: {
        http: { port: 0 },
        calendarOverride: fileIn(dir, 'calendar.json', {
          sessions: [{ date: DATE, continuous: [['09:20', '09:34']] }],
        }),
        instruments: fileIn(
          dir,
          'instruments.csv',
          `exchange,token,symbol,derivatives\n${rows.join('\n')}\n`,
        ),
        proxySet: fileIn(dir, 'proxies.json', {
          schema: 'chandler.proxy_set.v1',
          market: 'in',
          version: '1.0.0',
          roles: [{ role: 'index', symbols }],
          required: symbols,
        }),
        stream: { restUrl, streamUrl, fallbackWindowMs: 900_000, ...patience },
        journal: { ballastBytes: 0 },
      },
    },
  })
})

afterAll(async () => {
  await exchange.command.end('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

function startDaemon(): RunningCommand {
  return new RunningCommand(['--config', config, 'daemon', '--market', 'in'], ENV)
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}

function events(): readonly ChainEvent[] {
  const text = readFileSync(join(dir, 'data/events/in/events.jsonl'), 'utf8')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as ChainEvent]))
}

/** Lines of the log so far that hold the text, waiting until there are so many. */
async function saidTimes(command: RunningCommand, text: string, count: number): Promise<void> {
  while (command.stderrLines.filter((line) => line.includes(text)).length < count) {
    if (!command.isRunning) throw new Error(`ended:\n${command.stderrLines.join('\n')}`)
    await pause(20)
  }
}

test('a killed worker and a killed daemon cost their gaps, and every job still ends once', async () => {
  const first = startDaemon()
  await saidTimes(first, 'feed live', 1)
  const url = /url=(\S+)/.exec(await first.said('health and metrics'))![1]!
  // In the session, so that the gap of its death is one: the page tells when a minute has been published.
  let page = ''
  while (!/^chandler_minutes_published_total\{.*\} [1-9]/m.test(page)) {
    page = await (await fetch(url.replace('/health', '/metrics'))).text()
    await pause(100)
  }
  expect((await fetch(url)).status).toBe(200)
  process.kill(childOf(first.pid), 'SIGKILL')
  await first.said('job failed, beginning it again')
  await saidTimes(first, 'feed live', 2)
  const worker = childOf(first.pid)
  await first.end('SIGKILL')
  while (existsSync(`/proc/${worker}`)) await pause(20)

  const second = startDaemon()
  await saidTimes(second, 'feed live', 1)
  await second.said('waiting next=2026-07-02')
  const ended = await second.end('SIGTERM')
  expect([ended.status, ended.signal]).toEqual([0, null])

  const runs = events().filter(({ event_type, payload }) => event_type === 'job.run' && 'planned' in payload)
  expect(runs.map(({ payload }) => [payload.planned, payload.outcome])).toEqual([
    [`stream@${DATE}`, 'done'],
    [`settle@${DATE}`, 'done'],
    [`gate@${DATE}`, expect.stringMatching(/^(done|refused)$/)],
  ])
  const types = events().map(({ event_type }) => event_type)
  expect(types.filter((type) => type === 'gap.recorded').length).toBeGreaterThanOrEqual(1)
  expect(types.filter((type) => type === 'session.settled')).toHaveLength(1)
  expect(types.filter((type) => type === 'gate.ingest')).toHaveLength(1)
}, 60_000)
