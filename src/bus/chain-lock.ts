/** How does one process at a time append? A lock for the moment of an append, for which the others wait. */
import { OperatingError } from '../domain/error.ts'
import { type Lock, takeLock } from '../platform/lock.ts'
import { eventsPath } from './chain-file.ts'

const PATIENCE_MS = 10_000
const WAIT_MS = 5

/**
 * In many short waits: within one long wait SQLite asks ever more rarely, and a process that appends in a
 * loop would keep the others out. Throws LOCK_HELD after `patienceMs` of real time.
 */
export function takeChainLock(dir: string, patienceMs: number = PATIENCE_MS): Lock {
  const attemptsMax = Math.ceil(patienceMs / WAIT_MS)
  for (let attempt = 1; ; attempt++) {
    try {
      return takeLock(dir, '', WAIT_MS)
    } catch (error) {
      if (!(error instanceof OperatingError) || error.code !== 'LOCK_HELD') throw error
      if (attempt >= attemptsMax) throw lockHeld(dir, error)
    }
  }
}

function lockHeld(dir: string, cause: OperatingError): OperatingError {
  return new OperatingError(
    `appending to the chain ${eventsPath(dir)}: another process has been appending for too long; ` +
      'nothing was appended, look for a stopped chandler process and try again',
    { code: 'LOCK_HELD', retryable: true, cause },
  )
}
