/** How is a helper process started and ended? Its first line of output says, as JSON, what it offers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type Child<Offer> = {
  readonly offer: Offer
  readonly process: ChildProcess
  /** Ends it by a signal, and waits. */
  readonly end: () => Promise<void>
}

export const QUIET = '--disable-warning=ExperimentalWarning'

export async function startChild<Offer>(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Child<Offer>> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [QUIET, path, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout! })
  const exited = once(child, 'exit')
  const first = await Promise.race([once(lines, 'line'), exited.then(() => null)])
  if (first === null) throw new Error(`${script} ended before it offered anything`)
  return {
    offer: JSON.parse(String(first[0])) as Offer,
    process: child,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await exited
    },
  }
}
