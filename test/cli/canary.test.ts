/**
 * Where do secrets end up? Nowhere. Canaries, secrets that are found nowhere else, go through whole sessions
 * with real processes: one with refusals of every kind, one with a vendor that repeats in every answer what
 * it was sent. Then everything that the processes left is searched: each file of the lake, packed ones
 * unpacked, both output streams, and the process list.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Secret } from '../../src/domain/secret.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { readSegments } from '../../src/journal/reader.ts'
import { type ClockSimulation, createClock, formatClockSetting } from '../../src/platform/clock.ts'
import {
  type LocalServer,
  type ServerReply,
  type ServerRequest,
  startServer,
} from '../../src/platform/server.ts'
import { checkFaults } from '../../src/sim/smartapi/faults.ts'
import { type RunningStandIn, runStandIn } from '../../src/sim/smartapi/run.ts'
import { smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import { readRows } from '../simulation/lake-rows.ts'
import { type Ended, fileIn, RunningCommand, tempDir } from '../simulation/processes.ts'

const DATE = '2026-07-01'
const SPEED = 100
/** The session ends at 09:30, a few seconds from here. */
const SIMULATION: ClockSimulation = {
  instantMs: Date.parse(`${DATE}T09:18:00+05:30`) as UnixMs,
  realMs: Date.now() + 2_000,
  speed: SPEED,
}
const clock = createClock(SIMULATION)
const OVER_MS = Date.parse(`${DATE}T09:31:30+05:30`) as UnixMs
const QUIET_LOG = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }

const CANARY = {
  apiKey: 'QzCanaryApiKey7',
  clientCode: 'QZCANARY77',
  pin: '908172',
  totpSecret: 'QZCANARYSECRET2345QZCANARY234567',
}
/** Tokens of the vendor that repeats everything. */
const TOKENS = {
  jwtToken: 'QzCanaryJwt.aaaabbbbccccdddd.eeee',
  refreshToken: 'QzCanaryRefresh.ffffgggghhhh',
  feedToken: 'QzCanaryFeed.iiiijjjjkkkk',
}
/** Tokens of the stand-in are chance, but all begin like this. */
const TOKEN_BEGINNING = 'eyJhbGciOiJIUzUxMiJ9'

const NEEDLES: readonly string[] = [
  ...[...Object.values(CANARY), ...Object.values(TOKENS)].flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('hex'),
  ]),
  TOKEN_BEGINNING,
]

let dir: string
beforeAll(() => {
  dir = tempDir('canary')
})
afterAll(() => rmSync(dir, { recursive: true }))

/** What of the canaries is found in `text`. */
function found(text: string): readonly string[] {
  return NEEDLES.filter((needle) => text.includes(needle))
}

type Desk = { readonly dataDir: string; command(...args: string[]): RunningCommand }

type Urls = { readonly restUrl: string; readonly streamUrl: string }

function desk(name: string, { restUrl, streamUrl }: Urls): Desk {
  const at = join(dir, name)
  mkdirSync(at)
  const instruments = fileIn(at, 'instruments.csv', 'exchange,token,symbol\nNSE,1001,A\nNSE,1008,B\n')
  const calendarOverride = fileIn(at, 'calendar.json', {
    sessions: [{ date: DATE, continuous: [['09:15', '09:30']] }],
  })
  const patience = { graceMs: 20_000, socketSilenceMs: 60_000, dataSilenceMs: 60_000, pingIntervalMs: 20_000 }
  const config = fileIn(at, 'chandler.json', {
    dataDir: './data',
    markets: {
      in: {
        instruments,
        calendarOverride,
        stream: { restUrl, streamUrl, ...patience },
        journal: { ballastBytes: 0 },
      },
    },
  })
  const pinFile = fileIn(at, 'pin', `${CANARY.pin}\n`, 0o600)
  const env = {
    CHANDLER_CLOCK: formatClockSetting(SIMULATION),
    SMARTAPI_API_KEY: CANARY.apiKey,
    SMARTAPI_CLIENT_CODE: CANARY.clientCode,
    SMARTAPI_PIN_FILE: pinFile,
    SMARTAPI_TOTP_SECRET: CANARY.totpSecret,
  }
  return {
    dataDir: join(at, 'data'),
    command: (...args) => new RunningCommand(['--config', config, ...args], env),
  }
}

