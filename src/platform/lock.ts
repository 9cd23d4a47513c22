/**
 * Who may write? One process per market and data directory. The lock is an exclusive SQLite
 * transaction on a file of its own, so the kernel holds it: freed at kill -9, kept while the holder
 * is stopped, and no clock decides that it is stale. Never open the lock file anywhere else in the
 * process: POSIX locks are dropped when any descriptor of the file is closed.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, OperatingError } from '../domain/error.ts'
import { fileError, makeDir } from './durable.ts'

export interface Lock {
  release(): void
}

/** Somebody who only asks whether it is held (`chandler status`) holds it for a moment. */
const PATIENCE_MS = 250

/** Nothing is ever written to it, so SQLite need not create, sync and remove a journal each time. */
const HOLD =
  'PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE'

/** Throws LOCK_HELD when another process holds it for longer than `patienceMs` (of real time; it blocks). */
export function takeLock(dir: string, name: string, patienceMs: number = PATIENCE_MS): Lock {
  const path = join(dir, `${name}.lock`)
  let database: DatabaseSync
  try {
    makeDir(dir)
    database = new DatabaseSync(path)
  } catch (error) {
    throw fileError('taking the lock', path, error)
  }
  try {
    database.exec(`PRAGMA busy_timeout=${patienceMs}; ${HOLD}`)
  } catch (error) {
    database.close()
    if (!/locked|busy/i.test(messageOf(error))) throw fileError('taking the lock', path, error)
    throw new OperatingError(
      `taking the lock ${path}: another chandler process holds it; ` +
        'stop that process, or give this one another --data-dir',
      { code: 'LOCK_HELD', retryable: true, cause: error },
    )
  }
  return { release: () => database.close() }
}
