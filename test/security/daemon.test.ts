/**
 * What may a local attacker, a web page in the operator's browser, or a curious neighbour do to a running
 * daemon? A real one, run by its own first line, with a job that talks to a vendor, and a key that is found
 * nowhere else.
 */
import { existsSync, globSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newYorkDays } from '../../src/app/sim-alphavantage.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { startVendor, type Vendor } from '../simulation/batch-lake.ts'
import { fileIn, tempDir } from '../simulation/processes.ts'
import { firstLine, InstalledCommand, listeningOf } from './installed.ts'

const hasProc = existsSync('/proc/self/net/tcp')
const where = hasProc ? '' : ' (skipped: no /proc here)'
const CANARY = 'QzCanaryKey5J8W'
const NEEDLES = [
  CANARY,
  Buffer.from(CANARY).toString('base64').replace(/=+$/, ''),
  Buffer.from(CANARY).toString('hex'),
]
const DAY = '2026-11-27'
const LOOPBACK = '0100007F'

const dir = tempDir('security')
let vendor: Vendor
let config: string
let env: Readonly<Record<string, string>>
let daemon: InstalledCommand
let port = 0
const said: string[] = []

beforeAll(async () => {
  const limits = { perSecond: null, perMinute: null, perDay: null }
  const world = { symbolCount: 4, historyFrom: '2026-10-01' as MarketDate, daysBetween: newYorkDays() }
  vendor = await startVendor({ ...world, limits, at: `${DAY}T15:29:00Z`, speed: 300 })
  const proxySet = fileIn(dir, 'proxies.json', {
    schema: 'chandler.proxy_set.v1',
    market: 'us',
    version: '1.0.0',
    roles: [{ role: 'equity_core', symbols: ['QAAA'] }],
    required: ['QAAA'],
  })
  const symbols = fileIn(dir, 'symbols.csv', 'symbol\nQAAA\nQAAB\n')
  const batch = { restUrl: vendor.url, symbols, callsPerMinute: 10_000, callsPerDay: 100_000, intervalMs: 0 }
  config = fileIn(dir, 'chandler.json', {
    dataDir: join(dir, 'data'),
    markets: { us: { batch, proxySet, http: { port: 0 } } },
  })
  env = { CHANDLER_CLOCK: vendor.clock, ALPHAVANTAGE_API_KEY_FILE: fileIn(dir, 'key', `${CANARY}\n`, 0o600) }
  daemon = command('daemon', '--market', 'us')
  port = Number((await daemon.said(/127\.0\.0\.1:(\d+)\/health/))[1])
})

afterAll(async () => {
  await daemon.end()
  await vendor.standIn.stop()
  rmSync(dir, { recursive: true, force: true })
})

function command(...args: readonly string[]): InstalledCommand {
  return new InstalledCommand(['--config', config, ...args], env)
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

function found(text: string): readonly string[] {
  return NEEDLES.filter((needle) => text.includes(needle))
}

/** Sends the very bytes and gives what comes until the other side ends, or for so long. */
function raw(text: string, longestMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setTimeout(longestMs, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    // A reset is an answer too: what came before it counts.
    socket.on('error', () => {})
    socket.once('close', () => resolve(answer))
    socket.write(text)
  })
}

const own = (): string => `Host: 127.0.0.1:${port}`
const statusesOf = (answer: string): readonly number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))

async function healthStatus(): Promise<number> {
  return statusesOf(await raw(`GET /health HTTP/1.1\r\n${own()}\r\nConnection: close\r\n\r\n`))[0] ?? 0
}

test.skipIf(!hasProc)(`it listens on the loopback and nowhere else${where}`, () => {
  const pid = daemon.child.pid!
  expect(listeningOf(pid)).toEqual([`${LOOPBACK}:${port.toString(16).toUpperCase().padStart(4, '0')}`])
})

test.skipIf(!hasProc)(
  `a key in a file is in no argument and no environment, neither the daemon's nor its job's${where}`,
  async () => {
    await daemon.said(/job begins job=intraday/)
    const { pid } = daemon.child
    let job: number | undefined
    while (job === undefined) {
      job = childrenOf(pid!)[0]
      await pause(2)
    }
    for (const one of [pid!, job]) {
      const seen = ['cmdline', 'environ']
        .map((name) => readFileSync(`/proc/${one}/${name}`, 'latin1'))
        .join('\n')
      expect(seen).toContain('chandler')
      expect(found(seen)).toEqual([])
    }
    expect(readFileSync(`/proc/${job}/cmdline`, 'latin1')).toContain('--disable-sigusr1')
    await daemon.said(/job ended job=intraday\S* status=0/)
  },
)

