import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { DAY_MS, HOUR_MS, type UnixMs } from '../../src/domain/time.ts'
import type { HttpReply, HttpRequest } from '../../src/domain/venue.ts'
import { Scrubber } from '../../src/platform/log.ts'
import { fetchHistory, type HistoryFact, type HistoryWish, piecesOf } from '../../src/stream/history.ts'
import { PacedRequests } from '../../src/stream/paced.ts'
import { QuoteFallback } from '../../src/stream/rest-fallback.ts'
import { ManualClock } from '../support/manual-clock.ts'
import {
  CountingTokens,
  CREDENTIALS,
  instrumentsOf,
  NOON_MS,
  okReply,
  plainVenue,
  RecordingSink,
  recordingLog,
  refusalReply,
} from '../support/stream-kit.ts'

type Call = { readonly atMs: number; readonly body: Record<string, unknown> }

function setUp(answer: (call: number, request: HttpRequest) => HttpReply | OperatingError) {
  const clock = new ManualClock(NOON_MS)
  const calls: Call[] = []
  const { log, lines } = recordingLog(clock)
  const abort = new AbortController()
  const tokens = new CountingTokens()
  const send = async (request: HttpRequest): Promise<HttpReply> => {
    calls.push({ atMs: clock.wallMs(), body: JSON.parse(request.body!) })
    const reply = answer(calls.length, request)
    if (reply instanceof Error) throw reply
    return reply
  }
  const shared = { clock, tokens, send, log, random: () => 0, signal: abort.signal }
  return { clock, calls, lines, abort, tokens, shared }
}

/** Lets time pass until `promise` settles: the limiter waits in real ms, the pauses in the clock's. */
async function whilePassing<Value>(clock: ManualClock, promise: Promise<Value>): Promise<Value> {
  let isDone = false
  const done = (): void => {
    isDone = true
  }
  promise.then(done, done)
  while (!isDone) await clock.advance(500)
  return promise
}

const [INFY, SBIN] = instrumentsOf(2) as [
  ReturnType<typeof instrumentsOf>[0],
  ReturnType<typeof instrumentsOf>[0],
]
const wish = (instrument: typeof INFY, hours: number): HistoryWish => ({
  instrument,
  fromMs: (NOON_MS - hours * HOUR_MS) as UnixMs,
  toMs: NOON_MS,
})

async function fetchAll(kit: ReturnType<typeof setUp>, wishes: readonly HistoryWish[]) {
  const facts: HistoryFact[] = []
  const onFact = (fact: HistoryFact): void => {
    facts.push(fact)
  }
  const fetching = fetchHistory(wishes, {
    ...kit.shared,
    venue: plainVenue(),
    credentials: CREDENTIALS,
    onFact,
  })
  return { facts, result: await whilePassing(kit.clock, fetching) }
}

test('history arrives verbatim, in the order of the wishes', async () => {
  const kit = setUp((call) => ({ status: 200, headers: {}, body: `[ "answer ${call}" ]` }))
  const { facts, result } = await fetchAll(kit, [wish(INFY, 1), wish(SBIN, 2)])
  expect(result).toEqual({ fetchedCount: 2, failed: [] })
  expect(facts).toMatchObject([
    {
      kind: 'history',
      instrument: { exchange: 'NSE', token: '1000' },
      body: '[ "answer 1" ]',
      toMs: NOON_MS,
    },
    { instrument: { token: '1001' }, fromMs: NOON_MS - 2 * HOUR_MS, body: '[ "answer 2" ]' },
  ])
})

test('a long wish is cut into spans that the vendor answers, without gap or overlap', () => {
  fc.assert(
    fc.property(fc.nat({ max: 200 * DAY_MS }), fc.integer({ min: 1, max: 30 }), (lengthMs, daysMax) => {
      const toMs = (NOON_MS + lengthMs) as UnixMs
      const pieces = piecesOf({ instrument: INFY, fromMs: NOON_MS, toMs }, daysMax)
      let atMs: number = NOON_MS
      for (const piece of pieces) {
        expect(piece.fromMs).toBe(atMs)
        expect(piece.toMs - piece.fromMs).toBeLessThanOrEqual(daysMax * DAY_MS)
        expect(piece.toMs).toBeGreaterThan(piece.fromMs)
        atMs = piece.toMs
      }
      expect(atMs).toBe(toMs)
    }),
  )
})

test('a refusal over rate pauses the stream, ever longer, and loses nothing', async () => {
  const kit = setUp((call) => (call <= 4 ? refusalReply('rate_limited') : okReply([])))
  const { result } = await fetchAll(kit, [wish(INFY, 1), wish(SBIN, 1)])
  expect(result).toEqual({ fetchedCount: 2, failed: [] })
  const pauses = kit.calls.slice(1, 5).map(({ atMs }, index) => atMs - kit.calls[index]!.atMs)
  // The test moves time in steps of half a second and the limiter waits in real time besides.
  for (const [index, leastMs] of [2_000, 4_000, 8_000, 16_000].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(leastMs)
  }
})

