/**
 * What did a journal acknowledge, and what is still there? A process that appends numbered entries and says
 * how far each watermark is, into a file outside of the disk that is going to be broken: what it said there
 * before it was stopped is what the world relies on.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readSegments } from '../../src/journal/reader.ts'

const CHILD = fileURLToPath(new URL('../journal/child.ts', import.meta.url))

export type Said = {
  readonly written?: number
  readonly durable?: number
  readonly degraded?: string
  readonly failed?: string
  readonly code?: string
  readonly closed?: boolean
  readonly recovered?: { readonly class: string; readonly lastSeq: number; readonly wasClean: boolean }
}

export class JournalRun {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  readonly #said: string

  /** `before` runs the program and must become it: a tracer beside it, a limiter. */
  constructor(
    options: {
      readonly dir: string
      readonly said: string
      readonly count?: number
      readonly fullMaxMs?: number
    },
    before: readonly string[] = [],
  ) {
    const { dir, said, count = 1_000_000, fullMaxMs = 1_000 } = options
    const words = [...before, process.execPath, CHILD, dir, String(count), String(fullMaxMs)]
    this.#said = said
    const out = openSync(said, 'w')
    this.child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', out, 'ignore'] })
    closeSync(out)
    this.ended = once(this.child, 'exit').then(([status]) => status as number | null)
  }

  get pid(): number {
    return this.child.pid!
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Whole lines so far. */
  said(): readonly Said[] {
    const text = readFileSync(this.#said, 'utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
    return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as Said)
  }

  /** Resolves when it has said so many lines or has ended. */
  async hasSaid(lineCount: number): Promise<void> {
    while (this.isRunning && this.said().length < lineCount) await pause(5)
  }

  async kill(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGKILL')
    await this.ended
  }
}

/** Resolves when every thread of the process stands still. */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  const isStopped = (task: string): boolean =>
    / [TtZX] /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8').replace(/^.*\)/, ''))
  while (!readdirSync(`/proc/${pid}/task`).every(isStopped)) await pause(2)
}

export function highest(said: readonly Said[], mark: 'written' | 'durable'): number {
  return said.reduce((most, line) => Math.max(most, line[mark] ?? 0), 0)
}

export type Entries = { readonly count: number; readonly wrong: readonly string[] }

/** Reads every entry; `wrong` names those that are not what was appended under their number. */
export function readEntries(dir: string): Entries {
  const wrong: string[] = []
  let count = 0
  const onDamage = ({ what }: { readonly what: string }): void => void wrong.push(what)
  for (const { seq, bytes, payloadOffset } of readSegments(dir, { onDamage })) {
    count += 1
    const text = Buffer.from(bytes.subarray(payloadOffset, payloadOffset + 24)).toString('latin1')
    if (seq !== count || !text.startsWith(`entry ${seq} `)) wrong.push(`entry ${count}: ${seq} ${text}`)
  }
  return { count, wrong }
}
