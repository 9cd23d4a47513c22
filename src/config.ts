/**
 * What was this program told? The file becomes one frozen, checked `Config`. Every limit stands here with
 * its unit, its default and its range, and so do the relations between limits, so that a setting which
 * cannot work is refused at start and not at noon.
 *
 * Secrets never stand in the file (see credentials.ts). A message about the file names the key and what was
 * expected, not what stood there: it might be a secret that lost its way.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { messageOf, OperatingError, systemCodeOf } from './domain/error.ts'
import type { Mode } from './domain/tick.ts'
import { type ClockSimulation, parseClockSetting } from './platform/clock.ts'

/** Paths are absolute. All times are in ms of the process's clock, all sizes in bytes. */
export type Config = {
  /** The file that was read; null when there was none and all values are defaults. */
  readonly file: string | null
  readonly dataDir: string
  readonly markets: { readonly in: IndiaConfig; readonly us: UsConfig }
}

export type IndiaConfig = {
  readonly timezone: 'Asia/Kolkata'
  readonly calendar: 'nse'
  /** The operator's additions to the calendar; null for none. */
  readonly calendarOverride: string | null
  readonly instruments: string
  readonly proxySet: string
  readonly stream: StreamConfig
  readonly journal: JournalConfig
}

export type StreamConfig = {
  readonly venue: 'smartapi'
  readonly restUrl: string
  readonly streamUrl: string
  readonly mode: Exclude<Mode, 'depth'>
  /** How long after a minute ends its ticks are still accepted. */
  readonly graceMs: number
  /** A socket on which nothing at all arrived for this long is given up. */
  readonly socketSilenceMs: number
  /** A living socket without a tick for this long during the session is mute. */
  readonly dataSilenceMs: number
  readonly pingIntervalMs: number
  /** This many failures within the window, and REST quotes take the socket's place. */
  readonly fallbackFailuresMax: number
  readonly fallbackWindowMs: number
  readonly backoffCapMs: number
}

export type JournalConfig = {
  readonly segmentBytes: number
  readonly segmentMinutes: number
  /** Frames received but not yet durable; a power of two. */
  readonly ringBytes: number
  /** An unsynced byte waits this long at most: the loss of a power cut. */
  readonly syncIntervalMs: number
  readonly syncBytes: number
  /** Written at start and freed when the disk is full; 0 for none. */
  readonly ballastBytes: number
  /** With less free space the operator is warned. */
  readonly diskWarnBytes: number
  /** With less free space the worker ends in good order, while it still can; 0 for never. */
  readonly diskStopBytes: number
}

export type UsConfig = {
  readonly timezone: 'America/New_York'
  readonly calendar: 'nyse'
  readonly proxySet: string
  readonly batch: {
    readonly venue: 'alphavantage'
    readonly restUrl: string
    readonly callsPerMinute: number
    readonly callsPerDay: number
    readonly symbols: string
  }
}

