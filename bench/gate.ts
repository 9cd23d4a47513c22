/**
 * How long does the ingestion gate take for a whole session, and how much memory? 3,000 instruments, every
 * minute: 1,125,000 candles, settled as the command settles them, after a session of the same size that is
 * canonical. Each run is a process of its own, so that its memory is its own: reading and digesting both
 * files, all checks, the verdict. The lake is made by another process; files are warm in the page cache.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type IngestGateContext, runIngestGate } from '../src/app/gate-ingest.ts'
import { loadConfig } from '../src/config.ts'
import type { ChainEvent, EventDraft } from '../src/domain/event.ts'
import type { MarketDate } from '../src/domain/time.ts'
import { createClock } from '../src/platform/clock.ts'
import { FilePublisher } from '../src/store/publish-steps.ts'
import { asTicks, madeSession, reportOf } from '../test/gates/corruption-sessions.ts'
import { QUIET } from './child.ts'
import { flag, medianOf, report, say, spreadOf } from './measure.ts'

const STOCKS = 2_900
const INDICES = 100
const [BEFORE, DAY] = ['2016-08-24' as MarketDate, '2016-08-25' as MarketDate]
const CHAIN = 'chain.json'
const SECONDS_MAX = 5
const BYTES_MAX = 500e6

type Judged = {
  readonly seconds: number
  /** Of all threads: what the machine's other work does not change. */
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly rowCount: number
  readonly verdict: string
  readonly checkCount: number
}

const [, , role, dataDir] = process.argv
if (role === 'make') await makeLake(dataDir!)
else if (role === 'judge') process.stdout.write(JSON.stringify(await judge(dataDir!)))
else measure(flag('runs', 5))

function measure(runs: number): void {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-bench-'))
  try {
    say(`settling two sessions of ${STOCKS + INDICES} instruments`)
    part('make', dir)
    const judged = Array.from({ length: runs }, () => JSON.parse(part('judge', dir)) as Judged)
    const seconds = spreadOf(judged.map((run) => run.seconds))
    const peakBytes = medianOf(judged.map((run) => run.peakBytes))
    const { rowCount, verdict, checkCount } = judged[0]!
    report({
      name: 'gate',
      what: 'ingestion gate on a settled session: read, digest, all checks, verdict',
      figure: seconds.median,
      unit: 's',
      ...seconds,
      baseline: null,
      baselineUnit: '',
      baselineWhat: 'nothing else judges such a session',
      ratio: null,
      target: `<= ${SECONDS_MAX} s and <= ${BYTES_MAX / 1e6} MB in the process, verdict pass`,
      holds: seconds.max <= SECONDS_MAX && peakBytes <= BYTES_MAX && verdict === 'pass',
      notes: {
        instruments: STOCKS + INDICES,
        candles: rowCount,
        checks: checkCount,
        cpuSeconds: medianOf(judged.map((run) => run.cpuSeconds)),
        verdict,
        peakMB: Math.round(peakBytes / 1e6),
        peakMBMax: Math.round(Math.max(...judged.map((run) => run.peakBytes)) / 1e6),
      },
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** This file in another process, which says one line of JSON, or nothing. */
function part(name: 'make' | 'judge', dir: string): string {
  const path = fileURLToPath(import.meta.url)
  const { status, stdout } = spawnSync(process.execPath, [QUIET, path, name, dir], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${name} ended with ${status}`)
  return stdout
}

/** Two settled sessions, and the chain in which the first of them is canonical. */
async function makeLake(dir: string): Promise<void> {
  for (const date of [BEFORE, DAY]) {
    const table = asTicks(madeSession(date, STOCKS, INDICES, 1))
    const publisher = new FilePublisher(dir, 'in', () => {})
    publisher.setInstruments(table.instruments)
    const day = { market: 'in', date }
    const published = publisher.publish({
      file: { kind: 'day', day },
      columns: table.columns,
      journalToSeq: 1,
    })
    const { path, sizeBytes, rowCount, sha256 } = published
    const settled = reportOf(table, date, { path, sizeBytes, rowCount, sha256: sha256! })
    publisher.publish({ file: { kind: 'report', day }, report: settled, journalToSeq: 1 })
    publisher.end()
  }
  const events: ChainEvent[] = []
  await runIngestGate(contextOf(dir, events), 'in', BEFORE)
  writeFileSync(join(dir, CHAIN), JSON.stringify(events))
}

async function judge(dir: string): Promise<Judged> {
  const events = JSON.parse(readFileSync(join(dir, CHAIN), 'utf8')) as ChainEvent[]
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const { verdict } = await runIngestGate(contextOf(dir, events), 'in', DAY)
  const seconds = (performance.now() - startMs) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  const { rowCount } = verdict.files[0]!
  const peakBytes = process.resourceUsage().maxRSS * 1_024
  const cpuSeconds = (user + system) / 1e6
  return {
    seconds,
    cpuSeconds,
    peakBytes,
    rowCount,
    verdict: verdict.verdict,
    checkCount: verdict.checks.length,
  }
}

function contextOf(dir: string, events: ChainEvent[]): IngestGateContext {
  const append = ({ type, payload }: EventDraft): ChainEvent => {
    const event = { event_type: type, payload } as unknown as ChainEvent
    events.push(event)
    return event
  }
  const proxySet = { version: '1.0.0', sha256: '1'.repeat(64), required: [] }
  return {
    config: loadConfig({ dataDir: dir }),
    clock: createClock(),
    events,
    append,
    proxySet,
    actor: 'system:bench',
  }
}
