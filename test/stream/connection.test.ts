import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { instrumentKey } from '../../src/domain/instrument.ts'
import type { Tokens } from '../../src/domain/venue.ts'
import { backoffMs } from '../../src/stream/backoff.ts'
import { Connection, type ConnectionOptions } from '../../src/stream/connection.ts'
import { ManualClock } from '../support/manual-clock.ts'
import {
  CountingTokens,
  CREDENTIALS,
  FakeSockets,
  instrumentsOf,
  NOON_MS,
  plainVenue,
  RecordingSink,
  recordingLog,
  seededRandom,
  tokensOf,
} from '../support/stream-kit.ts'

function setUp(changes: Partial<ConnectionOptions> & { readonly count?: number } = {}) {
  const clock = new ManualClock(NOON_MS)
  const sink = new RecordingSink()
  const sockets = new FakeSockets()
  const tokens = new CountingTokens()
  const instruments = instrumentsOf(changes.count ?? 3)
  const { log, lines } = recordingLog(clock)
  const refusals: OperatingError[] = []
  let number = 7
  const connection = new Connection({
    shard: 0,
    instruments,
    indexOf: new Map(instruments.map((instrument, index) => [instrumentKey(instrument), index])),
    venue: plainVenue(),
    mode: 'quote',
    streamUrl: 'ws://vendor.test/stream',
    credentials: CREDENTIALS,
    tokens,
    sink,
    clock,
    nowMs: () => clock.wallMs(),
    random: seededRandom(1),
    log,
    scrub: (text) => text,
    open: sockets.open,
    nextConnection: () => number++,
    pingIntervalMs: 10_000,
    backoffCapMs: 30_000,
    onLive: () => {},
    onFailed: () => {},
    onRefused: (_shard, error) => refusals.push(error),
    ...changes,
  })
  return { clock, sink, sockets, tokens, connection, lines, refusals, instruments }
}

async function live(kit: ReturnType<typeof setUp>) {
  kit.connection.start()
  await kit.clock.advance(0)
  kit.sockets.last.open()
  kit.sockets.last.tick()
}

test('a connection is announced before its first packet, and live with it', async () => {
  const kit = setUp()
  await live(kit)
  expect(kit.sink.kinds()).toEqual(['connect', 'live'])
  expect(kit.sink.packets).toEqual([{ connection: 7, text: 'tick', atMs: NOON_MS }])
  expect(kit.connection.status()).toMatchObject({ state: 'live', connection: 7, packetCount: 1 })
})

test('subscribing is followed by a ping, and its pong alone makes a quiet shard live', async () => {
  const kit = setUp({ count: 250 })
  kit.connection.start()
  await kit.clock.advance(0)
  const socket = kit.sockets.last
  socket.open()
  expect(socket.sent).toHaveLength(4) // 250 instruments in messages of 100, then the ping
  expect(socket.sent.at(-1)).toBe('ping')
  expect(kit.connection.status().state).toBe('subscribing')
  socket.say('pong')
  expect(kit.sink.kinds()).toEqual(['connect', 'live'])
  socket.say('pong')
  socket.options.onPong()
  expect(kit.sink.kinds()).toEqual(['connect', 'live', 'alive', 'alive'])
})

test('pings go out every 10 s and when asked, and never on a socket that is gone', async () => {
  const kit = setUp()
  await live(kit)
  const pings = (): number => kit.sockets.all[0]!.sent.filter((text) => text === 'ping').length
  await kit.clock.advance(30_000)
  expect(pings()).toBe(4)
  kit.connection.pingNow()
  expect(pings()).toBe(5)
  kit.sockets.last.hangUp()
  kit.connection.pingNow()
  await kit.clock.advance(60_000)
  expect(pings()).toBe(5)
})

test('a disconnect opens the gap at the last receipt, once, and the next evidence ends it', async () => {
  const kit = setUp()
  await live(kit)
  await kit.clock.advance(4_000)
  kit.sockets.last.hangUp(1006, 'read ECONNRESET')
  await kit.clock.advance(30_000)
  kit.sockets.last.hangUp()
  await kit.clock.advance(30_000)
  kit.sockets.last.open()
  kit.sockets.last.tick()
  expect(kit.sink.of('lost')).toMatchObject([
    {
      shard: 0,
      reason: 'disconnected',
      fromMs: NOON_MS,
      atMs: NOON_MS + 4_000,
      detail: '1006 read ECONNRESET',
    },
  ])
  expect(kit.sink.kinds()).toEqual(['connect', 'live', 'lost', 'connect', 'live'])
})

