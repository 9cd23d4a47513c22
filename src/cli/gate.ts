/** `chandler gate`: runs one truth gate and records its verdict. */
import type { Command } from 'commander'
import { epochRefusal, runEpochGate } from '../app/gate-epoch.ts'
import { runSyncGate } from '../app/gate-sync.ts'
import { GATE_ACTOR } from '../app/truth.ts'
import { ingestSession, sessionsToJudge } from '../app/truth-ingest.ts'
import { MARKETS, type Market, marketOf } from '../app/truth-market.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import type { IngestVerdict } from '../domain/verdict.ts'
import { checkedDate } from '../store/lake.ts'
import { renderChecks } from '../terminal/checks.ts'
import { createRuntime, print, printJson, type Runtime } from './runtime.ts'

export function addGate(program: Command): void {
  const gate = program.command('gate').description('run one truth gate and record its verdict')
  addIngest(gate)
  addEpochGate(gate)
  addSync(gate)
}

function addIngest(gate: Command): void {
  gate
    .command('ingest')
    .description('may the session be called canonical? raw -> CTT')
    .requiredOption('--market <market>', MARKETS.join(' | '))
    .option('--date <date>', 'this session alone, YYYY-MM-DD')
    .option('--through <date>', 'every session after CTT up to this one (default: the last one that is over)')
    .action(async (options: IngestFlags, command: Command) => {
      const market = marketOf(options.market)
      const date = options.date === undefined ? null : checkedDate(options.date)
      const through = options.through === undefined ? null : checkedDate(options.through)
      if (date !== null && through !== null) {
        throw new OperatingError('reading --date and --through: both are given; give one', { code: 'USAGE' })
      }
      const runtime = createRuntime(command)
      if (date !== null) {
        const told = await judged(runtime, market, date)
        if (runtime.json) printJson(told)
        throwRefusal(told.verdict)
        return
      }
      const row: Told[] = []
      for (const each of sessionsToJudge(runtime, market, through)) {
        row.push(await judged(runtime, market, each))
        // A session that is not canonical holds back all after it.
        if (row.at(-1)!.verdict.verdict !== 'pass') break
      }
      if (runtime.json) printJson({ market, judged: row })
      else if (row.length === 0) print(`${market}: nothing is to be judged, CTT is there already`)
      for (const { verdict } of row) throwRefusal(verdict)
    })
}

function addEpochGate(gate: Command): void {
  gate
    .command('epoch')
    .description('may the session be evaluated? CTT -> TE; a failure halts the market')
    .requiredOption('--market <market>', MARKETS.join(' | '))
    .option('--date <date>', 'target session (default: CTT)')
    .action((options: { market: string; date?: string }, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      const result = runEpochGate(runtime, market, options.date)
      const { verdict, eventIndex, isNew, haltId } = result
      if (runtime.json) printJson({ verdict, eventIndex, isNew, haltId })
      else {
        print(renderChecks(verdict.checks))
        print(
          `${market} ${verdict.target}: ${verdict.verdict}, event ${eventIndex}` +
            `${isNew ? '' : ' (as recorded before)'}; policy ${verdict.policyFile}`,
        )
        if (haltId !== null) print(`${market} is halted (${haltId})`)
      }
      const refusal = epochRefusal(result)
      if (refusal !== null) throw refusal
    })
}

function addSync(gate: Command): void {
  gate
    .command('sync')
    .description('are the epochs of the markets in step? warns, moves nothing')
    .option('--market <market>', `${MARKETS.join(' | ')} (default: each, in its own chain)`)
    .action((options: { market?: string }, command: Command) => {
      const markets = options.market === undefined ? MARKETS : [marketOf(options.market)]
      const runtime = createRuntime(command)
      const results = markets.flatMap((market) => runSyncGate(runtime, market))
      if (runtime.json) printJson({ verdicts: results.map(({ verdict }) => verdict) })
      for (const { verdict } of results) {
        if (verdict.verdict === 'review') runtime.log.warn(verdict.says, { market: verdict.market })
        if (!runtime.json) print(`${verdict.market}: ${verdict.verdict}: ${verdict.says}`)
      }
      const failed = results.find(({ verdict }) => verdict.verdict === 'fail')
      if (failed === undefined) return
      throw new OperatingError(
        `judging how far the epochs are apart: ${failed.verdict.says}; ` +
          "bring the other market's epoch forward first",
        { code: 'GATE_REFUSED' },
      )
    })
}

type IngestFlags = { readonly market: string; readonly date?: string; readonly through?: string }

/** As `--json` has it; `eventIndex` null: recorded before. */
type Told = { readonly verdict: IngestVerdict; readonly eventIndex: number | null }

/** For people the checks are printed as soon as they are known. */
async function judged(runtime: Runtime, market: Market, date: MarketDate): Promise<Told> {
  const { verdict, recorded } = await ingestSession(runtime, market, date, GATE_ACTOR)
  const eventIndex = recorded === 'already' ? null : recorded.event_index
  if (!runtime.json) {
    print(renderChecks(verdict.checks))
    print(`${market} ${date}: ${verdict.verdict}${eventIndex === null ? ' (as recorded before)' : ''}`)
  }
  return { verdict, eventIndex }
}

function throwRefusal(verdict: IngestVerdict): void {
  const refusal = ingestRefusal(verdict)
  if (refusal !== null) throw refusal
}

/** `review` and `wait` are no refusals of the data, but CTT did not move, and a script must see that. */
function ingestRefusal({ verdict, market, session, checks }: IngestVerdict): OperatingError | null {
  if (verdict === 'pass') return null
  const says = checks.filter(({ outcome }) => outcome === verdict).map((check) => check.says)
  const next = {
    fail: `correct the data, ${market === 'us' ? 'fetch' : 'settle'} it again, then judge it again`,
    review: `look at it, then chandler review accept or reject (review list --market ${market})`,
    wait: 'run the gate again when the evidence is there',
  }[verdict]
  return new OperatingError(
    `judging the session ${session} of ${market}: ${verdict}: ${says.join('; ')}; CTT did not move: ${next}`,
    { code: 'GATE_REFUSED' },
  )
}
