/**
 * What does the operator read while it runs? One line per fact, on stderr: text for people, JSON with
 * `--json`. The last defence for secrets stands here: known secret values are blotted out of every
 * line, in whatever field or message they arrive.
 */
import type { Secret } from '../domain/secret.ts'
import type { Clock } from './clock.ts'

/** A field does not take the place of what every line has. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>> & {
  readonly at?: never
  readonly level?: never
  readonly message?: never
}

export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export type LogOptions = {
  readonly clock: Clock
  readonly json: boolean
  readonly write: (line: string) => void
  readonly scrub: (line: string) => string
}

export function createLog(options: LogOptions): Log {
  const { clock, json, write, scrub } = options
  const emit = (level: string, message: string, fields: LogFields = {}): void => {
    const at = new Date(clock.wallMs()).toISOString()
    const line = json
      ? JSON.stringify({ at, level, message, ...fields })
      : `${at} ${level.padEnd(5)} ${message}${textOf(fields)}`
    write(`${scrub(line)}\n`)
  }
  return {
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
  }
}

function textOf(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${value}`)
    .join('')
}

/** Secrets shorter than this are too likely to be ordinary text to be blotted out of prose. */
const SCRUBBED_LENGTH_MIN = 4

/** Collects secrets as they become known and removes them, plain and URL-encoded, from text. */
export class Scrubber {
  readonly #needles = new Set<string>()

  add(...secrets: readonly Secret[]): void {
    for (const secret of secrets) {
      const value = secret.reveal()
      if (value.length < SCRUBBED_LENGTH_MIN) continue
      this.#needles.add(value)
      this.#needles.add(encodeURIComponent(value))
      this.#needles.add(Buffer.from(value).toString('base64'))
    }
  }

  readonly scrub = (text: string): string => {
    let clean = text
    for (const needle of this.#needles) clean = clean.replaceAll(needle, '[redacted]')
    return clean
  }
}