test('subscriptions are sent again in full after every reconnect, and only on the new socket', async () => {
  const kit = setUp({ count: 120 })
  await live(kit)
  const first = kit.sockets.last
  for (let round = 1; round <= 3; round += 1) {
    kit.sockets.last.hangUp()
    await kit.clock.advance(30_000)
    kit.sockets.last.open()
    expect(kit.sockets.last.subscribed()).toHaveLength(120)
    kit.sockets.last.tick()
  }
  expect(kit.sockets.all).toHaveLength(4)
  expect(first.subscribed()).toHaveLength(120)
})

test('a changed list is told as its difference, and the new list is what a reconnect sends', async () => {
  const kit = setUp({ count: 4 })
  await live(kit)
  const socket = kit.sockets.last
  const before = socket.sent.length
  kit.connection.setInstruments(kit.instruments.slice(1, 3))
  expect(socket.sent.slice(before).map((text) => JSON.parse(text))).toMatchObject([
    { action: 'unsubscribe', tokens: ['1000', '1003'] },
  ])
  kit.connection.setInstruments(kit.instruments.slice(0, 3))
  expect(JSON.parse(socket.sent.at(-1)!)).toMatchObject({ action: 'subscribe', tokens: ['1000'] })
  socket.hangUp()
  await kit.clock.advance(30_000)
  kit.sockets.last.open()
  expect(kit.sockets.last.subscribed().toSorted()).toEqual(['1000', '1001', '1002'])
})

test('what an old socket still says is ignored', async () => {
  const kit = setUp()
  await live(kit)
  const old = kit.sockets.last
  kit.connection.reconnect('stalled', 'test')
  const { length } = kit.sink.facts
  old.tick('late')
  old.say('pong')
  old.hangUp()
  expect(kit.sink.facts).toHaveLength(length)
  expect(kit.sink.packets.map(({ text }) => text)).toEqual(['tick'])
  expect(old.isGone).toBe(true)
})

test('a mute socket is doubted from its last tick, a stalled one from its last receipt', async () => {
  for (const [reason, fromMs] of [
    ['mute', NOON_MS],
    ['stalled', NOON_MS + 5_000],
  ] as const) {
    const kit = setUp()
    await live(kit)
    await kit.clock.advance(5_000)
    kit.sockets.last.say('pong')
    await kit.clock.advance(25_000)
    kit.connection.reconnect(reason, '')
    expect(kit.sink.of('lost')).toMatchObject([{ reason, fromMs, atMs: NOON_MS + 30_000 }])
  }
})

test('a shard that was found mute is believed again when a tick comes, not for its pongs', async () => {
  const kit = setUp()
  await live(kit)
  kit.connection.reconnect('mute', 'silent')
  await kit.clock.advance(5_000)
  kit.sockets.last.open()
  kit.sockets.last.say('pong')
  await kit.clock.advance(10_000)
  kit.sockets.last.say('pong')
  expect(kit.connection.status().state).toBe('subscribing')
  expect(kit.sink.kinds()).toEqual(['connect', 'live', 'lost', 'connect'])
  kit.sockets.last.tick()
  expect(kit.connection.status().state).toBe('live')
  kit.connection.reconnect('stalled', 'silent')
  await kit.clock.advance(5_000)
  kit.sockets.last.open()
  kit.sockets.last.say('pong')
  expect(kit.connection.status().state).toBe('live')
})

test('a pong says which ping it answers: what it proves is as old as that', async () => {
  const kit = setUp()
  await live(kit)
  const startMs = kit.clock.wallMs()
  await kit.clock.advance(20_000)
  for (const _ of ['of the subscription', 'after 10 s', 'after 20 s']) kit.sockets.last.say('pong')
  expect(kit.sink.of('alive').map(({ askedMs, atMs }) => [askedMs! - startMs, atMs - startMs])).toEqual([
    [0, 20_000],
    [10_000, 20_000],
    [20_000, 20_000],
  ])
  // A pong that nobody asked for proves nothing new.
  kit.sockets.last.say('pong')
  expect(kit.sink.of('alive').at(-1)!.askedMs).toBe(startMs)
})

