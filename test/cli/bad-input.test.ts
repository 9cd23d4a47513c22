/**
 * What does an operator read when something is wrong? Every mistake is made for real, with real processes:
 * the exit status is that of the contract, the last line of stderr says what, where and what to do, no stack
 * trace is anywhere, and stdout is empty.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, globSync, mkdirSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type MarketDate, MINUTE_MS, type UnixMs } from '../../src/domain/time.ts'
import { type ClockSimulation, createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { takeLock } from '../../src/platform/lock.ts'
import { type RunningStandIn, runStandIn } from '../../src/sim/smartapi/run.ts'
import { journalDir } from '../../src/store/lake.ts'
import { FilePublisher } from '../../src/store/publish-steps.ts'
import { smartapi, smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import {
  type Ended,
  type Environment,
  fileIn,
  RunningCommand,
  run,
  tempDir,
} from '../simulation/processes.ts'
import { DAY, sampleTable } from '../store/tables.ts'

const QUIET_LOG = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }
const DATE = '2026-07-01' as MarketDate
const SECRET = 'KRSXG5CTMVRXEZLU'
const OTHER_SECRET = 'JBSWY3DPEHPK3PXP'
const ENV: Environment = {
  SMARTAPI_API_KEY: 'right-key',
  SMARTAPI_CLIENT_CODE: 'RIGHT1',
  SMARTAPI_PIN: '4321',
  SMARTAPI_TOTP_SECRET: SECRET,
}
/** Waits are in the clock's time, so a fast clock makes them short. */
const SIMULATION: ClockSimulation = {
  instantMs: Date.parse(`${DATE}T10:00:00+05:30`) as UnixMs,
  realMs: Date.now(),
  speed: 100,
}
const CLOCK = formatClockSetting(SIMULATION)
const INSTRUMENTS = 'exchange,token,symbol\nNSE,1001,AKASHSTEEL\nNSE,1008,ANANDSTEEL\n'

let dir: string
let standIn: RunningStandIn
let deadPort: number

beforeAll(async () => {
  dir = tempDir('bad-input')
  standIn = await runStandIn({
    clock: createClock(SIMULATION),
    venue: smartapiStandIn,
    log: QUIET_LOG,
    instrumentCount: 4,
    packetsPerSecond: 4,
    credentials: {
      apiKey: new Secret(ENV.SMARTAPI_API_KEY!),
      clientCode: new Secret(ENV.SMARTAPI_CLIENT_CODE!),
      pin: new Secret(ENV.SMARTAPI_PIN!),
      totpSecret: new Secret(SECRET),
    },
  })
  deadPort = await freePort()
})

afterAll(async () => {
  await standIn.standIn.stop()
  rmSync(dir, { recursive: true })
})

/** A port on which nobody listens. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

let folderCount = 0

type Place = { readonly dir: string; readonly config: string; readonly dataDir: string }

/** A folder with a configuration of its own that leads to the stand-in, changed by `change`. */
function place(
  change: (india: Record<string, unknown>) => void = () => {},
  instruments = INSTRUMENTS,
): Place {
  const at = join(dir, String(++folderCount))
  mkdirSync(at)
  fileIn(at, 'instruments.csv', instruments)
  const { restUrl, streamUrl } = standIn.address
  const india: Record<string, unknown> = {
    instruments: './instruments.csv',
    stream: { restUrl, streamUrl },
    journal: { ballastBytes: 0, diskStopBytes: 0 },
  }
  change(india)
  const config = fileIn(at, 'chandler.json', { dataDir: './data', markets: { in: india } })
  return { dir: at, config, dataDir: join(at, 'data') }
}

type Told = { readonly status: number; readonly says: readonly (string | RegExp)[] }

function expectTold(ended: Ended, { status, says }: Told): void {
  const last = ended.stderr.trimEnd().split('\n').at(-1)!
  expect({ status: ended.status, last }).toMatchObject({
    status,
    last: expect.stringMatching(/^chandler: .+; /),
  })
  for (const one of says) expect(last).toMatch(one)
  expect(`${ended.stdout}\n${ended.stderr}`).not.toMatch(/^ +at /m)
  expect(ended.stderr).not.toContain('defect')
  expect(ended.stdout).toBe('')
}