test('an outage is tried at most twice more, then told, and spoils no other instrument', async () => {
  const kit = setUp((_call, request) =>
    request.body!.includes('"1000"') ? refusalReply('outage') : okReply([]),
  )
  const { result, facts } = await fetchAll(kit, [wish(INFY, 1), wish(SBIN, 1)])
  expect(kit.calls.filter(({ body }) => body.token === '1000')).toHaveLength(3)
  expect(result.failed).toMatchObject([{ instrument: INFY, refusal: { kind: 'outage' } }])
  expect(facts.map(({ instrument }) => instrument.token)).toEqual(['1001'])
})

test('no answer at all is an outage, a bad request is not repeated', async () => {
  const gone = new OperatingError('asking: gone', { code: 'VENDOR_UNREACHABLE', retryable: true })
  const kit = setUp((call) => (call <= 3 ? gone : refusalReply('bad_request')))
  const { result } = await fetchAll(kit, [wish(INFY, 1), wish(SBIN, 1)])
  expect(result.failed.map(({ refusal }) => refusal.kind)).toEqual(['outage', 'bad_request'])
  expect(kit.calls).toHaveLength(4)
})

test('tokens that died meanwhile are renewed and the same piece is asked for again', async () => {
  const kit = setUp((call) => (call === 1 ? refusalReply('token_expired') : okReply([])))
  const { result } = await fetchAll(kit, [wish(INFY, 1)])
  expect(result.failed).toEqual([])
  expect(kit.calls.map(({ body }) => body.jwt)).toEqual(['canary-jwt-t1', 'canary-jwt-t2'])
})

function fallbackOf(kit: ReturnType<typeof setUp>) {
  const sink = new RecordingSink()
  const fallback = new QuoteFallback({
    venue: plainVenue(),
    credentials: CREDENTIALS,
    instruments: [instrumentsOf(120), instrumentsOf(10)],
    requests: new PacedRequests({ ...kit.shared, name: 'quotes', intervalMs: 1 }),
    sink,
    clock: kit.clock,
    log: kit.shared.log,
    scrub: new Scrubber().scrub,
    failuresMax: 5,
    windowMs: 120_000,
    signal: kit.abort.signal,
  })
  return { sink, fallback }
}

async function until(clock: ManualClock, condition: () => boolean): Promise<void> {
  while (!condition()) await clock.advance(100)
}

test('a shard that fails five times in two minutes is asked for over REST until it is live', async () => {
  const kit = setUp((call) => okReply(`quotes ${call}`))
  const { sink, fallback } = fallbackOf(kit)
  for (let failure = 0; failure < 4; failure += 1) fallback.failed(0)
  fallback.live(0)
  await kit.clock.advance(120_001)
  fallback.failed(0)
  expect(fallback.polled).toEqual([])
  for (let failure = 0; failure < 4; failure += 1) fallback.failed(0)
  expect(fallback.polled).toEqual([0])
  await until(kit.clock, () => sink.facts.length >= 6)
  const sizes = kit.calls.slice(0, 6).map(({ body }) => (body.tokens as string[]).length)
  expect(sizes).toEqual([50, 50, 20, 50, 50, 20])
  expect(sink.of('quotes')[0]).toMatchObject({ body: '"quotes 1"' })
  fallback.live(0)
  await kit.clock.advance(100)
  const { length } = sink.facts
  await kit.clock.advance(60_000)
  expect(sink.facts.length).toBe(length)
  expect(kit.lines.join('')).toMatch(/asking for quotes over REST[\s\S]*no more quotes over REST/)
})

test('a shard that is down for two minutes is asked for over REST, however seldom it may try', async () => {
  const kit = setUp((call) => okReply(`quotes ${call}`))
  const { fallback } = fallbackOf(kit)
  // Over the connection limit each try waits for half a minute or longer.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    fallback.failed(0)
    expect(fallback.polled).toEqual([])
    await kit.clock.advance(45_000)
  }
  fallback.failed(0)
  expect(fallback.polled).toEqual([0])
})

test('a socket that comes back only to break again is not held', async () => {
  const kit = setUp((call) => okReply(`quotes ${call}`))
  const { fallback } = fallbackOf(kit)
  for (let failure = 0; failure < 5; failure += 1) {
    expect(fallback.polled).toEqual([])
    fallback.failed(0)
    if (failure < 4) fallback.live(0)
  }
  expect(fallback.polled).toEqual([0])
  fallback.live(0)
  expect(fallback.polled).toEqual([])
})

test('refused quotes are noted and wait; an abort ends the polling', async () => {
  const kit = setUp(() => refusalReply('bad_request'))
  const { sink, fallback } = fallbackOf(kit)
  for (let failure = 0; failure < 5; failure += 1) fallback.failed(1)
  await until(kit.clock, () => kit.calls.length >= 3)
  expect(kit.calls[2]!.atMs - kit.calls[0]!.atMs).toBeGreaterThanOrEqual(20_000)
  expect(sink.of('note')[0]).toMatchObject({ text: expect.stringContaining('bad_request') })
  kit.abort.abort()
  await kit.clock.advance(60_000)
  const { length } = kit.calls
  await kit.clock.advance(60_000)
  expect(kit.calls).toHaveLength(length)
})