/** The whole session of one worker, its settle, and every command that reads; all that they said. */
async function liveThrough(at: Desk): Promise<readonly Ended[]> {
  const worker = at.command('stream', '--market', 'in')
  const wasListed = await listedWhile(worker)
  expect(found(wasListed)).toEqual([])
  const others = [
    ['settle', '--market', 'in', '--date', DATE],
    ['settle', '--market', 'in', '--date', DATE, '--json'],
    ['replay', '--market', 'in', '--date', DATE],
    ['candles', 'A', '--format', 'csv'],
    ['verify'],
    ['status', '--json'],
  ]
  const ended = [await worker.end('SIGTERM')]
  for (const args of others) ended.push(await at.command(...args).ended)
  return ended
}

/** Waits for the close; answers the process list's view of the worker on the way. */
async function listedWhile(worker: RunningCommand): Promise<string> {
  let listed = ''
  while (clock.wallMs() < OVER_MS) {
    if (!worker.isRunning) throw new Error(`ended early:\n${worker.stderrLines.join('\n')}`)
    const path = `/proc/${worker.pid}/cmdline`
    if (existsSync(path)) listed = readFileSync(path, 'utf8')
    await pause(100)
  }
  if (existsSync('/proc/self')) expect(listed).toContain('stream')
  return listed
}

/** Every file of the lake as text, journals and Parquet unpacked. Fails where there was nothing to search. */
async function lakeText(dataDir: string): Promise<string> {
  const files = globSync('**/*', { cwd: dataDir }).filter((name) => statSync(join(dataDir, name)).isFile())
  const texts = files.map((name) => `${name}\n${readFileSync(join(dataDir, name)).toString('latin1')}`)
  const journal = join(dataDir, 'raw/in/journal', DATE)
  let entryCount = 0
  for (const { bytes, payloadOffset, payloadLength } of readSegments(journal)) {
    texts.push(Buffer.from(bytes.subarray(payloadOffset, payloadOffset + payloadLength)).toString('latin1'))
    entryCount++
  }
  expect(entryCount).toBeGreaterThan(5)
  for (const path of globSync(join(dataDir, '*/in/candles/**/*.parquet'))) {
    for (const row of await readRows(path)) texts.push(row.everything)
  }
  return texts.join('\n')
}

async function expectSilent(at: Desk, ended: readonly Ended[]): Promise<void> {
  for (const { stdout, stderr } of ended) expect(found(`${stdout}\n${stderr}`), stderr).toEqual([])
  expect(found(await lakeText(at.dataDir))).toEqual([])
}

/** `at` in ms after the stand-in began, on its clock; it begins about three minutes before the worker. */
const REFUSALS = checkFaults(
  [
    { kind: 'token_expiry', at: '09:19:30' },
    { kind: 'disconnect', at: '09:19:31' },
    { kind: 'reject_401', at: '09:21:00', for: 40 },
    { kind: 'disconnect', at: '09:21:01' },
    { kind: 'reject_429', at: '09:23:00', for: 50 },
    { kind: 'disconnect', at: '09:23:01' },
    { kind: 'reject_403', at: '09:24:30', for: 90 },
    { kind: 'token_expiry', at: '09:24:31' },
    { kind: 'disconnect', at: '09:24:32' },
    { kind: 'e1002', at: '09:27:00', for: 60 },
    { kind: 'disconnect', at: '09:27:01' },
  ],
  'canary',
)

async function refusingVendor(): Promise<RunningStandIn> {
  return await runStandIn({
    clock,
    venue: smartapiStandIn,
    log: QUIET_LOG,
    instrumentCount: 4,
    packetsPerSecond: 2,
    faults: REFUSALS,
    credentials: {
      apiKey: new Secret(CANARY.apiKey),
      clientCode: new Secret(CANARY.clientCode),
      pin: new Secret(CANARY.pin),
      totpSecret: new Secret(CANARY.totpSecret),
    },
  })
}

/** All that the request said, as one line of prose. */
function echoOf({ path, headers, body }: ServerRequest): string {
  return `${path} ${Object.values(headers).join(' ')} ${body.replace(/["{}[\]]/g, ' ')}`
}

const LOGIN_PATH = '/rest/auth/angelbroking/user/v1/loginByPassword'

function refusal(request: ServerRequest, errorcode: string): ServerReply {
  return {
    status: 200,
    body: JSON.stringify({ status: false, message: echoOf(request), errorcode, data: null }),
  }
}