async function stream({ config }: Place, env: Environment = {}, ...args: string[]): Promise<Ended> {
  return await run(['stream', '--market', 'in', '--config', config, ...args], {
    ...ENV,
    CHANDLER_CLOCK: CLOCK,
    ...env,
  })
}

type Case = readonly [name: string, act: () => Promise<Ended>, told: Told]

const CREDENTIALS: readonly Case[] = [
  [
    'missing credentials are all named at once',
    () => stream(place(), { SMARTAPI_PIN: undefined, SMARTAPI_TOTP_SECRET: '' }),
    { status: 1, says: ['SMARTAPI_PIN, SMARTAPI_TOTP_SECRET are not set', '_FILE'] },
  ],
  [
    'a secret file that is not there is named',
    () => stream(place(), { SMARTAPI_PIN: undefined, SMARTAPI_PIN_FILE: join(dir, 'no-pin') }),
    { status: 1, says: ['no-pin', 'SMARTAPI_PIN_FILE', 'check the path'] },
  ],
  [
    'a TOTP secret that is not base32',
    () => stream(place(), { SMARTAPI_TOTP_SECRET: 'not-base32!' }),
    { status: 1, says: ['SMARTAPI_TOTP_SECRET is not base32'] },
  ],
  [
    'wrong credentials are not tried again',
    () => stream(place(), { SMARTAPI_PIN: '9999' }),
    { status: 1, says: ['logging in', 'AB1000', 'not tried again', 'SMARTAPI_PIN'] },
  ],
  [
    'a TOTP secret of somebody else',
    () => stream(place(), { SMARTAPI_TOTP_SECRET: OTHER_SECRET }),
    { status: 1, says: ['two one-time codes in a row', 'SMARTAPI_TOTP_SECRET'] },
  ],
  [
    "a machine's clock that is ten minutes wrong",
    () => stream(place(), { CHANDLER_CLOCK: shiftedClock(10 * MINUTE_MS) }),
    { status: 1, says: ['two one-time codes in a row', "machine's clock, which reads 2026-07-01T0"] },
  ],
  [
    'a host that cannot be reached',
    () => stream(place(toDeadPort)),
    {
      status: 1,
      says: ['given up after 5 attempts', '127.0.0.1', 'check the network and the configured URL'],
    },
  ],
  [
    'simulated time against the real vendor',
    () => stream(place((india) => delete india.stream)),
    { status: 1, says: ['CHANDLER_CLOCK', 'apiconnect.angelone.in', 'unset CHANDLER_CLOCK'] },
  ],
  [
    'a clock setting that means nothing',
    () => stream(place(), { CHANDLER_CLOCK: 'yesterday' }),
    { status: 1, says: ['CHANDLER_CLOCK', 'example'] },
  ],
]

function shiftedClock(byMs: number): string {
  return formatClockSetting({ ...SIMULATION, instantMs: (SIMULATION.instantMs + byMs) as UnixMs })
}

function toDeadPort(india: Record<string, unknown>): void {
  india.stream = { restUrl: `http://127.0.0.1:${deadPort}`, streamUrl: `ws://127.0.0.1:${deadPort}` }
}

function manyInstruments(count: number): string {
  const rows = Array.from({ length: count }, (_, at) => `NSE,${at + 1},S${at + 1}`)
  return `exchange,token,symbol\n${rows.join('\n')}\n`
}

function withInstruments(text: string): () => Promise<Ended> {
  return () => stream(place(() => {}, text))
}

