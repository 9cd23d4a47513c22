/** Which thread waits for the disk? This one, and it does nothing else. See writer.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../domain/error.ts'
import type { ClockSimulation } from '../platform/clock.ts'
import { createClock } from '../platform/clock.ts'
import { createBallast } from './ballast.ts'
import { DISK_FILES } from './files.ts'
import type { SharedRing } from './ring.ts'
import { ASLEEP, AWAKE, DOZING, FAILED, REST, WAKE } from './ring.ts'
import { isDiskFull } from './segment-file.ts'
import type { WriterMessage, WriterOptions, WriterStart } from './writer.ts'
import { JournalWriter } from './writer.ts'

export type WriterThreadData = {
  readonly ring: SharedRing
  readonly options: WriterOptions
  readonly start: WriterStart
  readonly simulation?: ClockSimulation
}

/** While entries come thick, they are collected this long: a thousand writes a second, not ten thousand. */
const DOZE_MS = 1

const { ring, options, start, simulation } = workerData as WriterThreadData
const control = new Int32Array(ring.control)
const never = new Int32Array(new SharedArrayBuffer(4))

function tell(message: WriterMessage): void {
  parentPort!.postMessage(message)
}

function run(): void {
  const ballast = createBallast(DISK_FILES, options.ballastPath, options.ballastBytes, (message) =>
    tell({ kind: 'degraded', message }),
  )
  const writer = new JournalWriter(ring, options, start, {
    files: DISK_FILES,
    wall: createClock(simulation),
    real: createClock(),
    tell,
    pause: (durationMs) => void Atomics.wait(never, 0, 0, durationMs),
    ballast,
  })
  ballast.make()
  while (!writer.hasEnded) {
    const didWork = writer.hasWork()
    const dueMs = writer.turn()
    if (!writer.hasEnded) rest(writer, didWork, dueMs)
  }
  ballast.remove()
}

/** Announce, look once more, then wait: see ring.ts for why nothing is missed. */
function rest(writer: JournalWriter, didWork: boolean, dueMs: number): void {
  const wakeCount = Atomics.load(control, WAKE)
  Atomics.store(control, REST, didWork ? DOZING : ASLEEP)
  if (!writer.isWanted() && (didWork || !writer.hasWork())) {
    Atomics.wait(control, WAKE, wakeCount, didWork ? Math.min(DOZE_MS, dueMs) : dueMs)
  }
  Atomics.store(control, REST, AWAKE)
}

try {
  run()
} catch (error) {
  Atomics.store(control, FAILED, 1)
  const full = isDiskFull(error)
  tell({
    kind: 'failed',
    code: full ? 'DISK_FULL' : 'JOURNAL_FAILED',
    message: `writing the journal in ${options.dir}: ${messageOf(error)}; ${
      full ? 'the disk is full: free space there' : 'check the disk'
    }, then start again: nothing reported durable is lost`,
  })
}
