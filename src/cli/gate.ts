/** `chandler gate`: runs one truth gate and records its verdict. */
import type { Command } from 'commander'
import { epochRefusal, runEpochGate } from '../app/gate-epoch.ts'
import { runSyncGate } from '../app/gate-sync.ts'
import { GATE_ACTOR } from '../app/truth.ts'
import { ingestSession } from '../app/truth-ingest.ts'
import { MARKETS, marketOf } from '../app/truth-market.ts'
import { OperatingError } from '../domain/error.ts'
import type { IngestVerdict } from '../domain/verdict.ts'
import { checkedDate } from '../store/lake.ts'
import { renderChecks } from '../terminal/checks.ts'
import { createRuntime, print, printJson } from './runtime.ts'

export function addGate(program: Command): void {
  const gate = program.command('gate').description('run one truth gate and record its verdict')
  gate
    .command('ingest')
    .description('may the session be called canonical? raw -> CTT')
    .requiredOption('--market <market>', MARKETS.join(' | '))
    .requiredOption('--date <date>', 'market date, YYYY-MM-DD')
    .action(async (options: { market: string; date: string }, command: Command) => {
      const market = marketOf(options.market)
      const date = checkedDate(options.date)
      const runtime = createRuntime(command)
      const { verdict, recorded } = await ingestSession(runtime, market, date, GATE_ACTOR)
      if (runtime.json) {
        printJson({ verdict, eventIndex: recorded === 'already' ? null : recorded.event_index })
      } else {
        print(renderChecks(verdict.checks))
        print(`${market} ${date}: ${verdict.verdict}${recorded === 'already' ? ' (as recorded before)' : ''}`)
      }
      const refusal = ingestRefusal(verdict)
      if (refusal !== null) throw refusal
    })
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
