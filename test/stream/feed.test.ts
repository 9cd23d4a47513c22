import { afterEach, expect, test } from 'vitest'
import type { Instrument } from '../../src/domain/instrument.ts'
import type { Interval } from '../../src/domain/session.ts'
import { HOUR_MS, type UnixMs } from '../../src/domain/time.ts'
import { type Clock, createClock, realNowMs, yieldTurn } from '../../src/platform/clock.ts'
import { createSender } from '../../src/platform/http.ts'
import { Scrubber } from '../../src/platform/log.ts'
import { openSocket } from '../../src/platform/websocket.ts'
import { createFeed, FEED_CONFIG, type FeedOptions } from '../../src/stream/feed.ts'
import { planShards } from '../../src/stream/shards.ts'
import { createTokenSource } from '../../src/stream/tokens.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { PlainVendor } from '../support/plain-vendor.ts'
import {
  CANARIES,
  CountingTokens,
  CREDENTIALS,
  FakeSockets,
  instrumentsOf,
  NOON_MS,
  plainVenue,
  RecordingSink,
  recordingLog,
  refusalReply,
  seededRandom,
  UTC_OFFSET_MS,
} from '../support/stream-kit.ts'

const ALWAYS: readonly Interval[] = [
  { fromMs: (NOON_MS - HOUR_MS) as UnixMs, toMs: (NOON_MS + 100 * HOUR_MS) as UnixMs },
]
const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

type Setting = {
  readonly speed?: number
  readonly instruments?: readonly Instrument[]
  readonly perSocket?: number
  readonly continuous?: readonly Interval[]
  readonly changes?: Partial<FeedOptions>
}

/** A feed against a vendor on a real port, in time that runs fast. */
async function realFeed(setting: Setting = {}) {
  const vendor = await new PlainVendor().listen()
  const clock = createClock({ instantMs: NOON_MS, realMs: realNowMs(), speed: setting.speed ?? 60 })
  const kit = kitOf(clock, setting, {
    streamUrl: vendor.streamUrl,
    send: createSender(vendor.restUrl),
    open: openSocket,
  })
  const start = () => {
    const running = kit.feed.run()
    cleanUps.push(
      () => vendor.close(),
      async () => {
        kit.abort.abort()
        await running.catch(() => {})
      },
    )
    return running
  }
  return { ...kit, vendor, start }
}

/** A feed against sockets and a clock that the test moves. */
function handFeed(setting: Setting = {}) {
  const clock = new ManualClock(NOON_MS)
  const sockets = new FakeSockets()
  const kit = kitOf(clock, setting, {
    streamUrl: 'ws://vendor.test',
    send: () => Promise.reject(new Error('nobody asks')),
    open: sockets.open,
    tokens: new CountingTokens(),
  })
  return { ...kit, clock, sockets }
}

function kitOf(
  clock: Clock,
  setting: Setting,
  ways: Pick<FeedOptions, 'streamUrl' | 'send'> & Partial<FeedOptions>,
) {
  const sink = new RecordingSink()
  const scrubber = new Scrubber()
  scrubber.add(...Object.values(CREDENTIALS))
  const { log, lines } = recordingLog(clock) // not scrubbed: what is kept out needs no last defence
  const abort = new AbortController()
  const venue = plainVenue(
    setting.perSocket === undefined ? {} : { instrumentsPerSocketMax: setting.perSocket },
  )
  const instruments = setting.instruments ?? instrumentsOf(6)
  const shared = { venue, credentials: CREDENTIALS, clock, log, scrubber, random: seededRandom(3) }
  const utcOffsetMs = UTC_OFFSET_MS
  const tokens = createTokenSource({ ...shared, utcOffsetMs, send: ways.send, signal: abort.signal })
  const feed = createFeed({
    ...shared,
    mode: 'quote',
    config: FEED_CONFIG,
    instruments,
    shards: planShards(instruments, venue.limits, 'plain'),
    firstConnection: 5,
    sink,
    tokens,
    session: { feed: ALWAYS[0]!, continuous: setting.continuous ?? ALWAYS },
    signal: abort.signal,
    ...ways,
    ...setting.changes,
  })
  return { feed, sink, lines, abort, tokens }
}