const FILES: readonly Case[] = [
  [
    'a configuration that is not there',
    () => run(['stream', '--market', 'in', '--config', join(dir, 'none.yaml')], ENV),
    { status: 1, says: ['none.yaml', '--config'] },
  ],
  [
    'an unknown key in the configuration',
    () => stream(place((india) => Object.assign(india, { instrumnets: 'x' }))),
    { status: 1, says: ['chandler.json: line 1', 'markets.in.instrumnets: unknown key', 'did you mean'] },
  ],
  [
    'a value of the wrong type',
    () => stream(place((india) => Object.assign(india, { journal: { ballastBytes: 'much' } }))),
    { status: 1, says: ['chandler.json: line 1', 'markets.in.journal.ballastBytes', 'must be'] },
  ],
  [
    'instruments that are not there',
    () => stream(place((india) => Object.assign(india, { instruments: './none.csv' }))),
    { status: 1, says: ['none.csv', 'markets.in.instruments'] },
  ],
  [
    'an instruments file with a bad line',
    withInstruments(`${INSTRUMENTS}NSX,5,BAD\n`),
    { status: 1, says: ['instruments.csv:4', 'NSX', 'correct the line'] },
  ],
  [
    'an instruments file without instruments',
    withInstruments('exchange,token,symbol\n'),
    { status: 1, says: ['instruments.csv', 'no instrument', 'add at least one'] },
  ],
  [
    'more instruments than the vendor sends',
    withInstruments(manyInstruments(3_001)),
    { status: 1, says: ['3001 instruments', 'at most 3000', 'take 1 off', 'instruments.csv'] },
  ],
  [
    'an empty recording',
    () => sim('--recording', fileIn(dir, 'empty.csv', '')),
    { status: 1, says: ['empty.csv', 'no trade', 'time_ms,exchange,token,price,size'] },
  ],
  [
    'a recording with a bad line',
    () => sim('--recording', fileIn(dir, 'bad.csv', `${RECORDING_HEADER}1,NSE,5,10.5,10\n2,NSE,5,ten,10\n`)),
    { status: 1, says: ['bad.csv:3', 'price', 'time_ms,exchange,token,price,size'] },
  ],
  [
    'a recording that is not there',
    () => sim('--recording', join(dir, 'none.csv')),
    { status: 1, says: ['none.csv', 'check'] },
  ],
  [
    'a faults file with an unknown kind',
    () => sim('--faults', fileIn(dir, 'faults.yaml', '- {kind: earthquake}')),
    { status: 1, says: ['faults.yaml', '[0].kind', 'correct the file'] },
  ],
  [
    'a faults file that is not YAML',
    () => sim('--faults', fileIn(dir, 'broken.yaml', '- {kind: drop')),
    { status: 1, says: ['broken.yaml', 'correct the file'] },
  ],
]

const RECORDING_HEADER = 'time_ms,exchange,token,price,size\n'

function sim(...args: string[]): Promise<Ended> {
  return run(['sim', 'smartapi', ...args])
}

/** A lake with one minute of two symbols. */
function candles(...args: string[]): () => Promise<Ended> {
  return () => {
    const { config, dataDir } = place()
    const { instruments, columns } = sampleTable(2, [0])
    const publisher = new FilePublisher(dataDir, 'in', () => {})
    publisher.setInstruments(instruments)
    publisher.publish({ file: { kind: 'part', day: DAY, hhmm: '0915' }, columns, journalToSeq: 1 })
    publisher.end()
    return run(['candles', ...args, '--config', config])
  }
}

function inPlace(...args: string[]): () => Promise<Ended> {
  return () => {
    const { config, dataDir } = place()
    mkdirSync(dataDir)
    return run([...args, '--config', config], ENV)
  }
}

