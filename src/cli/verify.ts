/** `chandler verify`: what of journals, lake and event chains is intact, and what is not. */
import type { Command } from 'commander'
import { verifyIndia } from '../app/verify.ts'
import { OperatingError } from '../domain/error.ts'
import { createRuntime, onlyIndia, print, printJson } from './runtime.ts'

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('read every journal and every published file again: what is intact, what is not')
    .option('--market <market>', 'in', 'in')
    .action((options: { market: string }, command: Command) => {
      onlyIndia(options.market)
      const runtime = createRuntime(command)
      const report = verifyIndia(runtime.config)
      if (runtime.json) printJson(report)
      else {
        for (const { date, status, segmentCount, entryCount } of report.journals) {
          print(`journal ${date}: ${status}, ${segmentCount} segments, ${entryCount} entries`)
        }
        const { fileCount, rowCount } = report.lake
        print(`lake: ${fileCount} files, ${rowCount} rows, read and compared with their manifests`)
        for (const { market, status, eventCount } of report.chains) {
          print(`event chain of ${market}: ${status}, ${eventCount} events`)
        }
        for (const { severity, path, detail } of report.findings) print(`${severity}: ${path}: ${detail}`)
        print(report.isIntact ? 'intact' : 'NOT intact')
      }
      if (report.isIntact) return
      const [worst] = report.findings.filter(({ severity }) => severity === 'damage')
      throw new OperatingError(
        `verifying ${runtime.config.dataDir}: ${worst?.path ?? 'the lake'} is not intact; ` +
          'the journal is the source: replay the date into it (replay --out), or settle it again',
        { code: 'VERIFY_FAILED' },
      )
    })
}