export type ConfigSource = {
  /** Given with `--config`: then it must exist. Else `chandler.yaml`, which may be absent. */
  readonly file?: string | undefined
  /** Given with `--data-dir`: relative to `cwd`, and stronger than the file. */
  readonly dataDir?: string | undefined
  readonly cwd?: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The only place that sees the process's own environment; everything else takes it as an argument. */
export const processEnvironment: Environment = process.env

const FILE_DEFAULT = 'chandler.yaml'
const KIB = 1_024
const MIB = 1_024 * KIB

const count = (initial: number, min: number, max: number): z.ZodDefault<z.ZodInt> =>
  z.int().min(min).max(max).default(initial)
const path = (initial: string): z.ZodDefault<z.ZodString> => z.string().min(1).default(initial)

const url = (initial: string, scheme: 'http' | 'ws'): z.ZodDefault<z.ZodString> =>
  z
    .string()
    .refine((text) => isSafeUrl(text, scheme), URL_WORDS[scheme])
    .default(initial)
const URL_WORDS = {
  http: 'an https:// URL without path, user or query; plain http:// only to this machine',
  ws: 'a wss:// URL without user or query; plain ws:// only to this machine',
}

const StreamShape = z.strictObject({
  venue: z.literal('smartapi').default('smartapi'),
  restUrl: url('https://apiconnect.angelone.in', 'http'),
  streamUrl: url('wss://smartapisocket.angelone.in/smart-stream', 'ws'),
  mode: z.enum(['ltp', 'quote', 'snap_quote']).default('quote'),
  graceMs: count(2_000, 0, 120_000),
  socketSilenceMs: count(25_000, 1_000, 600_000),
  dataSilenceMs: count(30_000, 1_000, 3_600_000),
  pingIntervalMs: count(10_000, 100, 300_000),
  fallbackFailuresMax: count(5, 1, 1_000),
  fallbackWindowMs: count(120_000, 1_000, 3_600_000),
  backoffCapMs: count(30_000, 100, 600_000),
})

const JournalShape = z.strictObject({
  segmentBytes: count(16 * MIB, 64 * KIB, 1_024 * MIB),
  segmentMinutes: count(15, 1, 1_440),
  // Half of it must hold the largest entry: the start of a run with 3,000 instruments.
  ringBytes: count(16 * MIB, MIB, 512 * MIB),
  syncIntervalMs: count(100, 1, 10_000),
  syncBytes: count(MIB, 4 * KIB, 256 * MIB),
  ballastBytes: count(64 * MIB, 0, 16_384 * MIB),
  diskWarnBytes: count(1_024 * MIB, 0, 1_048_576 * MIB),
  diskStopBytes: count(256 * MIB, 0, 1_048_576 * MIB),
})

const IndiaShape = z.strictObject({
  timezone: z.literal('Asia/Kolkata').default('Asia/Kolkata'),
  calendar: z.literal('nse').default('nse'),
  calendarOverride: z.string().min(1).nullable().default(null),
  instruments: path('./instruments.in.csv'),
  proxySet: path('./proxy-sets/in.json'),
  stream: StreamShape.prefault({}),
  journal: JournalShape.prefault({}),
})

const UsShape = z.strictObject({
  timezone: z.literal('America/New_York').default('America/New_York'),
  calendar: z.literal('nyse').default('nyse'),
  proxySet: path('./proxy-sets/us.json'),
  batch: z
    .strictObject({
      venue: z.literal('alphavantage').default('alphavantage'),
      restUrl: url('https://www.alphavantage.co', 'http'),
      callsPerMinute: count(5, 1, 10_000),
      callsPerDay: count(25, 1, 10_000_000),
      symbols: path('./symbols.us.csv'),
    })
    .prefault({}),
})

const Shape = z.strictObject({
  dataDir: path('./data'),
  markets: z.strictObject({ in: IndiaShape.prefault({}), us: UsShape.prefault({}) }).prefault({}),
})

type FileConfig = z.infer<typeof Shape>

/** What must hold between limits: [key, whether it holds, in words]. */
function relations({ markets }: FileConfig): readonly (readonly [string, boolean, string])[] {
  const { stream, journal } = markets.in
  const { batch } = markets.us
  const isPowerOfTwo = Number.isInteger(Math.log2(journal.ringBytes))
  return [
    // A pong must have the time to arrive before its absence means anything.
    ['in.stream.pingIntervalMs', stream.pingIntervalMs < stream.socketSilenceMs, 'less than socketSilenceMs'],
    // Else waiting between two attempts alone outlasts the window, and the fallback never starts.
    ['in.stream.backoffCapMs', stream.backoffCapMs < stream.fallbackWindowMs, 'less than fallbackWindowMs'],
    ['in.journal.ringBytes', isPowerOfTwo, 'a power of two'],
    // Frames stay in the ring until they are durable: half a ring unsynced forces a sync anyway.
    ['in.journal.syncBytes', journal.syncBytes <= journal.ringBytes / 2, 'at most half of ringBytes'],
    ['in.journal.syncBytes', journal.syncBytes <= journal.segmentBytes, 'at most segmentBytes'],
    ['in.journal.diskStopBytes', journal.diskStopBytes <= journal.diskWarnBytes, 'at most diskWarnBytes'],
    ['us.batch.callsPerMinute', batch.callsPerMinute <= batch.callsPerDay, 'at most callsPerDay'],
  ]
}

/** Throws CONFIG_INVALID with file, line and key. Touches no other file than the configuration. */
export function loadConfig(source: ConfigSource = {}): Config {
  const cwd = source.cwd ?? process.cwd()
  const file = resolve(cwd, source.file ?? FILE_DEFAULT)
  const text = readConfigFile(file, source.file !== undefined)
  const checked = parseConfig(text ?? '', file)
  const at = (relative: string): string => resolve(dirname(file), relative)
  const { in: india, us } = checked.markets
  const config: Config = {
    file: text === null ? null : file,
    dataDir: source.dataDir === undefined ? at(checked.dataDir) : resolve(cwd, source.dataDir),
    markets: {
      in: {
        ...india,
        calendarOverride: india.calendarOverride === null ? null : at(india.calendarOverride),
        instruments: at(india.instruments),
        proxySet: at(india.proxySet),
      },
      us: { ...us, proxySet: at(us.proxySet), batch: { ...us.batch, symbols: at(us.batch.symbols) } },
    },
  }
  return deepFreeze(config)
}

function readConfigFile(file: string, mustExist: boolean): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' && !mustExist) return null
    throw invalid(`reading ${file}: ${messageOf(error)}; check the path given with --config`, error)
  }
}

