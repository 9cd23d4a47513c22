/** Rows 20 to 23: what if the network fails, silently, loudly, or at the door? */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { FaultMarket, type FaultWorker, lastLine } from '../../test/faults/market.ts'
import { Cable } from '../../test/faults/network.ts'
import { type Place, tool } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'
import type { RunningCommand } from '../../test/simulation/processes.ts'

type Ends = { readonly cable: Cable; readonly market: FaultMarket; readonly worker: FaultWorker }

/** Real ms of silence after which the worker must give a socket up. */
const SILENCE_MS = 2_000

async function connect(place: Place): Promise<Ends> {
  const cable = new Cable(place)
  const market = await FaultMarket.open(place, { before: cable.atExchange })
  const silenceMs = SILENCE_MS * market.speed
  const stream = { socketSilenceMs: silenceMs, dataSilenceMs: silenceMs, pingIntervalMs: silenceMs / 4 }
  return { cable, market, worker: market.worker('wired', { stream }) }
}

function countOf(run: RunningCommand, text: string): number {
  return run.stderrLines.filter((line) => line.includes(text)).length
}

async function saidTimes(
  run: RunningCommand,
  text: string,
  count: number,
  withinMs: number,
): Promise<number | null> {
  const sinceMs = performance.now()
  while (countOf(run, text) < count) {
    if (!run.isRunning || performance.now() - sinceMs > withinMs) return null
    await pause(10)
  }
  return Math.round(performance.now() - sinceMs)
}

async function finish({ worker }: Ends, run: RunningCommand): Promise<readonly string[]> {
  await worker.published(3, run)
  const ended = await run.end('SIGTERM')
  const flaws = await worker.flaws()
  return ended.status === 0 ? flaws : [`it ended with ${ended.status}: ${lastLine(ended)}`, ...flaws]
}

async function halfOpenRow(place: Place): Promise<Outcome> {
  const ends = await connect(place)
  const run = await ends.worker.live(ends.cable.atWorker)
  await ends.worker.published(2, run)
  const silentMs = ends.market.clock.wallMs()
  ends.cable.goSilent()
  const detectMs = await saidTimes(run, 'feed lost', 1, 20_000)
  await pause(1_000)
  ends.cable.speak()
  const liveAgainMs = await saidTimes(run, 'feed live', 2, 30_000)
  const spokenMs = ends.market.clock.wallMs()
  const flaws = await finish(ends, run)
  const gap = ends.worker
    .fold()
    .gaps()
    .find(({ reason }) => reason === 'stalled' || reason === 'mute')
  const broken = brokenOf({
    'the silence was not noticed': detectMs !== null,
    'the feed did not come back': liveAgainMs !== null,
    'no gap covers the silence':
      gap !== undefined &&
      gap.fromMs <= silentMs + 1_000 * ends.market.speed &&
      (gap.toMs ?? 0) > silentMs &&
      gap.toMs! <= spokenMs,
  })
  return { figures: { silenceMs: SILENCE_MS, detectMs, liveAgainMs }, broken: [...broken, ...flaws] }
}

const RESETS = 6

async function resetRow(place: Place): Promise<Outcome> {
  const ends = await connect(place)
  const run = await ends.worker.live(ends.cable.atWorker)
  await ends.worker.published(1, run)
  const reconnectsMs: number[] = []
  for (let reset = 1; reset <= RESETS; reset++) {
    ends.cable.reset()
    const liveMs = await saidTimes(run, 'feed live', reset + 1, 20_000)
    if (liveMs === null) break
    reconnectsMs.push(liveMs)
    await pause(700)
  }
  const flaws = await finish(ends, run)
  const gaps = ends.worker.gapReasons().filter((reason) => reason === 'disconnected').length
  reconnectsMs.sort((a, b) => a - b)
  const broken = brokenOf({
    'the feed did not come back': reconnectsMs.length === RESETS,
    'a reset is no gap': gaps >= RESETS,
  })
  const figures = {
    resets: RESETS,
    gaps,
    medianMs: reconnectsMs[RESETS >> 1] ?? null,
    maxMs: reconnectsMs.at(-1) ?? null,
  }
  return { figures, broken: [...broken, ...flaws] }
}

function peakMib(run: RunningCommand): number {
  const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${run.pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kib) / 1_024)
}

/** The feed needs about twice as much. */
const KBITS = 192