/** Waits, turn by turn, for what the sockets will bring; the test's own limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await yieldTurn()
}

test('packets arrive verbatim after their connect fact, and an abort hangs up politely', async () => {
  const { feed, sink, abort, vendor, start } = await realFeed({ perSocket: 2 })
  vendor.onSubscribed = (peer, tokens) => {
    for (const token of tokens) peer.send(Buffer.from(`packet of ${token}`))
  }
  const running = start()
  await until(() => sink.packets.length === 6)
  expect(sink.of('connect').map(({ connection }) => connection)).toEqual([5, 6, 7])
  const order = ['connect', 'live']
  for (const shard of [0, 1, 2]) {
    const ofShard = sink.facts.filter((fact) => 'shard' in fact && fact.shard === shard)
    expect(ofShard.map(({ kind }) => kind).slice(0, 2)).toEqual(order)
  }
  expect(sink.packets.map(({ text }) => text).toSorted()).toEqual(
    instrumentsOf(6).map(({ token }) => `packet of ${token}`),
  )
  expect(feed.status()).toMatchObject({
    loginCount: 1,
    polledShards: [],
    shards: [{ state: 'live' }, {}, {}],
  })
  abort.abort()
  await running
  expect(sink.of('lost').map(({ reason }) => reason)).toEqual(['stopped', 'stopped', 'stopped'])
  await until(() => vendor.closeCodes.length === 3)
  expect(vendor.closeCodes).toEqual([1000, 1000, 1000])
  expect(vendor.texts.filter((text) => text.includes('unsubscribe'))).toHaveLength(3)
})

test('three shards that meet 401 cause one login', async () => {
  const { sink, vendor, start } = await realFeed({ perSocket: 2 })
  vendor.refuse = (jwt) => (jwt === 'canary-jwt-t1' ? { status: 401, error: 'Invalid Auth token' } : null)
  void start()
  await until(() => sink.of('live').length === 3)
  expect(vendor.loginCount).toBe(2)
  const used = (name: string): number => vendor.handshakes.filter((jwt) => jwt === name).length
  expect(used('canary-jwt-t1')).toBe(6) // each shard gives them a second chance
  expect(used('canary-jwt-t2')).toBe(3)
})

test('a vendor that is mute from birth is noticed although it answers pings', async () => {
  const { sink, vendor, start } = await realFeed({ speed: 300 })
  void start()
  await until(() => sink.of('lost').length === 1)
  expect(sink.of('lost')).toMatchObject([{ reason: 'mute' }])
  expect(sink.of('alive').length).toBeGreaterThan(0)
  await until(() => vendor.peers.length === 2)
})

test('a vendor that falls silent altogether is noticed from the last receipt on', async () => {
  const { sink, vendor, start } = await realFeed({ speed: 300, continuous: [] })
  vendor.answersPings = false
  vendor.onSubscribed = (peer) => peer.send(Buffer.from('once'))
  void start()
  await until(() => sink.of('lost').length === 1)
  expect(sink.of('lost')).toMatchObject([{ reason: 'stalled', fromMs: sink.packets[0]!.atMs }])
  await until(() => sink.of('live').length === 2)
})

test('a socket that cannot be held is replaced by quotes over REST', async () => {
  const { feed, sink, vendor, lines, start } = await realFeed({ speed: 600 })
  vendor.refuse = () => ({ status: 502, error: '' })
  void start()
  await until(() => sink.of('quotes').length >= 2)
  expect(feed.status().polledShards).toEqual([0])
  vendor.refuse = () => null
  await until(() => sink.of('live').length === 1)
  expect(feed.status().polledShards).toEqual([])
  expect(lines.join('')).toMatch(/asking for quotes over REST[\s\S]*no more quotes over REST/)
})

test('no secret appears in any log line, fact or status, however much the vendor echoes', async () => {
  const { feed, sink, vendor, lines, start } = await realFeed({ perSocket: 2 })
  vendor.refuse = (jwt, headers) =>
    jwt.endsWith('t1') ? { status: 401, error: `bad ${jwt} ${headers['x-api-key']}` } : null
  vendor.onSubscribed = (peer) => {
    peer.send(Buffer.from('tick'))
    peer.send(`you are ${vendor.handshakes.at(-1)}`)
    peer.send(JSON.stringify({ code: 'E1', message: `no ${vendor.handshakes.at(-1)}`, correlationId: 'c1' }))
    peer.close(1011, `${vendor.handshakes.at(-1)}`)
  }
  void start()
  await until(() => sink.of('lost').length >= 3 && lines.length > 10)
  const text = JSON.stringify([lines, sink.facts, feed.status()])
  expect(text).toContain('[redacted]')
  expect(text).not.toContain('canary-')
  expect(text).not.toContain(CANARIES.totpSecret)
})

test('a first login that is refused ends the feed with that error, and nothing is left', async () => {
  const kit = handFeed()
  const refusing = createTokenSource({
    venue: plainVenue(),
    credentials: CREDENTIALS,
    send: async () => refusalReply('login_refused'),
    clock: kit.clock,
    log: recordingLog(kit.clock).log,
    scrubber: new Scrubber(),
    random: () => 0,
    signal: kit.abort.signal,
    utcOffsetMs: UTC_OFFSET_MS,
  })
  const { feed, clock, sockets } = handFeed({ changes: { tokens: refusing } })
  await expect(feed.run()).rejects.toMatchObject({ code: 'LOGIN_REFUSED' })
  expect(sockets.all).toHaveLength(0)
  expect(clock.timerCount).toBe(0)
})

test('listening starts with the session and not before', async () => {
  const opening = { fromMs: (NOON_MS + HOUR_MS) as UnixMs, toMs: (NOON_MS + 2 * HOUR_MS) as UnixMs }
  const { feed, clock, sockets, abort } = handFeed({
    changes: { session: { feed: opening, continuous: [] } },
  })
  const running = feed.run()
  await clock.advance(HOUR_MS - 1)
  expect(sockets.all).toHaveLength(0)
  await clock.advance(1)
  expect(sockets.all).toHaveLength(1)
  abort.abort()
  await running
})

test('at each minute end a ping goes out, so that its pong vouches for the minute', async () => {
  const { feed, clock, sockets, abort } = handFeed({
    changes: { config: { ...FEED_CONFIG, pingIntervalMs: HOUR_MS } },
  })
  const running = feed.run()
  await clock.advance(0)
  sockets.last.open()
  sockets.last.tick()
  const pings = (): number => sockets.last.sent.filter((text) => text === 'ping').length
  expect(pings()).toBe(1)
  for (let minute = 1; minute <= 3; minute += 1) {
    for (let step = 0; step < 3; step += 1) {
      await clock.advance(20_000 - (step === 2 ? 1 : 0))
      sockets.last.tick()
    }
    expect(pings()).toBe(minute)
    await clock.advance(1)
    expect(pings()).toBe(minute + 1)
  }
  abort.abort()
  await running
})

test('our own sleep is stated as ours, from the last wake to the next receipt', async () => {
  const { feed, clock, sockets, sink, abort } = handFeed()
  const running = feed.run()
  await clock.advance(0)
  sockets.last.open()
  sockets.last.tick()
  await clock.advance(10_000)
  sockets.last.tick()
  setImmediate(() => sockets.last.tick('waited'))
  await clock.oversleep(300_000)
  await clock.advance(2_000)
  expect(sink.of('lost')).toMatchObject([{ reason: 'asleep', fromMs: NOON_MS + 10_000 }])
  expect(sink.kinds().slice(-1)).toEqual(['live'])
  expect(sockets.all).toHaveLength(1)
  abort.abort()
  await running
})

test('a wall clock that is set back is said and recorded, and nothing else happens', async () => {
  const { feed, clock, sockets, sink, abort } = handFeed()
  const running = feed.run()
  await clock.advance(0)
  sockets.last.open()
  sockets.last.tick()
  await clock.advance(5_000)
  clock.jumpWall(-3_000)
  await clock.advance(3_000)
  sockets.last.tick()
  expect(sink.of('clock')).toMatchObject([{ deltaMs: -3_000 }])
  expect(sink.of('lost')).toEqual([])
  abort.abort()
  await running
})

test('what waits in the kernel is read before silence is declared', async () => {
  for (const isWaiting of [true, false]) {
    const { feed, clock, sockets, sink, abort } = handFeed({ continuous: [] })
    const running = feed.run()
    await clock.advance(0)
    sockets.last.open()
    await clock.advance(500)
    sockets.last.say('pong')
    await clock.advance(25_500 - 1)
    expect(sink.of('lost')).toHaveLength(0)
    if (isWaiting) setImmediate(() => sockets.last.tick())
    await clock.oversleep(1)
    expect(sink.of('lost')).toHaveLength(isWaiting ? 0 : 1)
    abort.abort()
    await running
  }
})

test('a process that is always late does not take its lateness for the silence of others', async () => {
  const { feed, clock, sockets, sink, abort } = handFeed()
  const running = feed.run()
  await clock.advance(0)
  sockets.last.open()
  for (let round = 0; round < 20; round += 1) {
    // Four seconds without a turn, and the data of those seconds is there when the turn comes.
    setImmediate(() => sockets.last.tick())
    await clock.oversleep(4_000)
  }
  // And where there was none, only the time in which we looked is held against the vendor.
  for (let round = 0; round < 9; round += 1) await clock.oversleep(4_000)
  expect(sink.of('lost')).toEqual([])
  expect(sockets.all).toHaveLength(1)
  abort.abort()
  await running
})

test('after midnight of the market the sockets come back with new tokens, without a restart', async () => {
  const midnightMs = Date.parse('2026-07-01T18:30:00Z')
  const logins: number[] = []
  const clock = new ManualClock(midnightMs - 90_000)
  const sockets = new FakeSockets()
  const { feed, abort } = kitOf(
    clock,
    { continuous: [] },
    {
      streamUrl: 'ws://vendor.test',
      open: sockets.open,
      send: async () => {
        logins.push(clock.wallMs())
        return { status: 200, headers: {}, body: JSON.stringify(`t${logins.length}`) }
      },
    },
  )
  const running = feed.run()
  await clock.advance(0)
  sockets.last.open()
  sockets.last.say('pong')
  for (let second = 0; second < 180; second += 1) {
    await clock.advance(1_000)
    if (!sockets.last.isOpen) sockets.last.open()
    sockets.last.say('pong')
  }
  expect(logins).toEqual([midnightMs - 90_000, midnightMs])
  expect(sockets.all.map(({ options }) => options.headers.authorization)).toEqual([
    'canary-jwt-t1',
    'canary-jwt-t2',
  ])
  abort.abort()
  await running
})