function parseConfig(text: string, file: string): FileConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines })
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0])
    throw invalid(`reading ${file}: line ${line}, column ${col}: not YAML (${fault.code}); correct the line`)
  }
  const result = Shape.safeParse(plainOf(document, file))
  if (!result.success) {
    const issue = result.error.issues[0]!
    const moreCount = result.error.issues.length - 1
    const more = moreCount === 0 ? '' : ` (and ${moreCount} more)`
    throw invalid(`reading ${file}: ${whereOf(issue, document, lines)}${wordsOf(issue)}${more}`)
  }
  for (const [key, holds, words] of relations(result.data)) {
    if (!holds)
      throw invalid(`reading ${file}: markets.${key}: must be ${words}; change the one or the other`)
  }
  return result.data
}

function plainOf(document: Document, file: string): unknown {
  try {
    return document.contents === null ? {} : document.toJS()
  } catch (error) {
    // The only thing left to fail; its text would show the alias, so it is not passed on as a cause.
    if (!(error instanceof ReferenceError)) throw error
    throw invalid(`reading ${file}: an alias (*) without its anchor (&), or far too many; write values out`)
  }
}

type Issue = z.core.$ZodIssue

/** The full key of what the issue is about; unknown keys are one step below the issue's own path. */
function keysOf(issue: Issue): readonly string[] {
  const keys = issue.path.map(String)
  return issue.code === 'unrecognized_keys' ? [...keys, issue.keys[0]!] : keys
}

function whereOf(issue: Issue, document: Document, lines: LineCounter): string {
  const keys = keysOf(issue)
  const parent = keys.length < 2 ? document.contents : document.getIn(keys.slice(0, -1), true)
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === keys.at(-1))
    : null
  const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined
  const line = offset === undefined ? '' : `line ${lines.linePos(offset).line}: `
  return `${line}${keys.join('.') || 'the file'}: `
}

function wordsOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return unknownKey(issue.path.map(String), issue.keys[0]!)
  if (issue.code === 'too_small') return `out of range; the smallest value is ${issue.minimum}`
  if (issue.code === 'too_big') return `out of range; the largest value is ${issue.maximum}`
  if (issue.code === 'invalid_value') return `not a known value; it must be ${issue.values.join(' or ')}`
  if (issue.code !== 'invalid_type') return `not accepted; it must be ${issue.message}`
  const expected = issue.expected === 'object' ? 'a group of keys' : issue.expected
  return `wrong type; it must be ${expected === 'int' ? 'a whole number' : expected}`
}

const SECRET_WORDS = /key|pin|secret|passw|totp|token|client|mpin/i

function unknownKey(parent: readonly string[], key: string): string {
  let known: unknown = Shape.parse({})
  for (const step of parent) known = (known as Record<string, unknown>)[step]
  const names = Object.keys(known as object)
  const nearest = names
    .map((name) => ({ name, distance: editDistance(name.toLowerCase(), key.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0]
  if (nearest !== undefined && nearest.distance <= Math.max(1, key.length / 4)) {
    return `unknown key; did you mean ${nearest.name}?`
  }
  if (SECRET_WORDS.test(key)) return 'unknown key; secrets never stand in this file, see SMARTAPI_… variables'
  return `unknown key; known here: ${names.join(', ')}`
}

/** Insertions, deletions and replacements that turn one text into the other. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      line.push(Math.min(replaced, above[column]! + 1, line[column - 1]! + 1))
    }
    above = line
  }
  return above[b.length]!
}

/** Credentials travel on these connections: encrypted, or not leaving this machine. */
function isSafeUrl(text: string, scheme: 'http' | 'ws'): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password, search, hash } = new URL(text)
  if (username !== '' || password !== '' || search !== '' || hash !== '') return false
  // A REST path would be replaced by that of the request.
  if (scheme === 'http' && pathname !== '/') return false
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return protocol === `${scheme}s:` || (protocol === `${scheme}:` && isLocal)
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  }
  return Object.freeze(value)
}

/** CHANDLER_CLOCK, or undefined when time is real. Throws CONFIG_INVALID. */
export function clockSimulation(env: Environment = processEnvironment): ClockSimulation | undefined {
  const setting = env.CHANDLER_CLOCK
  return setting === undefined || setting === '' ? undefined : parseClockSetting(setting)
}

/** Throws CONFIG_INVALID when time is simulated and one of `urls` leads to a vendor's real host. */
export function refuseSimulatedTime(
  simulation: ClockSimulation | undefined,
  urls: readonly string[],
  realHosts: readonly string[],
): void {
  if (simulation === undefined) return
  for (const url of urls) {
    const host = new URL(url).hostname.replace(/\.$/, '')
    if (!realHosts.some((real) => host === real || host.endsWith(`.${real}`))) continue
    throw invalid(
      `starting with CHANDLER_CLOCK: time is simulated but ${host} is a real vendor's host; ` +
        'unset CHANDLER_CLOCK, or configure the URL of a stand-in',
    )
  }
}

function invalid(message: string, cause?: unknown): OperatingError {
  return new OperatingError(message, { code: 'CONFIG_INVALID', cause })
}