test.skipIf(!hasProc)(`no signal opens a debugger, in the daemon or any command${where}`, async () => {
  const { pid } = daemon.child
  const before = listeningOf(pid!)
  process.kill(pid!, 'SIGUSR1')
  expect([200, 503]).toContain(await healthStatus())
  expect(listeningOf(pid!)).toEqual(before)
  expect(daemon.text).not.toContain('Debugger')
  // The same command without that switch does open one, so the test can fail.
  const line = `${firstLine().replace(' --disable-sigusr1', '')} --inspect-port=127.0.0.1:0`
  const open = new InstalledCommand(['--config', config, 'status', '--watch'], env, line)
  await open.said(/us: /)
  open.child.kill('SIGUSR1')
  await open.said(/Debugger listening/)
  await open.end()
})

test('two hundred requests that never end do not keep the health page from anybody', async () => {
  const sockets: Socket[] = []
  const opened = Array.from({ length: 200 }, (_, at) => {
    return new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', resolve)
      socket.on('error', () => resolve())
      socket.on('close', () => resolve())
      socket.write(`GET /health HTTP/1.1\r\n${own()}\r\nX-Slow: ${at}`)
      sockets.push(socket)
    })
  })
  await Promise.all(opened)
  expect([200, 503]).toContain(await healthStatus())
  for (const socket of sockets) socket.destroy()
})

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/)
const anyRequest = fc.record({
  // What the parser does not know ends the socket, and much of that would test little else.
  method: fc.oneof(
    {
      weight: 20,
      arbitrary: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'TRACE', 'DELETE'),
    },
    { weight: 1, arbitrary: fc.oneof(fc.constantFrom('CONNECT', 'PRI'), token) },
  ),
  path: fc.oneof(
    fc.constantFrom(
      '/health',
      '/metrics',
      '/',
      '/../../etc/passwd',
      '/health?x=1',
      '//health',
      '/%2e%2e/',
      '*',
    ),
    fc.stringMatching(/^\/[!-~]{0,60}$/),
  ),
  host: fc.oneof(
    { weight: 3, arbitrary: fc.constant('own') },
    { weight: 1, arbitrary: fc.stringMatching(/^[!-~]{0,30}$/) },
  ),
  headers: fc.array(fc.tuple(token, fc.stringMatching(/^[ -~]{0,40}$/)), { maxLength: 4 }),
})

test('of twenty thousand requests none is answered with a failure of ours or a secret', async () => {
  const perSocket = 40
  const requests = fc.sample(anyRequest, { numRuns: 20_000, seed: 7 })
  const counts = new Map<number, number>()
  let sentCount = 0
  let leaks: readonly string[] = []
  const talk = async (): Promise<void> => {
    while (sentCount < requests.length) {
      const from = sentCount
      sentCount += perSocket
      const texts = requests.slice(from, sentCount).map(({ method, path, host, headers }) => {
        const lines = headers.map(([name, value]) => `${name}: ${value}`)
        return [
          `${method} ${path} HTTP/1.1`,
          host === 'own' ? own() : `Host: ${host}`,
          ...lines,
          '',
          '',
        ].join('\r\n')
      })
      // A request that is none ends its socket: what follows it goes on with the next.
      for (let rest = texts; rest.length > 0; ) {
        const answer = await raw(`${rest.join('')}GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        const statuses = statusesOf(answer)
        for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1)
        leaks = [...leaks, ...found(answer)]
        rest = rest.slice(Math.max(1, statuses.length))
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, talk))
  const answered = [...counts].filter(([status]) => status >= 500 && status !== 503)
  expect(answered).toEqual([])
  expect(leaks).toEqual([])
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10_000)
  expect((counts.get(200) ?? 0) + (counts.get(503) ?? 0)).toBeGreaterThan(100)
  expect([200, 503]).toContain(await healthStatus())
})

test("the vendor's key is in no page, no file of the lake and no line that any command writes", async () => {
  for (const page of ['/health', '/metrics']) {
    said.push(await (await fetch(`http://127.0.0.1:${port}${page}`)).text())
  }
  expect(await daemon.end()).toBe(0)
  const market = ['--market', 'us']
  const fetched = command('batch', 'daily', ...market)
  expect(await fetched.ended).toBe(0)
  const others = [
    ['gate', 'ingest', ...market, '--date', DAY],
    ['sod', ...market],
    ['eod', ...market, '--operator', 'ann'],
    ['status'],
    ['epoch', 'status', ...market],
    ['audit', 'export', ...market],
    ['candles', 'QAAA', ...market],
  ].map((args) => command(...args))
  for (const other of others) await other.ended
  const files = globSync(join(dir, 'data/**/*')).filter((path) => statSync(path).isFile())
  expect(files.some((path) => path.endsWith('.zst'))).toBe(true)
  for (const path of files) {
    const bytes = readFileSync(path)
    const text = path.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
    expect(found(`${path}\n${text.toString('latin1')}`), path).toEqual([])
  }
  const all = [daemon.text, ...said, fetched.text, ...others.map(({ text }) => text)].join('\n')
  expect(all.length).toBeGreaterThan(5_000)
  expect(found(all)).toEqual([])
})
