/** A process that appends numbered entries and says on stdout how far each watermark is. */
import { writeSync } from 'node:fs'
import { openJournal } from '../../src/journal/journal.ts'

const NEVER = new Int32Array(new SharedArrayBuffer(4))
const [dir = '', count = '0', fullMaxMs = '1000'] = process.argv.slice(2)
const { appender, report } = await openJournal({
  dir,
  ballastBytes: 0,
  isCompressing: false,
  ringBytes: 65_536,
  segmentMaxBytes: 150_000,
  commitMs: 5,
  heartbeatMs: 20,
  fullMaxMs: Number(fullMaxMs),
  fullRetryMs: 10,
})

/** Each line whole and at once: what was said must be out before a kill. A full pipe is waited for. */
function say(line: object): void {
  let rest = Buffer.from(`${JSON.stringify(line)}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(NEVER, 0, 0, 1)
    }
  }
}

say({ recovered: report })
appender.onDegraded((problem) => say({ degraded: problem }))
try {
  for (let i = 0; i < Number(count); i++) {
    const text = `entry ${appender.committedSeq() + 1} ${'.'.repeat(i % 400)}`
    const payload = new TextEncoder().encode(text)
    while (appender.append(1, payload) < 0) await appender.whenRoom(payload.byteLength)
    if (i % 7 === 0) {
      say({ written: appender.writtenSeq(), durable: appender.durableSeq() })
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await appender.close()
  say({ written: appender.writtenSeq(), durable: appender.durableSeq(), closed: true })
} catch (error) {
  say({
    failed: (error as Error).message,
    code: (error as { code?: string }).code,
    durable: appender.durableSeq(),
  })
}
