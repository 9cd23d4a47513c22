/** `chandler review`: what waits for a person, and the person's word on it. */
import type { Command } from 'commander'
import { decideReview, resolveAlert, waitingIn } from '../app/review.ts'
import { MARKETS, type Market, marketOf } from '../app/truth-market.ts'
import { OperatingError } from '../domain/error.ts'
import { createRuntime, print, printJson } from './runtime.ts'

type DecideFlags = { readonly market?: string; readonly operator: string; readonly reason: string }

export function addReview(program: Command): void {
  const review = program.command('review').description('what waits for a person: reviews of gate 1, alerts')
  review
    .command('list')
    .option('--market <market>', MARKETS.join(' | '))
    .action((options: { market?: string }, command: Command) => {
      const markets = options.market === undefined ? MARKETS : [marketOf(options.market)]
      const runtime = createRuntime(command)
      const waiting = markets.map((market) => waitingIn(runtime, market))
      if (runtime.json) {
        printJson({ markets: waiting })
        return
      }
      const lines = waiting.flatMap(({ market, reviews, alerts }) => [
        ...reviews.map(({ id, session, says }) => `${market} ${id}  session ${session}: ${says.join('; ')}`),
        ...alerts.map(({ id, severity, text }) => `${market} ${id}  ${severity} alert: ${text}`),
      ])
      print(lines.length === 0 ? 'nothing waits' : lines.join('\n'))
    })
  for (const decision of ['accept', 'reject'] as const) {
    addDecision(review, decision, `${decision} what the ingestion gate asked about`).action(
      async (id: string, flags: DecideFlags, command: Command) => {
        const market = reviewMarket(id, flags.market)
        const runtime = createRuntime(command)
        const decided = await decideReview(runtime, market, id, decision, flags)
        if (runtime.json) printJson(decided)
        else print(`${id} ${decision}ed; CTT of ${market} is ${decided.ctt ?? 'nowhere yet'}`)
      },
    )
  }
  addDecision(review, 'resolve', 'an alert has been dealt with').action(
    (id: string, flags: DecideFlags, command: Command) => {
      const market = reviewMarket(id, flags.market)
      const runtime = createRuntime(command)
      const alert = resolveAlert(runtime, market, id, flags)
      if (runtime.json) printJson({ market, alert })
      else print(`${id} resolved: ${alert.text}`)
    },
  )
}

function addDecision(review: Command, name: string, description: string): Command {
  return review
    .command(name)
    .description(description)
    .argument('<id>', 'as in review list')
    .option('--market <market>', MARKETS.join(' | '))
    .requiredOption('--operator <name>', 'who decides')
    .requiredOption('--reason <text>', 'why')
}

/** An id does not say whose it is: the same session may wait in both markets. */
function reviewMarket(id: string, market: string | undefined): Market {
  if (market !== undefined) return marketOf(market)
  throw new OperatingError(`deciding ${id}: --market is missing; chandler review list shows the market`, {
    code: 'USAGE',
  })
}