const WORDS: readonly Case[] = [
  ['an unknown command', () => run(['strem']), { status: 2, says: ["'strem'", 'chandler --help'] }],
  [
    'an unknown flag',
    inPlace('stream', '--market', 'in', '--fast'),
    { status: 2, says: ["'--fast'", 'chandler --help'] },
  ],
  ['a flag that is missing', inPlace('settle', '--market', 'in'), { status: 2, says: ['--date'] }],
  ['a market that there is not', inPlace('stream', '--market', 'mars'), { status: 2, says: ['mars'] }],
  ['a stand-in that there is not', () => run(['sim', 'nobody']), { status: 2, says: ['nobody', 'smartapi'] }],
  ['a port that there is not', () => sim('--port', '99999'), { status: 2, says: ['99999', '65535'] }],
  ['a speed that is no number', () => sim('--speed', 'fast'), { status: 2, says: ['fast', 'number'] }],
  ['a demo at no speed', () => run(['demo', '--speed', 'fast']), { status: 2, says: ['fast', 'number'] }],
  [
    'a date that does not exist',
    inPlace('replay', '--market', 'in', '--date', '2026-02-30'),
    { status: 2, says: ['2026-02-30', 'write it as'] },
  ],
  [
    'a date without a journal',
    inPlace('replay', '--market', 'in', '--date', DATE),
    { status: 1, says: [DATE, 'data', '--data-dir'] },
  ],
  [
    'a date without a journal to settle',
    inPlace('settle', '--market', 'in', '--date', DATE),
    { status: 1, says: [DATE, 'data', '--data-dir'] },
  ],
  [
    'candles of an empty lake',
    inPlace('candles', 'AKASHSTEEL'),
    { status: 1, says: ['data', 'chandler stream'] },
  ],
  [
    'a symbol that nobody knows',
    candles('NOBODY'),
    { status: 1, says: ['NOBODY', DATE, 'data', 'check the symbol', 'instruments.csv'] },
  ],
  [
    'a width of candles that is none',
    inPlace('candles', 'AKASHSTEEL', '--date', DATE, '--every', 'week'),
    { status: 2, says: ['week', '5m'] },
  ],
  [
    'a format that there is not',
    inPlace('candles', 'AKASHSTEEL', '--format', 'xml'),
    { status: 2, says: ['xml', 'csv'] },
  ],
  [
    'a data directory to verify that is not there',
    () => run(['verify', '--data-dir', join(dir, 'nowhere')]),
    { status: 1, says: ['nowhere', '--data-dir'] },
  ],
]

const DISK: readonly Case[] = [
  [
    'a data directory that another process holds',
    async () => {
      const held = place()
      const lock = takeLock(join(held.dataDir, '.lock'), 'in')
      return await stream(held).finally(() => lock.release())
    },
    { status: 75, says: ['in.lock', 'another chandler process', '--data-dir'] },
  ],
  [
    'a data directory below a file',
    () => {
      const at = place()
      return stream(at, {}, '--data-dir', join(at.config, 'data'))
    },
    { status: 1, says: ['chandler.json', 'check the path'] },
  ],
  [
    'a data directory that leads nowhere',
    () => {
      const at = place()
      symlinkSync(join(dir, 'gone', 'for', 'good'), at.dataDir)
      return stream(at)
    },
    { status: 1, says: ['data', 'check the path'] },
  ],
  [
    'a disk with less room than a session needs',
    () => stream(place((india) => Object.assign(india, { journal: TOO_MUCH_ROOM }))),
    { status: 1, says: ['disk', 'data', 'diskStopBytes'] },
  ],
]

const TOO_MUCH_ROOM = { ballastBytes: 0, diskStopBytes: 2 ** 40, diskWarnBytes: 2 ** 40 }

for (const [about, cases] of Object.entries({ CREDENTIALS, FILES, WORDS, DISK })) {
  describe.concurrent(`one clear line: ${about.toLowerCase()}`, () => {
    test.each(cases)('%s', async (_name, act, told) => {
      expectTold(await act(), told)
    })
  })
}

const hasProc = existsSync('/proc/self')
test.skipIf(!hasProc)(
  'a file system that takes no folders is told, not waited for (skipped: no /proc)',
  async () => {
    const ended = await stream(place(), {}, '--data-dir', '/proc/chandler')
    expectTold(ended, { status: 1, says: ['/proc/chandler', 'check the path'] })
  },
)

/** Whether this user may mount; null, or why not. */
const cannotMount = whyNoMount()

