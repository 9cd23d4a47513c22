/** `chandler epoch`: where the truth epoch stands, and its moves, each by a named operator. */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import {
  advanceEpoch,
  type EpochStatus,
  epochStatus,
  OVERRIDE_SESSIONS_DEFAULT,
  overrideEpoch,
  rollBackEpoch,
} from '../app/epoch.ts'
import { MARKETS, marketOf } from '../app/truth-market.ts'
import type { Epoch } from '../domain/truth.ts'
import { stateSnapshot } from '../gates/snapshots.ts'
import { whole } from './numbers.ts'
import { createRuntime, print, printJson, type Runtime } from './runtime.ts'

type MoveFlags = {
  readonly market: string
  readonly to: string
  readonly operator: string
  readonly reason: string
  readonly yesIUnderstand: boolean
  readonly confirm?: string
  readonly sessions: number
}

export function addEpoch(program: Command): void {
  const epoch = program.command('epoch').description('the truth epoch: where it stands, and its moves')
  epoch
    .command('status')
    .description('RDT, CTT, TE, halt and overrides of each market')
    .option('--market <market>', MARKETS.join(' | '))
    .action((options: { market?: string }, command: Command) => {
      const markets = options.market === undefined ? MARKETS : [marketOf(options.market)]
      const runtime = createRuntime(command)
      const found = markets.map((market) => epochStatus(runtime, market))
      if (runtime.json) {
        printJson({ markets: found.map(({ state, ...rest }) => ({ ...rest, state: stateSnapshot(state) })) })
      } else print(found.map(statusLines).join('\n\n'))
    })
  epoch
    .command('advance')
    .description('move TE forward, through the intelligence gate')
    .requiredOption('--market <market>', MARKETS.join(' | '))
    .requiredOption('--to <date>', 'target session, YYYY-MM-DD')
    .requiredOption('--operator <name>', 'who answers for it')
    .action((options: MoveFlags, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      tell(runtime, market, advanceEpoch(runtime, market, options.to, options.operator))
    })
  addForced(epoch, 'override', 'move TE forward against failed checks; it expires')
    .option('--sessions <count>', 'how many sessions after CTT it carries', whole, OVERRIDE_SESSIONS_DEFAULT)
    .action(async (options: MoveFlags, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      const confirmed = await confirmationOf(options)
      tell(runtime, market, overrideEpoch(runtime, market, options.to, confirmed, options.sessions))
    })
  addForced(epoch, 'rollback', 'move TE back to the session of an earlier epoch; nothing is deleted').action(
    async (options: MoveFlags, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      tell(runtime, market, rollBackEpoch(runtime, market, options.to, await confirmationOf(options)))
    },
  )
}

function addForced(epoch: Command, name: string, description: string): Command {
  return epoch
    .command(name)
    .description(description)
    .requiredOption('--market <market>', MARKETS.join(' | '))
    .requiredOption('--to <date>', 'target session, YYYY-MM-DD')
    .requiredOption('--operator <name>', 'who answers for it')
    .requiredOption('--reason <text>', 'why, in at least 20 characters; it stands in the chain for ever')
    .option('--yes-i-understand', 'that evaluations will run on this', false)
    .option('--confirm <date>', 'the target, typed again (asked for on a terminal)')
}

async function confirmationOf(flags: MoveFlags): Promise<{
  operator: string
  reason: string
  isUnderstood: boolean
  confirmed: string
}> {
  const { operator, reason, yesIUnderstand: isUnderstood, confirm, market } = flags
  return { operator, reason, isUnderstood, confirmed: confirm ?? (await typedAgain(market)) }
}

/** Empty where nobody can be asked: then the comparison refuses, and says which flag is missing. */
async function typedAgain(market: string): Promise<string> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return ''
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await asking.question(`type the target session of ${market} again: `)).trim()
  } finally {
    asking.close()
  }
}

function tell(runtime: Runtime, market: string, epoch: Epoch): void {
  if (runtime.json) printJson({ market, epoch })
  else print(`TE of ${market} is ${epoch.session} (${epoch.epochId}, event ${epoch.eventIndex})`)
}

function statusLines(found: EpochStatus): string {
  const { market, state, rawSession, proxySet, proxySetFault, overrideExpired } = found
  const { epoch, ctt, halt, reviews, alerts, inspection } = state
  const isOther =
    epoch?.status === 'CANONICAL' && (proxySet?.sha256 ?? epoch.proxySetSha256) !== epoch.proxySetSha256
  const mark = [
    ...(epoch?.overridden === true ? [', by an override'] : []),
    // The event that says so comes with the next decision.
    ...(isOther ? [`, but of the proxy set ${epoch.proxySetVersion}: invalid with this one`] : []),
  ].join('')
  const te = epoch === null ? 'no epoch yet' : `${epoch.session}  ${epoch.epochId}, ${epoch.status}${mark}`
  const set = proxySet === null ? proxySetFault : `${proxySet.version}  ${proxySet.sha256.slice(0, 12)}`
  const critical = alerts.filter(({ severity }) => severity === 'critical').length
  const lines = [
    `${market.toUpperCase()}`,
    `  RDT         ${rawSession ?? 'nothing received yet'}`,
    `  CTT         ${ctt ?? 'no session is canonical yet'}`,
    `  TE          ${te}`,
    `  proxy set   ${set}`,
    `  halt        ${halt === null ? 'none' : `${halt.id}: ${halt.reason}`}`,
    `  reviews     ${reviews.length}, critical alerts ${critical}, inspection ${inspection ? 'on' : 'off'}`,
  ]
  if (overrideExpired !== null) lines.push(`  override    expired after ${overrideExpired}`)
  return lines.join('\n')
}
