/**
 * What may a configuration say? Every limit with its unit, its default and its range, and the relations
 * between limits. Reading the file and telling what is wrong with it is config.ts.
 */
import { z } from 'zod'
import type { Mode } from './domain/tick.ts'

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
  readonly gates: GatesConfig
  readonly http: HttpConfig
}

/** Health and metrics, read-only, on this machine's loopback; one port for each market's process. */
export type HttpConfig = { readonly port: number }

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
  readonly calendarOverride: string | null
  readonly proxySet: string
  readonly batch: BatchConfig
  readonly gates: GatesConfig
  readonly http: HttpConfig
}

export type BatchConfig = {
  readonly venue: 'alphavantage'
  readonly restUrl: string
  readonly callsPerMinute: number
  readonly callsPerDay: number
  /** Smallest time between two requests: the vendor also refuses bursts within its limits. */
  readonly intervalMs: number
  /** One whole answer, in real time. */
  readonly timeoutMs: number
  /** The operator's own universe; where the file is absent, that of the symbols job. */
  readonly symbols: string
  /** What of the listing becomes the universe. */
  readonly exchanges: readonly string[]
  readonly assetTypes: readonly string[]
  /** A symbol that failed so often is parked. */
  readonly attemptsMax: number
  /** A larger share of the universe that fails in one job raises an alert. */
  readonly alertFailedRatio: number
}

export type GatesConfig = {
  /** Eligibility of strategies, risk and size limits: what gate 2 holds the operator to. */
  readonly policy: string
  /** CTT further ahead of TE than this is DRIFTING. */
  readonly driftSessionsMax: number
}

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

const gates = (market: 'in' | 'us') =>
  z
    .strictObject({ policy: path(`./policy.${market}.json`), driftSessionsMax: count(3, 1, 1_000) })
    .prefault({})

const http = (port: number) => z.strictObject({ port: count(port, 0, 65_535) }).prefault({})

/** A free key is refused for two requests within a second; a key that may ask more often is not. */
const INTERVAL_MAX_MS = 1_200

const BatchFields = z.strictObject({
  venue: z.literal('alphavantage').default('alphavantage'),
  restUrl: url('https://www.alphavantage.co', 'http'),
  callsPerMinute: count(5, 1, 10_000),
  callsPerDay: count(25, 1, 10_000_000),
  intervalMs: z.int().min(0).max(60_000).optional(),
  timeoutMs: count(60_000, 100, 600_000),
  symbols: path('./symbols.us.csv'),
  exchanges: z.array(z.string().min(1)).min(1).default(['NYSE', 'NASDAQ']),
  assetTypes: z.array(z.string().min(1)).min(1).default(['Stock']),
  attemptsMax: count(5, 1, 100),
  alertFailedRatio: z.number().min(0).max(1).default(0.1),
})

const BatchShape = BatchFields.transform(({ intervalMs, ...batch }) => ({
  ...batch,
  intervalMs: intervalMs ?? Math.min(INTERVAL_MAX_MS, Math.floor(60_000 / batch.callsPerMinute)),
}))

const IndiaShape = z.strictObject({
  timezone: z.literal('Asia/Kolkata').default('Asia/Kolkata'),
  calendar: z.literal('nse').default('nse'),
  calendarOverride: z.string().min(1).nullable().default(null),
  instruments: path('./instruments.in.csv'),
  proxySet: path('./proxy-sets/in.json'),
  stream: StreamShape.prefault({}),
  journal: JournalShape.prefault({}),
  gates: gates('in'),
  http: http(8_000),
})

const UsShape = z.strictObject({
  timezone: z.literal('America/New_York').default('America/New_York'),
  calendar: z.literal('nyse').default('nyse'),
  proxySet: path('./proxy-sets/us.json'),
  calendarOverride: z.string().min(1).nullable().default(null),
  batch: BatchShape.prefault({}),
  gates: gates('us'),
  http: http(8_001),
})

/** The file as it may be written. */
const Shape = z.strictObject({
  dataDir: path('./data'),
  markets: z.strictObject({ in: IndiaShape.prefault({}), us: UsShape.prefault({}) }).prefault({}),
})

/** The file with all its defaults; paths as they were written. */
export type FileConfig = Omit<Config, 'file'>

export function checkShape(value: unknown): z.ZodSafeParseResult<FileConfig> {
  return Shape.safeParse(value)
}

/** What a file that says nothing means. */
export function defaultsOfShape(): FileConfig {
  return Shape.parse({})
}

/** What must hold between limits: [key, whether it holds, in words]. */
export function relations({ markets }: FileConfig): readonly (readonly [string, boolean, string])[] {
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