function whyNoMount(): string | null {
  const at = tempDir('mount')
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'chandler-test', at])
  if (mounted.status === 0) spawnSync('umount', [at])
  rmSync(at, { recursive: true })
  return mounted.status === 0 ? null : 'mounting needs root'
}

/** A small file system of its own, until `act` is done. */
async function withFileSystem(options: string, act: (at: string) => Promise<void>): Promise<void> {
  const at = tempDir('small-disk')
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'chandler-test', at]).status).toBe(0)
  try {
    await act(at)
  } finally {
    spawnSync('umount', ['-l', at])
    rmSync(at, { recursive: true, force: true })
  }
}

const skipped = cannotMount === null ? '' : ` (skipped: ${cannotMount})`

test.skipIf(cannotMount !== null)(`a read-only data directory is told with its path${skipped}`, async () => {
  await withFileSystem('ro,size=1m', async (at) => {
    const ended = await stream(place(), {}, '--data-dir', join(at, 'data'))
    expectTold(ended, { status: 1, says: [at, 'EROFS', 'may not write there'] })
  })
})

/** As few bytes as a worker of four instruments needs for some minutes, and no more. */
const SMALL_DISK = 'size=3m'

test.skipIf(cannotMount !== null)(
  `a disk that is full for a while costs nothing, and is told at once${skipped}`,
  async () => {
    await withFileSystem(SMALL_DISK, async (at) => {
      const { config } = place(withPatience)
      const dataDir = join(at, 'data')
      const flags = ['--config', config, '--data-dir', dataDir]
      const env = { ...ENV, CHANDLER_CLOCK: CLOCK }
      const worker = new RunningCommand([...flags, 'stream', '--market', 'in'], env)
      await worker.said('feed live')
      await partPublished(dataDir, worker)
      fillDisk(join(at, 'filler'))
      // Whichever meets it first, the journal or a part: both wait, and both say what to do.
      expect(await worker.said('the disk is full')).toMatch(/(entries wait|its minute waits) in memory/)
      expect(await worker.said('free space there')).toContain('the disk is full')
      rmSync(join(at, 'filler'))
      await partPublished(dataDir, worker)
      expect(await worker.end('SIGTERM')).toMatchObject({ status: 0 })
      const fold = new CandleFold({ venue: smartapi, lateness: 'live' })
      expect(foldJournal(join(dataDir, journalDir({ market: 'in', date: DATE })), [fold]).damages).toEqual([])
      // Before it started and after it was asked to end: none between.
      expect(fold.gaps().map(({ reason }) => reason)).toEqual(['stopped', 'stopped'])
      expect(fold.droppedCount()).toBe(0)
      const replay = await run([...flags, '--json', 'replay', '--market', 'in', '--date', DATE], env)
      expect(JSON.parse(replay.stdout)).toMatchObject({ different: [], unlisted: [], damageCount: 0 })
    })
  },
)

/** Wide limits: at a hundred times the speed an ordinary pause of the machine is minutes of the market. */
function withPatience(india: Record<string, unknown>): void {
  const patience = {
    graceMs: 60_000,
    socketSilenceMs: 600_000,
    dataSilenceMs: 600_000,
    pingIntervalMs: 30_000,
  }
  india.stream = { ...(india.stream as object), ...patience }
  india.journal = { ballastBytes: 0, diskStopBytes: 0, diskWarnBytes: 0 }
}

/** Resolves when one more part than now is there. */
async function partPublished(dataDir: string, by: RunningCommand): Promise<void> {
  const parts = (): number => globSync(join(dataDir, 'staging/in/candles/date=*/*.parquet')).length
  for (const before = parts(); parts() === before; await pause(20)) {
    if (!by.isRunning) throw new Error(`ended early:\n${by.stderrLines.join('\n')}`)
  }
}

function fillDisk(path: string): void {
  const fd = openSync(path, 'wx')
  const block = new Uint8Array(4_096)
  try {
    while (writeSync(fd, block) === block.byteLength);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  } finally {
    closeSync(fd)
  }
}
