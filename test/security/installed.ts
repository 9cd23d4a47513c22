/** How is the command run as it is once installed, by its own first line, with the switches that it has? */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const MAIN: string = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const ENV_PROGRAM = '#!/usr/bin/env -S '

/** What follows `env -S` in the command's first line. */
export function firstLine(): string {
  const [line = ''] = readFileSync(MAIN, 'utf8').split('\n')
  if (!line.startsWith(ENV_PROGRAM)) throw new Error(`${MAIN} begins otherwise: ${line}`)
  return line.slice(ENV_PROGRAM.length)
}

export class InstalledCommand {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  text = ''
  readonly #heard = new Set<() => void>()

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    line: string = firstLine(),
  ) {
    const words = ['-S', `${line} --disable-warning=ExperimentalWarning`, MAIN, ...args]
    const all = { PATH: process.env.PATH, ...env }
    this.child = spawn('env', words, { env: all, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (next) => {
        this.text += `${next}\n`
        for (const hear of this.#heard) hear()
      })
    }
    this.ended = (once(this.child, 'close') as Promise<[number | null]>).then(([status]) => status)
  }

  /** Resolves with the first match in what was written, or is written from now on. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    let isOver = false
    void this.ended.then(() => {
      isOver = true
      for (const hear of this.#heard) hear()
    })
    for (;;) {
      const match = pattern.exec(this.text)
      if (match !== null) return match
      if (isOver) throw new Error(`ended without saying ${pattern}:\n${this.text}`)
      await new Promise<void>((resolve) => {
        this.#heard.add(resolve)
      })
    }
  }

  async end(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM')
    return await this.ended
  }
}

/** Addresses, as the kernel writes them, on which the process listens: `0100007F:1F40`. */
export function listeningOf(pid: number): readonly string[] {
  return ['tcp', 'tcp6'].flatMap((table) => {
    const rows = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1)
    return rows.flatMap((row) => {
      const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/)
      return state === '0A' && holdsSocket(pid, inode) ? [local] : []
    })
  })
}

function holdsSocket(pid: number, inode: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`
    } catch {
      return false // closed meanwhile
    }
  })
}
