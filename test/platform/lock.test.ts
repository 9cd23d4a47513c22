/** Who may write? The kernel says so, and does not mind being asked. */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { takeLock } from '../../src/platform/lock.ts'
import { tempFolder } from '../store/kit.ts'

/** Holds the lock like another process, says so, and gives it back after `holdMs`. */
const HOLDER = `
  const { DatabaseSync } = require('node:sqlite')
  const { parentPort, workerData } = require('node:worker_threads')
  const database = new DatabaseSync(workerData.path)
  database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  parentPort.postMessage('held')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, workerData.holdMs)
  database.close()
`

async function heldElsewhere(dir: string, holdMs: number): Promise<Worker> {
  const holder = new Worker(HOLDER, { eval: true, workerData: { path: join(dir, 'in.lock'), holdMs } })
  await new Promise((resolve) => holder.once('message', resolve))
  return holder
}

test('somebody who only asks whether the lock is held keeps nobody from it', async () => {
  const dir = tempFolder()
  const holder = await heldElsewhere(dir, 40)
  takeLock(dir, 'in').release()
  await holder.terminate()
})

test('a lock that is held stays held, and the answer is one line that says what to do', async () => {
  const dir = tempFolder()
  const holder = await heldElsewhere(dir, 60_000)
  expect(() => takeLock(dir, 'in')).toThrow(/another chandler process holds it; stop that process/)
  await holder.terminate()
})