async function slowLinkRow(place: Place): Promise<Outcome> {
  const ends = await connect(place)
  const run = await ends.worker.live(ends.cable.atWorker)
  await ends.worker.published(2, run)
  const beforeMib = peakMib(run)
  ends.cable.limit(KBITS)
  await pause(8_000)
  const lostCount = countOf(run, 'feed lost')
  const peak = peakMib(run)
  ends.cable.limit(null)
  const flaws = await finish(ends, run)
  const broken = brokenOf({ 'memory grew by more than 64 MiB': peak - beforeMib <= 64 })
  return { figures: { kbits: KBITS, beforeMib, peakMib: peak, lostCount }, broken: [...broken, ...flaws] }
}

async function listen(place: Place, server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  place.after('a server', () => void server.close())
  return (server.address() as AddressInfo).port
}

function selfSigned(place: Place): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(place.dir, 'key.pem'), join(place.dir, 'cert.pem')]
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1']
  tool('openssl', ...words, '-keyout', key, '-out', cert)
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

const SECRETS = ['test-api-key', '4321']

/** Two real seconds at a door that does not open. */
async function atDoor(market: FaultMarket, name: string, restUrl: string): Promise<readonly string[]> {
  const run = market.worker(name, { stream: { restUrl } }).stream()
  await Promise.race([run.ended, pause(2_500)])
  const stops = run.isRunning
  const { status, stdout, stderr } = await run.end('SIGTERM')
  const lines = stderr.trim().split('\n').length
  return [
    ...(SECRETS.some((secret) => stdout.includes(secret) || stderr.includes(secret))
      ? [`${name}: a secret was told`]
      : []),
    ...(stderr.includes('this is a defect') ? [`${name}: ${stderr.slice(0, 300)}`] : []),
    ...(stops && status !== 0 ? [`${name}: asked to stop it ended with ${status}`] : []),
    ...(!stops && !stderr.includes('chandler: ') ? [`${name}: it ended without a word`] : []),
    ...(lines > 40 ? [`${name}: a storm of ${lines} lines`] : []),
  ]
}

async function doorRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  let strayed = 0
  const stray = await listen(
    place,
    createServer((_, response) => {
      strayed += 1
      response.end('{}')
    }),
  )
  const answer = (status: number, headers: object = {}): RequestListener => {
    return (_, response) => void response.writeHead(status, { ...headers }).end('<html>no</html>')
  }
  const tls = createTlsServer(selfSigned(place), answer(200))
  const doors = {
    'no such name': 'https://vendor.invalid',
    'nobody listens': 'http://127.0.0.1:9',
    'a certificate of nobody': `https://127.0.0.1:${await listen(place, tls)}`,
    'TLS to a plain port': `https://127.0.0.1:${stray}`,
    'a redirect': `http://127.0.0.1:${await listen(place, createServer(answer(302, { location: `http://127.0.0.1:${stray}/` })))}`,
    '401': `http://127.0.0.1:${await listen(place, createServer(answer(401)))}`,
    '403': `http://127.0.0.1:${await listen(place, createServer(answer(403)))}`,
    '502 in HTML': `http://127.0.0.1:${await listen(place, createServer(answer(502)))}`,
  }
  const flaws: string[] = []
  for (const [name, url] of Object.entries(doors)) flaws.push(...(await atDoor(market, name, url)))
  const broken = brokenOf({ 'credentials followed a redirect': strayed === 0 })
  return { figures: { doors: Object.keys(doors).length, followed: strayed }, broken: [...broken, ...flaws] }
}

export const NETWORK_ROWS: readonly FaultRow[] = [
  {
    row: 20,
    name: 'half-open socket',
    injects: 'two network namespaces; the exchange’s side drops every answer, and tells nobody',
    mustHold: `noticed after ${SILENCE_MS} ms of silence and a little; reconnected when the network is back; the gap covers it`,
    needs: ['root', 'netns'],
    isQuick: false,
    run: halfOpenRow,
  },
  {
    row: 21,
    name: 'reset',
    injects: `ss -K: the kernel breaks every connection of the worker, ${RESETS} times`,
    mustHold: 'connected again, subscribed again, a gap each time',
    needs: ['root', 'netns'],
    isQuick: false,
    run: resetRow,
  },
  {
    row: 22,
    name: 'slow link',
    injects: `tc tbf: ${KBITS} kbit/s for 8 s (eight minutes of the session), where the feed needs twice that`,
    mustHold: 'bounded memory; no candle says complete that is not true',
    needs: ['root', 'netns', 'tbf'],
    isQuick: false,
    run: slowLinkRow,
  },
  {
    row: 23,
    name: 'doors that do not open',
    injects:
      'no such name, a refused port, a certificate of nobody, TLS to a plain port, redirect, 401, 403, 502',
    mustHold:
      'backs off or ends in one line; no secret in the log; credentials follow no redirect; a stop is heard',
    needs: ['openssl'],
    isQuick: false,
    run: doorRow,
  },
]