test('backoff never exceeds its cap and grows to it', () => {
  const limits = { baseMs: 1_000, capMs: 30_000 }
  fc.assert(
    fc.property(
      fc.nat({ max: 2_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (n, random) => {
        const waitMs = backoffMs(limits, n, () => random)
        expect(waitMs).toBeGreaterThanOrEqual(0)
        expect(waitMs).toBeLessThan(Math.min(30_000, 1_000 * 2 ** n) + 1)
      },
    ),
  )
})

test('backoff grows while connections fail and starts anew after a stable minute', async () => {
  const kit = setUp({ random: () => 0.999 })
  const waitsOf = (): number[] =>
    kit.lines.flatMap((line) => [...(/reconnecting .*waitMs=(\d+)/.exec(line) ?? [])].slice(1)).map(Number)
  await live(kit)
  for (let round = 0; round < 7; round += 1) {
    kit.sockets.last.hangUp()
    await kit.clock.advance(31_000)
  }
  expect(waitsOf()).toEqual([999, 1_998, 3_996, 7_992, 15_984, 29_970, 29_970])
  kit.sockets.last.open()
  await kit.clock.advance(61_000)
  kit.sockets.last.hangUp()
  expect(waitsOf().at(-1)).toBe(999)
})

test('too many sockets at the vendor: at least half a minute before the next try', async () => {
  const kit = setUp({ random: () => 0 })
  kit.connection.start()
  await kit.clock.advance(0)
  kit.sockets.last.refuse(429)
  await kit.clock.advance(29_999)
  expect(kit.sockets.all).toHaveLength(1)
  await kit.clock.advance(1)
  expect(kit.sockets.all).toHaveLength(2)
})

test('refused tokens are tried once more, then there is one new login', async () => {
  const kit = setUp()
  const used = (): (string | undefined)[] =>
    kit.sockets.all.map(({ options }) => options.headers.authorization)
  kit.connection.start()
  await kit.clock.advance(0)
  kit.sockets.last.refuse(401)
  await kit.clock.advance(3_000)
  expect(kit.tokens.loginCount).toBe(1)
  kit.sockets.last.refuse(401)
  await kit.clock.advance(5_000)
  expect(kit.tokens.loginCount).toBe(2)
  expect(used()).toEqual(['canary-jwt-t1', 'canary-jwt-t1', 'canary-jwt-t2'])
})

test('a handshake that is refused forever does not become a storm of logins', async () => {
  const kit = setUp()
  kit.connection.start()
  for (let second = 0; second < 3_600; second += 1) {
    await kit.clock.advance(1_000)
    if (!kit.sockets.last.isGone) kit.sockets.last.refuse(401)
  }
  expect(kit.tokens.loginCount).toBeLessThan(30)
  expect(kit.tokens.loginCount).toBeGreaterThan(5)
})

test('after a storm of refusals the shard is back within the longest pause, rare as logins are', async () => {
  const kit = setUp()
  kit.connection.start()
  for (let second = 0; second < 600; second += 1) {
    await kit.clock.advance(1_000)
    if (!kit.sockets.last.isGone) kit.sockets.last.refuse(401)
  }
  const loginCount = kit.tokens.loginCount
  for (let second = 0; second < 30 && kit.sockets.last.isGone; second += 1) await kit.clock.advance(1_000)
  expect(kit.sockets.last.isGone).toBe(false)
  expect(kit.tokens.loginCount - loginCount).toBeLessThanOrEqual(1)
})

test('a login refused for good ends this shard and says so', async () => {
  const error = new OperatingError('logging in: no', { code: 'LOGIN_REFUSED' })
  const refusing = {
    loginCount: 1,
    take: (): Promise<Tokens> => Promise.reject(error),
    renew: (): Promise<Tokens> => Promise.reject(error),
  }
  const kit = setUp({ tokens: refusing })
  kit.connection.start()
  await kit.clock.advance(600_000)
  expect(kit.refusals).toEqual([error])
  expect(kit.sockets.all).toHaveLength(0)
  expect(kit.connection.status().state).toBe('refused')
})

test('refused instruments are named in a fact and in the log, and the rest goes on', async () => {
  const kit = setUp({ count: 250 })
  await live(kit)
  kit.sockets.last.say(JSON.stringify({ code: 'E1002', message: 'Limit Exceeded', correlationId: 'c3' }))
  const [refused] = kit.sink.of('refused')
  expect(refused).toMatchObject({ code: 'E1002', message: 'Limit Exceeded' })
  expect(refused!.instruments).toEqual(Array.from({ length: 50 }, (_, index) => 200 + index))
  expect(kit.lines.join('')).toMatch(/error.*code=E1002.*count=50 first=S0200 S0201/)
  expect(kit.connection.status()).toMatchObject({ state: 'live', refusedCount: 50 })
  kit.sockets.last.say(JSON.stringify({ code: 'E1001', message: 'Payload', correlationId: 'foreign' }))
  kit.sockets.last.say('maintenance at noon')
  expect(kit.sink.of('note').map(({ text }) => text)).toEqual([
    'E1001 Payload (foreign)',
    'maintenance at noon',
  ])
})

test('where room runs short reading stops before anything is lost, and nothing is in doubt', async () => {
  const kit = setUp()
  await live(kit)
  kit.sink.isFilling = true
  const socket = kit.sockets.last
  for (const text of ['one', 'two']) socket.tick(text)
  expect(socket.isPaused).toBe(true)
  // Our own pause is not the vendor's silence.
  expect(kit.connection.pulse().isListening).toBe(false)
  kit.sink.makeRoom()
  await kit.clock.advance(0)
  expect(socket.isPaused).toBe(false)
  expect(kit.connection.pulse().isListening).toBe(true)
  expect(kit.sink.kinds()).toEqual(['connect', 'live'])
  expect(kit.sink.packets.slice(-2).map(({ text }) => text)).toEqual(['one', 'two'])
  expect(kit.connection.status().droppedCount).toBe(0)
})

test('where there is no room reading stops, the loss is counted, and the gap is stated', async () => {
  const kit = setUp()
  await live(kit)
  await kit.clock.advance(1_000)
  kit.sink.hasRoom = false
  const socket = kit.sockets.last
  for (let count = 0; count < 3; count += 1) socket.tick('lost')
  expect(socket.isPaused).toBe(true)
  expect(kit.connection.pulse().isListening).toBe(false)
  await kit.clock.advance(1_000)
  kit.sink.makeRoom()
  await kit.clock.advance(0)
  expect(socket.isPaused).toBe(false)
  expect(kit.sink.kinds()).toEqual(['connect', 'live', 'lost', 'dropped', 'live'])
  expect(kit.sink.of('lost')).toMatchObject([{ reason: 'overflow', fromMs: NOON_MS + 1_000 }])
  expect(kit.sink.of('dropped')).toMatchObject([{ shard: 0, count: 3 }])
  expect(kit.sockets.all).toHaveLength(1)
})

test('after we slept the same socket is believed again as soon as it speaks', async () => {
  const kit = setUp()
  await live(kit)
  kit.connection.doubt('asleep', NOON_MS, 'test')
  expect(kit.connection.status().state).toBe('subscribing')
  kit.sockets.last.tick('after')
  expect(kit.sink.kinds()).toEqual(['connect', 'live', 'lost', 'live'])
  expect(kit.sockets.all).toHaveLength(1)
})

test('stop unsubscribes, says so, and leaves no socket and no timer', async () => {
  const kit = setUp()
  await live(kit)
  await kit.connection.stop()
  const socket = kit.sockets.last
  expect(JSON.parse(socket.sent.at(-1)!)).toMatchObject({
    action: 'unsubscribe',
    tokens: ['1000', '1001', '1002'],
  })
  expect(socket.isClosing).toBe(true)
  expect(kit.sink.of('lost')).toMatchObject([{ reason: 'stopped' }])
  expect(kit.clock.timerCount).toBe(0)
  const { length } = kit.sink.facts
  socket.tick()
  await kit.clock.advance(600_000)
  expect(kit.sink.facts).toHaveLength(length)
  expect(kit.sockets.all).toHaveLength(1)
})

test('tokens that come after stop open no socket', async () => {
  const { promise, resolve } = Promise.withResolvers<Tokens>()
  const kit = setUp({ tokens: { loginCount: 0, take: () => promise, renew: () => promise } })
  kit.connection.start()
  await kit.connection.stop()
  resolve(tokensOf('late'))
  await kit.clock.advance(60_000)
  expect(kit.sockets.all).toHaveLength(0)
  expect(kit.connection.status().state).toBe('stopped')
})

/** What the vendor, the machine or the operator may do to one shard, in any order. */
const EVENTS = [
  'open',
  'tick',
  'pong',
  'hangUp',
  'refuse401',
  'refuse429',
  'refuse502',
  'oldTick',
  'stalled',
  'mute',
  'asleep',
  'full',
  'room',
  'change',
  'error',
  'second',
  'minute',
] as const

function happen(kit: ReturnType<typeof setUp>, event: (typeof EVENTS)[number]): Promise<void> | undefined {
  const socket = kit.sockets.all.at(-1)
  const isWaiting = socket !== undefined && !socket.isOpen && !socket.isGone
  const isUp = socket?.isOpen === true && !socket.isGone
  if (event === 'open' && isWaiting) socket.open()
  if (event === 'refuse401' && isWaiting) socket.refuse(401)
  if (event === 'refuse429' && isWaiting) socket.refuse(429)
  if (event === 'refuse502' && isWaiting) socket.refuse(502)
  if (event === 'tick' && isUp) socket.tick()
  if (event === 'pong' && isUp) socket.say('pong')
  if (event === 'error' && isUp) socket.say(JSON.stringify({ code: 'E1', message: 'm', correlationId: 'c1' }))
  if (event === 'hangUp' && socket !== undefined && !socket.isGone) socket.hangUp()
  if (event === 'oldTick') for (const old of kit.sockets.all.slice(0, -1)) if (old.isOpen) old.tick('old')
  if (event === 'stalled' || event === 'mute') kit.connection.reconnect(event, '')
  if (event === 'asleep') kit.connection.doubt('asleep', kit.clock.wallMs(), '')
  if (event === 'full') kit.sink.hasRoom = false
  if (event === 'room') kit.sink.makeRoom()
  if (event === 'change') kit.connection.setInstruments(kit.instruments.slice(kit.sockets.all.length % 3))
  if (event === 'second') return kit.clock.advance(1_000)
  if (event === 'minute') return kit.clock.advance(60_000)
  return undefined
}

/** The journal must tell a story that folds: gaps open once, end once, and belong to a connection. */
function checkStory(kit: ReturnType<typeof setUp>): void {
  let isLive = false
  let connection = -1
  for (const fact of kit.sink.facts) {
    if (fact.kind === 'connect') {
      expect(isLive).toBe(false)
      expect(fact.connection).toBeGreaterThan(connection)
      connection = fact.connection
    }
    if (fact.kind === 'live') {
      expect(isLive).toBe(false)
      expect(fact.connection).toBe(connection)
      isLive = true
    }
    if (fact.kind === 'lost') {
      expect(isLive).toBe(true)
      expect(fact.fromMs).toBeLessThanOrEqual(fact.atMs)
      isLive = false
    }
    if (fact.kind === 'alive') expect(isLive).toBe(true)
  }
  expect(kit.sink.packets.every(({ text }) => text !== 'old')).toBe(true)
}

test('whatever happens: never two sockets, a story that folds, and stop means stop', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }),
      fc.nat(),
      async (events, seed) => {
        const kit = setUp({ random: seededRandom(seed) })
        kit.connection.start()
        await kit.clock.advance(0)
        for (const event of events) {
          await happen(kit, event)
          expect(kit.sockets.held.length).toBeLessThanOrEqual(1)
          checkStory(kit)
        }
        kit.sink.makeRoom()
        await kit.connection.stop()
        await kit.clock.advance(0)
        const facts = kit.sink.facts.length
        const sockets = kit.sockets.all.length
        for (const socket of kit.sockets.all) if (socket.isOpen) socket.tick('old')
        await kit.clock.advance(3_600_000)
        expect(kit.sink.facts).toHaveLength(facts)
        expect(kit.sockets.all).toHaveLength(sockets)
        expect(kit.sockets.held).toHaveLength(0)
        expect(kit.clock.timerCount).toBe(0)
        checkStory(kit)
      },
    ),
    { numRuns: 150 },
  )
})
