/**
 * Where does a row work, and who tidies up after it? A folder of its own, and a list of what is to be undone
 * (mounts, namespaces, processes), undone in reverse order whatever happened in between.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Undo = { readonly what: string; readonly act: () => void | Promise<void> }

export class Place {
  readonly dir: string
  readonly tell: (text: string) => void
  readonly #undos: Undo[] = []

  constructor(name: string, tell: (text: string) => void) {
    this.dir = mkdtempSync(join(tmpdir(), `chandler-fault-${name}-`))
    this.tell = tell
    this.after('the folder', () => rmSync(this.dir, { recursive: true, force: true }))
  }

  after(what: string, act: () => void | Promise<void>): void {
    this.#undos.push({ what, act })
  }

  /** Undoes everything, even where one of it fails; returns what could not be undone. */
  async clear(): Promise<readonly string[]> {
    const failures: string[] = []
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) {
      try {
        await undo.act()
      } catch (error) {
        failures.push(`${undo.what}: ${(error as Error).message}`)
      }
    }
    return failures
  }
}

/** Runs a tool of the machine to its end; throws with what it said when it fails. */
export function tool(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${status}: ${stderr.trim()}`)
  return stdout
}
