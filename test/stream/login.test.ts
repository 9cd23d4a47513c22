import { expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import type { HttpReply, HttpRequest } from '../../src/domain/venue.ts'
import { Scrubber } from '../../src/platform/log.ts'
import { type LoginOptions, login, totpAt } from '../../src/stream/login.ts'
import { createTokenSource } from '../../src/stream/tokens.ts'
import { ManualClock } from '../support/manual-clock.ts'
import {
  CANARIES,
  CREDENTIALS,
  NOON_MS,
  okReply,
  plainVenue,
  recordingLog,
  refusalReply,
  UTC_OFFSET_MS,
} from '../support/stream-kit.ts'

type Answering = (call: number, request: HttpRequest) => HttpReply | OperatingError

function setUp(answer: Answering, changes: Partial<LoginOptions> = {}) {
  const clock = new ManualClock(NOON_MS + 10_000)
  const scrubber = new Scrubber()
  const { log, lines } = recordingLog(clock) // not scrubbed: what is kept out here needs no scrubber
  const abort = new AbortController()
  const calls: { readonly atMs: UnixMs; readonly totp: string }[] = []
  const options = {
    venue: plainVenue(),
    credentials: CREDENTIALS,
    clock,
    log,
    scrubber,
    random: () => 0,
    signal: abort.signal,
    utcOffsetMs: UTC_OFFSET_MS,
    send: async (request: HttpRequest) => {
      calls.push({ atMs: clock.wallMs(), totp: JSON.parse(request.body!).totp })
      const reply = answer(calls.length, request)
      if (reply instanceof Error) throw reply
      return reply
    },
    ...changes,
  }
  return { clock, scrubber, lines, calls, abort, options }
}

const unreachable = (): OperatingError =>
  new OperatingError('asking https://vendor.test/login: connect ECONNREFUSED; check the network', {
    code: 'VENDOR_UNREACHABLE',
    retryable: true,
  })

/** Settles the promise while time passes. */
async function within<Value>(clock: ManualClock, ms: number, promise: Promise<Value>): Promise<Value> {
  const settled = promise.catch(() => {}) // the rejection is met below, by the caller
  await clock.advance(ms)
  await Promise.race([settled, clock.advance(0)])
  return promise
}

test('the one-time code is that of RFC 6238 for the moment of the clock', () => {
  // The RFC's secret "12345678901234567890"; its 8-digit codes for SHA-1, last six digits.
  const secret = new Secret('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
  expect(totpAt(secret, 59_000 as UnixMs)).toBe('287082')
  expect(totpAt(secret, 1_111_111_109_000 as UnixMs)).toBe('081804')
  expect(totpAt(secret, 20_000_000_000_000 as UnixMs)).toBe('353130')
})

test('a secret that is not base32 is named and not quoted', () => {
  try {
    totpAt(new Secret('canary-not-base32!'), NOON_MS)
    expect.unreachable()
  } catch (error) {
    expect(error).toMatchObject({ code: 'CREDENTIALS_MISSING' })
    expect((error as Error).message).toContain('SMARTAPI_TOTP_SECRET')
    expect(String((error as Error).stack)).not.toContain('canary')
  }
})

test('an outage and an unreachable vendor are tried again with growing waits', async () => {
  const answers = [unreachable(), refusalReply('outage'), refusalReply('rate_limited'), okReply('t1')]
  const { clock, calls, options, scrubber } = setUp((call) => answers[call - 1]!)
  const tokens = await within(clock, 60_000, login(options))
  expect(tokens.jwt.reveal()).toBe('canary-jwt-t1')
  expect(calls.map(({ atMs }) => atMs - calls[0]!.atMs)).toEqual([0, 2_000, 6_000, 14_000])
  expect(scrubber.scrub('a canary-jwt-t1 b canary-feed-t1 c canary-refresh-t1')).toBe(
    'a [redacted] b [redacted] c [redacted]',
  )
})

test('an unreachable vendor is given up after five attempts, with the URL', async () => {
  const { clock, calls, options } = setUp(unreachable)
  await expect(within(clock, 600_000, login(options))).rejects.toMatchObject({
    code: 'VENDOR_UNREACHABLE',
    retryable: true,
    message: expect.stringMatching(/5 attempts.*https:\/\/vendor\.test\/login/),
  })
  expect(calls).toHaveLength(5)
})

test('a refused login is final: one request, no repetition', async () => {
  const { clock, calls, options } = setUp(() => refusalReply('login_refused', 200, 'Invalid client code'))
  await expect(within(clock, 600_000, login(options))).rejects.toMatchObject({
    code: 'LOGIN_REFUSED',
    retryable: false,
    message: expect.stringContaining('Invalid client code'),
  })
  expect(calls).toHaveLength(1)
})

test('a refused code is tried once more with the code of the next step', async () => {
  const { clock, calls, options } = setUp((call) =>
    call === 1 ? refusalReply('totp_refused') : okReply('t1'),
  )
  await within(clock, 60_000, login(options))
  expect(calls).toHaveLength(2)
  expect(calls[0]!.totp).toBe(totpAt(CREDENTIALS.totpSecret, NOON_MS))
  expect(calls[1]!.totp).toBe(totpAt(CREDENTIALS.totpSecret, (NOON_MS + 30_000) as UnixMs))
  expect(calls[1]!.atMs).toBe(NOON_MS + 31_000)
})

test('two refused codes: the message names this clock, its UTC time and the secret to check', async () => {
  const { clock, calls, options } = setUp(() => refusalReply('totp_refused'))
  await expect(within(clock, 600_000, login(options))).rejects.toMatchObject({
    code: 'TOTP_REFUSED',
    message: expect.stringMatching(
      /clock, which reads 2026-07-01T06:30:31\.000Z UTC, and SMARTAPI_TOTP_SECRET/,
    ),
  })
  expect(calls).toHaveLength(2)
})

test('however many find the tokens refused, there is one login', async () => {
  const { clock, calls, options } = setUp((call) => okReply(`t${call}`))
  const source = createTokenSource(options)
  const [first, same] = await Promise.all([source.take(), source.take()])
  expect(same).toBe(first)
  await clock.advance(5_000)
  const renewed = await Promise.all([source.renew(first), source.renew(first), source.renew(first)])
  expect(new Set(renewed).size).toBe(1)
  expect(await source.renew(first)).toBe(renewed[0])
  expect(calls).toHaveLength(2)
  expect(source.loginCount).toBe(2)
})

test('two logins keep the distance that the vendor wants', async () => {
  const { clock, calls, options } = setUp((call) => okReply(`t${call}`))
  const source = createTokenSource(options)
  const first = await source.take()
  await within(clock, 5_000, source.renew(first))
  expect(calls[1]!.atMs - calls[0]!.atMs).toBe(1_000)
})

test('a new market date brings a new login, without a restart', async () => {
  const { clock, calls, options } = setUp((call) => okReply(`t${call}`))
  const source = createTokenSource(options)
  const first = await source.take()
  const midnightMs = Date.parse('2026-07-01T18:30:00Z') // 00:00 in India
  await clock.advance(midnightMs - 1 - clock.wallMs())
  expect(await source.take()).toBe(first)
  await clock.advance(1)
  expect(await source.take()).not.toBe(first)
  expect(calls).toHaveLength(2)
})

test('a final refusal is remembered: nobody asks the vendor again', async () => {
  const { clock, calls, options } = setUp(() => refusalReply('login_refused'))
  const source = createTokenSource(options)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(within(clock, 10_000, source.take())).rejects.toMatchObject({ code: 'LOGIN_REFUSED' })
  }
  expect(calls).toHaveLength(1)
})

test('an abort ends a login that waits', async () => {
  const { clock, abort, calls, options } = setUp(unreachable)
  const pending = login(options)
  const outcome = expect(pending).rejects.toMatchObject({ name: 'AbortError' })
  await clock.advance(500)
  abort.abort()
  await outcome
  expect(calls).toHaveLength(1)
})

test('no secret appears in any log line or error of a login', async () => {
  const echo: Answering = (call, request) =>
    refusalReply(call < 3 ? 'outage' : 'login_refused', 200, `bad request ${request.body}`)
  const { clock, scrubber, lines, options } = setUp(echo)
  scrubber.add(...Object.values(CREDENTIALS))
  const error: unknown = await within(clock, 600_000, login(options)).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(OperatingError)
  const text = [...lines, String(error), (error as Error).stack, JSON.stringify(error)].join('\n')
  expect(lines.length).toBeGreaterThan(1)
  for (const canary of Object.values(CANARIES)) expect(text).not.toContain(canary)
})