/** Lets in, and otherwise repeats in every answer all that it was sent. */
function echoingVendor(): Promise<LocalServer> {
  let handshakeCount = 0
  const tokens = JSON.stringify({ status: true, message: 'SUCCESS', errorcode: '', data: TOKENS })
  return startServer({
    port: 0,
    onError: (error) => {
      throw error
    },
    onRequest: (request) =>
      request.path === LOGIN_PATH ? { status: 200, body: tokens } : refusal(request, 'AB4036'),
    onUpgrade: (request) => {
      if (++handshakeCount % 3 !== 0) {
        return {
          status: handshakeCount % 3 === 1 ? 401 : 403,
          headers: echoHeader(request),
          body: echoOf(request),
        }
      }
      return (socket) => {
        const say = (text: string): void => socket.writeFrames(textFrame(text))
        say(`hello, ${echoOf(request)}`)
        const error = { correlationID: 'abcdefghij', errorCode: 'E1001', errorMessage: echoOf(request) }
        say(JSON.stringify(error))
        return {
          onText: (text) => say(text === 'ping' ? 'pong' : echoOf(request)),
          onPing: () => {},
          onClose: () => {},
        }
      }
    },
  })
}

/** A WebSocket frame as a server sends it. */
function textFrame(text: string): Uint8Array {
  const payload = Buffer.from(text)
  const { length } = payload
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), payload])
}

function echoHeader(request: ServerRequest): Record<string, string> {
  return { 'x-error-message': echoOf(request).replace(/[^\x20-\x7e]/g, ' ') }
}

function urlsOf({ port }: LocalServer): Urls {
  return { restUrl: `http://127.0.0.1:${port}`, streamUrl: `ws://127.0.0.1:${port}/smart-stream` }
}

describe.concurrent('no secret is left anywhere', () => {
  test('by a session with refusals of every kind', async () => {
    const vendor = await refusingVendor()
    const at = desk('refusals', vendor.address)
    const ended = await liveThrough(at)
    const { faults } = vendor.standIn.stats()
    await vendor.standIn.stop()
    await expectSilent(at, ended)
    expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0, 0, 0])
    const met = ['reject_401', 'reject_429', 'reject_403', 'e1002', 'token_expiry', 'disconnect'] as const
    expect(met.filter((kind) => (faults[kind] ?? 0) === 0)).toEqual([])
  })

  test('by a session with a vendor that repeats in every answer what it was sent', async () => {
    const vendor = await echoingVendor()
    const at = desk('echo', urlsOf(vendor))
    const ended = await liveThrough(at)
    await vendor.stop()
    await expectSilent(at, ended)
    // It did repeat them, and we did pass its words on.
    const said = ended.map(({ stdout, stderr }) => stdout + stderr).join('\n')
    expect(said).toContain('[redacted]')
    expect(await lakeText(at.dataDir)).toContain('[redacted]')
  })

  const SHAPES: readonly (readonly [string, (request: ServerRequest) => ServerReply])[] = [
    ['an envelope', (request) => refusal(request, 'AB1000')],
    ['an envelope about the code', (request) => refusal({ ...request, path: 'Invalid totp' }, 'AB1050')],
    ['plain text', (request) => ({ status: 403, body: echoOf(request) })],
    ['a page', (request) => ({ status: 502, body: `<html><body>${echoOf(request)}</body></html>` })],
    [
      'half an answer',
      () => ({ status: 200, body: `{"status":true,"data":{"jwtToken":"${TOKENS.jwtToken}` }),
    ],
    ['a redirect', (request) => ({ status: 302, headers: { location: `/${request.body}` }, body: '' })],
  ]
  test.each(SHAPES)('by a refused login that is answered with %s', async (shape, answer) => {
    const onUpgrade = (): ServerReply => ({ status: 404, body: '' })
    const vendor = await startServer({ port: 0, onError: () => {}, onRequest: answer, onUpgrade })
    const ended = await desk(shape, urlsOf(vendor)).command('stream', '--market', 'in').ended
    await vendor.stop()
    expect(ended.status).toBe(1)
    expect(ended.stderr).toMatch(/^chandler: logging in/m)
    expect(ended.stderr).not.toMatch(/^ +at /m)
    expect(found(`${ended.stdout}\n${ended.stderr}`)).toEqual([])
  })
})
