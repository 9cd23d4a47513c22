/**
 * Does a process hold a lock? It is tried and given back at once: a kernel lock has no file to look at.
 * Whoever wants the lock in that moment waits for it, see platform/lock.ts.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { OperatingError } from '../domain/error.ts'
import { takeLock } from '../platform/lock.ts'

/** Longer than another one who only asks holds it. */
const PATIENCE_MS = 20

export function isLockHeld(dir: string, name: string): boolean {
  // Asking leaves no file behind where nobody ever held it.
  if (!existsSync(join(dir, `${name}.lock`))) return false
  try {
    takeLock(dir, name, PATIENCE_MS).release()
    return false
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'LOCK_HELD') return true
    throw error
  }
}
