/**
 * What happens when the process dies between any two system calls? `crashAt` lets a number of calls that
 * change the disk through and fails every later one, as a kill would: nothing after it happens any more.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const CHANGING = [
  'openSync',
  'writeSync',
  'fsyncSync',
  'fdatasyncSync',
  'linkSync',
  'unlinkSync',
  'renameSync',
  'mkdirSync',
  'ftruncateSync',
  'rmSync',
] as const

type Call = (...args: unknown[]) => unknown
const calls = fs as unknown as Record<(typeof CHANGING)[number], Call>

export class Crash extends Error {
  override readonly name = 'Crash'
}

/** A kill loses nothing that was written, synced or not; so no test of kills waits for a disk. */
const SYNCS: readonly string[] = ['fsyncSync', 'fdatasyncSync']

/**
 * Runs `work` with the first `callsAllowed` calls let through. The call after them writes half of its
 * bytes, if it writes. Returns how many calls were made; `Infinity` allows all.
 */
export function crashAt(callsAllowed: number, work: () => void): { calls: number; crashed: boolean } {
  const originals = CHANGING.map((name) => [name, calls[name]] as const)
  let made = 0
  for (const [name, original] of originals) {
    calls[name] = (...args) => {
      made += 1
      if (made <= callsAllowed) return SYNCS.includes(name) ? undefined : original(...args)
      if (name === 'writeSync' && made === callsAllowed + 1) writeHalf(original, args)
      throw new Crash(`killed before ${name}`)
    }
  }
  syncBuiltinESMExports()
  try {
    work()
    return { calls: made, crashed: false }
  } catch (error) {
    if (made > callsAllowed) return { calls: made, crashed: true }
    throw error
  } finally {
    restore(originals)
  }
}

/** Runs `work` while the `nth` call of `name` fails with `code`, having done nothing or half. */
export function failAt(name: (typeof CHANGING)[number], nth: number, code: string, work: () => void): void {
  const original = calls[name]
  let made = 0
  calls[name] = (...args) => {
    made += 1
    if (made !== nth) return original(...args)
    if (name === 'writeSync') writeHalf(original, args)
    throw Object.assign(new Error(`${code}: ${name} failed on purpose`), { code })
  }
  syncBuiltinESMExports()
  try {
    work()
  } finally {
    restore([[name, original]])
  }
}

function writeHalf(write: Call, args: unknown[]): void {
  const [fd, bytes, offset, length, position] = args as [number, Uint8Array, number, number, number | null]
  write(fd, bytes, offset, Math.floor(length / 2), position)
}

function restore(originals: readonly (readonly [(typeof CHANGING)[number], Call])[]): void {
  for (const [name, original] of originals) calls[name] = original
  syncBuiltinESMExports()
}
