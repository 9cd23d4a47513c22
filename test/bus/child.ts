/** A process that appends: `dir name count`. Says each event's index when it was acknowledged. */
import { openChain } from '../../src/bus/chain.ts'
import { messageOf, OperatingError } from '../../src/domain/error.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { createClock } from '../../src/platform/clock.ts'

const [dir, name, count] = process.argv.slice(2) as [string, string, string]
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`)
const note = (text: string): void => say({ note: text })
const chain = openChain({ dir, market: 'in', clock: createClock(), note })
try {
  for (let i = 0; i < Number(count); i++) {
    const payload = { name, number: i, padding: 'x'.repeat((i * 37) % 3_000) }
    const event = chain.append({
      type: 'job.run',
      atMs: (1_782_877_500_000 + i) as UnixMs,
      actor: 'system:test',
      payload,
    })
    say({ index: event.event_index, checksum: event.checksum })
  }
} catch (error) {
  if (!(error instanceof OperatingError)) throw error
  say({ code: error.code, message: messageOf(error) })
}
