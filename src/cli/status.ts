/** `chandler status`: one screen that says how it stands. */
import type { Command } from 'commander'
import { statusReport } from '../app/status.ts'
import { sizeOf } from '../terminal/output.ts'
import { renderStatus } from '../terminal/status-screen.ts'
import { createRuntime, print, printJson } from './runtime.ts'

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('one screen: feed, times of truth, gaps, journal, disk')
    .action((_options: unknown, command: Command) => {
      const runtime = createRuntime(command)
      const report = statusReport(runtime)
      if (runtime.json) printJson(report)
      else print(renderStatus(report, { ...runtime, ...sizeOf(process.stdout) }))
    })
}
