/**
 * A lake on disk in which some sessions of a market are canonical, for tests with real processes. Verdicts
 * of gate 1 are made here and recorded by the product's own appender; what the gate itself finds is tested
 * elsewhere.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openMarketChain } from '../../src/app/chain.ts'
import { runEpochGate } from '../../src/app/gate-epoch.ts'
import { ingestAppender } from '../../src/app/truth-ingest.ts'
import type { TruthContext } from '../../src/app/truth-market.ts'
import { proxySetOf, truthOf } from '../../src/app/truth-market.ts'
import type { Chain } from '../../src/bus/chain.ts'
import { loadCalendar } from '../../src/calendars/calendar.ts'
import { loadConfig } from '../../src/config.ts'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import type { TruthState } from '../../src/domain/truth.ts'
import type { EvidenceFile } from '../../src/domain/verdict.ts'
import { digestOf } from '../../src/gates/digest.ts'
import { snapshotsOf } from '../../src/gates/snapshots.ts'
import { createClock } from '../../src/platform/clock.ts'
import type { Log } from '../../src/platform/log.ts'

/** Sessions of the NYSE that follow each other, from 2026-01-05 on. */
export const SESSIONS: readonly MarketDate[] = loadCalendar('nyse')
  .sessionsBetween('2026-01-05' as MarketDate, '2027-12-31' as MarketDate)
  .map(({ date }) => date)

const QUIET: Log = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }
const SYMBOLS = ['SPY', 'QQQ']

export class TruthLake {
  readonly dir: string
  readonly args: readonly string[]

  /** Makes the configuration, unless another process has. */
  constructor(dir: string, { isMade = false }: { readonly isMade?: boolean } = {}) {
    this.dir = dir
    this.args = ['--config', join(dir, 'chandler.yaml')]
    if (isMade) return
    mkdirSync(join(dir, 'data'), { recursive: true })
    writeFileSync(join(dir, 'chandler.yaml'), 'dataDir: ./data\nmarkets: { us: { proxySet: ./set.json } }\n')
    this.defineProxies(SYMBOLS)
  }

  get context(): TruthContext {
    return { config: loadConfig({ file: join(this.dir, 'chandler.yaml') }), clock: createClock(), log: QUIET }
  }

  defineProxies(symbols: readonly string[], version = '1.0.0'): void {
    const roles = [
      { role: 'equity_core', symbols },
      { role: 'volatility', symbols },
    ]
    writeFileSync(
      join(this.dir, 'set.json'),
      JSON.stringify({ schema: 'chandler.proxy_set.v1', market: 'us', version, roles }),
    )
  }

  /** As if the vendor had answered after that session: RDT. */
  receive(at: number): void {
    const date = SESSIONS[at]!
    const dir = join(this.dir, 'data', 'raw', 'us', date)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, `SPY_TIME_SERIES_DAILY_${date.replaceAll('-', '')}T230000000Z.csv.zst`), '')
  }

  ingest(
    at: number,
    verdict: 'pass' | 'review' = 'pass',
    symbols: readonly string[] = SYMBOLS,
    files: readonly EvidenceFile[] = [],
  ): ChainEvent {
    const { context } = this
    const set = proxySetOf(context.config, 'us')
    const [session, previousSession] = [SESSIONS[at]!, SESSIONS[at - 1] ?? null]
    const { version, sha256, required } = set
    return ingestAppender(
      truthOf(context, 'us'),
      set,
    )({
      type: 'gate.ingest',
      atMs: Date.parse(`${session}T21:00:00Z`) as UnixMs,
      actor: 'system:gate',
      payload: {
        gate: 'ingest',
        rules: 'test',
        market: 'us',
        session,
        previousSession,
        verdict,
        checks: [{ check: 'drift.move', outcome: verdict, says: `SPY moved on ${session}` }],
        files,
        symbols,
        evidenceSha256: digestOf({ session, verdict, symbols, set: sha256 }),
        proxySet: { version, sha256, required },
      },
    })
  }

  /** Runs gate 2 on a session that is not canonical: the market is halted. */
  failGate(at: number): void {
    runEpochGate(this.context, 'us', SESSIONS[at]!)
  }

  chain(): Chain {
    const { config, clock } = this.context
    return openMarketChain({ dataDir: config.dataDir, market: 'us', clock, note: () => {} })
  }

  chainText(): string {
    return readFileSync(join(this.dir, 'data', 'events', 'us', 'events.jsonl'), 'utf8')
  }

  state(): TruthState {
    return truthOf(this.context, 'us').read().state()
  }

  /** Snapshots that are not what the fold says, by name; empty when all are. */
  staleSnapshots(): readonly string[] {
    const fold = truthOf(this.context, 'us').read()
    return snapshotsOf(fold.state(), fold.cttEvent())
      .filter(({ name, text }) => this.file(name) !== text)
      .map(({ name }) => name)
  }

  /** A file below `truth/us`; null where it is not there. */
  file(name: string): string | null {
    try {
      return readFileSync(join(this.dir, 'data', 'truth', 'us', name), 'utf8')
    } catch {
      return null
    }
  }
}
