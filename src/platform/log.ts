/**
 * What does the operator read while it runs? One line per fact, on stderr: text for people, JSON by pino with
 * `--json`. Secrets are kept out twice: by the path of fields that are named like one, and, the last
 * defence, by value: known secrets are blotted out of every line, in whatever field or message they arrive.
 */
import { createRequire } from 'node:module'
import type { DestinationStream, pino as Pino } from 'pino'
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
  /** A line that another process of ours made: handed on as it is, but for secrets. */
  pass(line: string): void
}

export type LogOptions = {
  readonly clock: Clock
  readonly json: boolean
  readonly write: (line: string) => void
  readonly scrub: (line: string) => string
}

/** Names of fields that never show their value, whatever it is. */
const SECRET_FIELDS = [
  'apiKey',
  'apikey',
  'pin',
  'totp',
  'totpSecret',
  'password',
  'secret',
  'jwt',
  'authorization',
]
const CENSORED = '[redacted]'

export function createLog(options: LogOptions): Log {
  const { write, scrub } = options
  const emit = options.json ? jsonLines(options) : textLines(options)
  return {
    info: (message, fields) => emit('info', message, fields ?? {}),
    warn: (message, fields) => emit('warn', message, fields ?? {}),
    error: (message, fields) => emit('error', message, fields ?? {}),
    pass: (line) => write(`${scrub(line)}\n`),
  }
}

type Level = 'info' | 'warn' | 'error'
type Emit = (level: Level, message: string, fields: LogFields) => void

function jsonLines({ clock, write, scrub }: LogOptions): Emit {
  const destination: DestinationStream = { write: (line) => write(scrub(line)) }
  const logger = loadPino()(
    {
      base: null,
      messageKey: 'message',
      timestamp: () => `,"at":"${new Date(clock.wallMs()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: SECRET_FIELDS, censor: CENSORED },
    },
    destination,
  )
  return (level, message, fields) => logger[level](fields, message)
}

/** Only when it is wanted: it weighs 9 MiB, and a worker that writes for people has no use for it. */
function loadPino(): typeof Pino {
  return (createRequire(import.meta.url)('pino') as { pino: typeof Pino }).pino
}

function textLines({ clock, write, scrub }: LogOptions): Emit {
  return (level, message, fields) => {
    const at = new Date(clock.wallMs()).toISOString()
    write(`${scrub(`${at} ${level.padEnd(5)} ${message}${textOf(fields)}`)}\n`)
  }
}

function textOf(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${SECRET_FIELDS.includes(name) ? CENSORED : value}`)
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
