/** How does a command end that failed? One line for the operator, and the exit status of its kind. */
import { type ErrorCode, messageOf, OperatingError } from '../domain/error.ts'
import { cleanText } from '../terminal/line.ts'
import { scrubber } from './runtime.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2
/** A gate or a halt said no; nothing moved. */
const EXIT_REFUSED = 3
const REFUSALS: readonly ErrorCode[] = ['GATE_REFUSED', 'HALTED', 'DISCONTINUITY']
const EXIT_LOCK_HELD = 75

export function exitStatusOf(error: unknown): number {
  if (!(error instanceof OperatingError)) return EXIT_FAILED
  if (error.code === 'USAGE') return EXIT_USAGE
  if (REFUSALS.includes(error.code)) return EXIT_REFUSED
  return error.code === 'LOCK_HELD' ? EXIT_LOCK_HELD : EXIT_FAILED
}

/** An operating error is one line. Anything else is a defect of ours: its stack goes along. */
export function tellError(error: unknown): void {
  if (isAbort(error)) {
    process.stderr.write('chandler: stopped before it was done; run it again to go on\n')
    return
  }
  const isExpected = error instanceof OperatingError
  const line = `chandler: ${cleanText(messageOf(error))}`
  process.stderr.write(`${scrubber.scrub(line)}\n`)
  if (isExpected) return
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  process.stderr.write(
    `${scrubber.scrub(stack)}\nchandler: this is a defect; please report the lines above\n`,
  )
}

/** What was asked to stop by a signal rejects with the signal's reason. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
