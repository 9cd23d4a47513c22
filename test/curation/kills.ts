/**
 * Does a kill at any moment cost anything? A lake that holds a day is given three more; a process that
 * curates them is killed with SIGKILL, once or several times, and then let run to its end. The tree must be
 * the one of a lake that nobody disturbed. Exported for a script that does it many times.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MARKET_DAYS } from './market-days.ts'
import { differing, RawLake, treeOf } from './raw-lake.ts'

export type KillResult = {
  /** Kills that hit a process before its end. */
  readonly killed: number
  /** Runs that were over before the kill. */
  readonly tooLate: number
  /** Paths of files that differ from the undisturbed tree, with the number of the case. */
  readonly differences: readonly string[]
}

type Run = { readonly runMs: number; readonly isOver: boolean; readonly statementCount: number }

/**
 * Each case is a list of moments, in parts of an undisturbed run: the process is killed at the first one,
 * started again and killed at the second one, and so on. `by`: before a statement of DuckDB, or after so much
 * time.
 */
export async function killCuration(
  cases: readonly (readonly number[])[],
  by: 'statement' | 'time',
): Promise<KillResult> {
  const root = mkdtempSync(join(tmpdir(), 'chandler-kills-'))
  try {
    const start = await startingLake(join(root, 'start'))
    const whole = join(root, 'whole')
    cpSync(start, whole, { recursive: true })
    const undisturbed = await run(whole, {})
    const expected = treeOf(whole)
    const differences: string[] = []
    let [killed, tooLate] = [0, 0]
    for (const [at, moments] of cases.entries()) {
      const dir = join(root, `case-${at}`)
      cpSync(start, dir, { recursive: true })
      for (const moment of moments) {
        const { isOver } = await run(dir, killOf(moment, by, undisturbed))
        if (isOver) tooLate += 1
        else killed += 1
      }
      await run(dir, {})
      differences.push(...differing(treeOf(dir), expected).map((path) => `case ${at}: ${path}`))
      rmSync(dir, { recursive: true, force: true })
    }
    return { killed, tooLate, differences }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function startingLake(dir: string): Promise<string> {
  const lake = new RawLake(dir)
  MARKET_DAYS[0]!(lake)
  await lake.curate()
  for (const day of MARKET_DAYS.slice(1)) day(lake)
  writeFileSync(join(dir, 'answers.json'), JSON.stringify(lake.answers))
  return dir
}

type Kill = { readonly afterMs?: number; readonly atStatement?: number }

function killOf(moment: number, by: 'statement' | 'time', { runMs, statementCount }: Run): Kill {
  return by === 'time' ? { afterMs: moment * runMs } : { atStatement: Math.ceil(moment * statementCount) }
}

async function run(dir: string, { afterMs, atStatement }: Kill): Promise<Run> {
  const script = fileURLToPath(new URL('kill-child.ts', import.meta.url))
  const args = [script, dir, ...(atStatement === undefined ? [] : [String(atStatement)])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let beganMs = 0
  let statementCount = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('end ')) statementCount = Number(line.slice(4))
    if (line !== 'begin') continue
    beganMs = performance.now()
    if (afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), afterMs)
  }
  const runMs = performance.now() - beganMs
  const [code] = await exited
  const isOver = statementCount > 0
  if (!isOver && afterMs === undefined && atStatement === undefined) {
    throw new Error(`curating ${dir} ended with status ${code}`)
  }
  return { runMs, isOver, statementCount }
}
