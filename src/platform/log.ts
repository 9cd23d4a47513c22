/**
 * What does the operator read while it runs? One line per fact, on stderr: text for people, JSON by pino with
 * `--json`. Secrets are kept out twice: by the path of fields that are named like one, and, the last
 * defence, by value: known secrets are blotted out of every line, in whatever field or message they arrive.
 *
 * A PIN of four digits is also a number of shares. So words (messages, texts in fields, errors) lose every
 * secret, and figures of ours lose those that cannot be a figure: a count is not blotted out of a line, and a
 * line of JSON stays JSON.
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
  readonly scrubber: Pick<Scrubber, 'scrub' | 'scrubFigures'>
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
  const { write, scrubber } = options
  const lines = options.json ? jsonLines(options) : textLines(options)
  const emit = (level: Level, message: string, fields: LogFields = {}): void => {
    const clean = ([name, value]: [string, unknown]): [string, unknown] => [
      name,
      typeof value === 'string' ? scrubber.scrub(value) : value,
    ]
    lines(level, scrubber.scrub(message), Object.fromEntries(Object.entries(fields).map(clean)) as LogFields)
  }
  return {
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    pass: (line) => write(`${scrubber.scrubFigures(line)}\n`),
  }
}

type Level = 'info' | 'warn' | 'error'
type Emit = (level: Level, message: string, fields: LogFields) => void

function jsonLines({ clock, write, scrubber }: LogOptions): Emit {
  const destination: DestinationStream = { write: (line) => write(scrubber.scrubFigures(line)) }
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

function textLines({ clock, write, scrubber }: LogOptions): Emit {
  return (level, message, fields) => {
    const at = new Date(clock.wallMs()).toISOString()
    write(`${scrubber.scrubFigures(`${at} ${level.padEnd(5)} ${message}${textOf(fields)}`)}\n`)
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

/** So many digits and no more may as well be a figure. */
const FIGURE = /^\d{1,9}$/

/** Collects secrets as they become known and removes them, plain and encoded, from text. */
export class Scrubber {
  readonly #needles = new Set<string>()
  readonly #figures = new Map<string, RegExp>()

  add(...secrets: readonly Secret[]): void {
    for (const secret of secrets) {
      const value = secret.reveal()
      if (value.length < SCRUBBED_LENGTH_MIN) continue
      if (FIGURE.test(value)) this.#figures.set(value, new RegExp(`(?<!\\w)${value}(?!\\w)`, 'g'))
      else for (const form of [value, encodeURIComponent(value)]) this.#needles.add(form)
      this.#needles.add(Buffer.from(value).toString('base64'))
    }
  }

  /** For words: of us, of the vendor, of the system. */
  readonly scrub = (text: string): string => {
    let clean = this.scrubFigures(text)
    for (const pattern of this.#figures.values()) clean = clean.replace(pattern, CENSORED)
    return clean
  }

  /** For lines that hold figures: all secrets but those that may be one. */
  readonly scrubFigures = (text: string): string => {
    let clean = text
    for (const needle of this.#needles) clean = clean.replaceAll(needle, CENSORED)
    return clean
  }
}
