/** `chandler audit verify|export|anchor|renew`: what can be proved about the events of a market. */
import type { Command } from 'commander'
import type { AnchorRecord } from '../app/anchor-record.ts'
import { anchorAudit, exportMarketAudit, newestAnchor, verifyAudit } from '../app/audit.ts'
import { renewAudit } from '../app/renew-audit.ts'
import type { Market } from '../app/truth-market.ts'
import { describeChain } from '../bus/verify-chain.ts'
import { OperatingError } from '../domain/error.ts'
import { createRuntime, print, printJson, scrubber } from './runtime.ts'

const PART_CHARS = 65_536

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('the event chain: integrity, export, anchors')
  withMarket(audit.command('verify'))
    .description('read the whole chain: is it what it was? Exit status 0 only when VERIFIED')
    .option('--anchors <file...>', 'checkpoints that `audit anchor` wrote and that were kept elsewhere', [])
    .action((options: { market: string; anchors: readonly string[] }, command: Command) => {
      const runtime = createRuntime(command)
      const place = { dataDir: runtime.config.dataDir, market: marketOf(options.market) }
      const report = verifyAudit(place, { noteFiles: options.anchors })
      const anchor = newestAnchor(place)
      const ageMs = anchor === null ? null : runtime.clock.wallMs() - Date.parse(anchor.at)
      if (runtime.json) printJson({ ...report, keptElsewhere: anchor === null ? null : { ...anchor, ageMs } })
      else if (report.status === 'VERIFIED') print(`${describeChain(report)}; ${sayAnchor(anchor, ageMs)}`)
      if (report.status === 'VERIFIED') return
      throw new OperatingError(`verifying the chain: ${describeChain(report)}; nothing was changed`, {
        code: 'VERIFY_FAILED',
      })
    })
  withMarket(audit.command('export'))
    .description('one JSON document: integrity, counts, snapshot, every event')
    .action((options: { market: string }, command: Command) => {
      const { config } = createRuntime(command)
      const output = bufferedOutput()
      exportMarketAudit({ dataDir: config.dataDir, market: marketOf(options.market) }, output.write)
      output.end()
    })
  withMarket(audit.command('anchor'))
    .description('sign the head of the chain and keep it elsewhere')
    .requiredOption('--to <place>', 'a file off this machine, or git:<folder of a repository>')
    .action((options: { market: string; to: string }, command: Command) => {
      const { config, clock, log, json } = createRuntime(command)
      const note = (text: string): void => log.warn(text)
      const market = marketOf(options.market)
      const anchored = anchorAudit({ dataDir: config.dataDir, market, to: options.to, clock, note })
      if (json) printJson(anchored)
      else print(`anchored ${anchored.eventCount} events of ${market} in ${anchored.path}`)
    })
  addRenew(audit)
}

function addRenew(audit: Command): void {
  withMarket(audit.command('renew'))
    .description('a chain that is not intact: set it aside as it is, begin the next generation')
    .requiredOption('--operator <name>', 'who answers for it')
    .requiredOption('--reason <text>', 'why, in at least 20 characters; it stands in the new chain for ever')
    .option('--yes-i-understand', 'that CTT and TE begin empty and must be gated again', false)
    .action((options: RenewFlags, command: Command) => {
      const runtime = createRuntime(command)
      const market = marketOf(options.market)
      const { operator, reason, yesIUnderstand: isUnderstood } = options
      const renewed = renewAudit(runtime, market, { operator, reason, isUnderstood })
      if (runtime.json) printJson(renewed)
      else {
        print(`generation ${renewed.generation} of the chain of ${market}; before it: ${renewed.asidePath}`)
        print('CTT and TE are empty: let the gates judge the sessions again, then advance the epoch')
      }
    })
}

type RenewFlags = {
  readonly market: string
  readonly operator: string
  readonly reason: string
  readonly yesIUnderstand: boolean
}

/** An anchor protects up to the moment of its making, so its age is the window that nothing protects. */
function sayAnchor(anchor: AnchorRecord | null, ageMs: number | null): string {
  if (anchor === null || ageMs === null) return 'none was kept elsewhere yet (chandler audit anchor --to)'
  const hours = (ageMs / 3_600_000).toFixed(1)
  return `the newest kept elsewhere is ${hours} h old, of event ${anchor.eventIndex}, at ${anchor.to}`
}

function withMarket(command: Command): Command {
  return command.option('--market <market>', 'in or us', 'in')
}

function marketOf(text: string): Market {
  if (text === 'in' || text === 'us') return text
  throw new OperatingError(`reading --market: there is no market "${text}"; use in or us`, { code: 'USAGE' })
}

/** Parts are gathered, so that an export is not as many system calls as it has events. */
function bufferedOutput(): { write: (part: string) => void; end: () => void } {
  let waiting = ''
  const end = (): void => {
    process.stdout.write(scrubber.scrub(waiting))
    waiting = ''
  }
  const write = (part: string): void => {
    waiting += part
    if (waiting.length >= PART_CHARS) end()
  }
  return { write, end }
}
