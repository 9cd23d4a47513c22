/**
 * What must every venue keep, whatever its vendor? One suite, called by the test of each venue with a
 * sample of what only that vendor knows: how its packets and good answers look.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Instrument } from '../../src/domain/instrument.ts'
import type { EncodePacket, PacketFields } from '../../src/domain/packet.ts'
import { ACCEPTED, MODES, type Mode, REJECT_LENGTH, REJECT_NO_PRICE } from '../../src/domain/tick.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import type { Answer, HttpReply, HttpRequest, Refusal, StreamVenue } from '../../src/domain/venue.ts'
import { CREDENTIALS, manyInstruments, spoiltTick, TOKENS } from './samples.ts'

export type VenueSample = {
  readonly venue: StreamVenue
  readonly encodePacket: EncodePacket
  readonly packetBytesMax: number
  /** A good snap_quote packet; also sent as every other mode. */
  readonly packet: PacketFields
  readonly traded: Instrument
  readonly index: Instrument
  /** Good answers, to be damaged. `secrets` must stand in `tokens` and may be told to nobody. */
  readonly answers: { readonly tokens: string; readonly quotes: string; readonly history: string }
  readonly secrets: readonly string[]
}

const FROM_MS = Date.UTC(2026, 10, 20, 3, 45) as UnixMs
const TO_MS = Date.UTC(2026, 10, 20, 10, 0) as UnixMs
const REFUSAL_KINDS = [
  'rate_limited',
  'token_expired',
  'totp_refused',
  'login_refused',
  'connection_limit',
  'bad_request',
  'outage',
  'not_understood',
]

export function judgeVenue(sample: VenueSample): void {
  describe(`the venue ${sample.venue.name}`, () => {
    judgeWords(sample)
    judgePackets(sample)
    judgeSubscriptions(sample)
    judgeRequests(sample)
    judgeAnswers(sample)
  })
}

function judgeWords({ venue, traded, index }: VenueSample): void {
  test('names its limits as positive whole numbers', () => {
    for (const limit of Object.values(venue.limits)) expect(Number.isInteger(limit) && limit > 0).toBe(true)
    expect(venue.limits.instrumentsPerMessageMax).toBeLessThanOrEqual(venue.limits.instrumentsPerSocketMax)
  })

  test('names its real hosts as a URL would', () => {
    expect(venue.realHosts.length).toBeGreaterThan(0)
    for (const host of venue.realHosts) expect(new URL(`https://${host}/`).hostname).toBe(host)
  })

  test('knows that an index is not traded', () => {
    expect([venue.hasVolume(traded), venue.hasSequence(traded)]).toEqual([true, true])
    expect([venue.hasVolume(index), venue.hasSequence(index)]).toEqual([false, false])
  })
}

function judgePackets(sample: VenueSample): void {
  const { venue, encodePacket, packet, packetBytesMax } = sample

  test.each(MODES)('decodes its own %s packets, wherever they lie', (mode) => {
    for (const offset of [0, 1, 7, 64]) {
      for (const guard of [0x00, 0xff]) {
        const bytes = new Uint8Array(packetBytesMax + 128).fill(guard)
        const length = encodePacket({ ...packet, mode }, bytes, offset)
        const tick = spoiltTick()
        const outcome = venue.decodePacket(bytes, new DataView(bytes.buffer), offset, length, tick)
        const token = bytes.subarray(tick.tokenOffset, tick.tokenOffset + tick.tokenLength)
        expect(new TextDecoder().decode(token)).toBe(packet.token)
        expect(outcome).toBe(tick.price > 0 ? ACCEPTED : REJECT_NO_PRICE)
        expect(tick.exchangeMs).toBe(packet.exchangeMs)
        expect(tick.dayVolume > 0).toBe(venue.carriesVolume(mode))
      }
    }
  })

  test('neither throws at nor looks beyond any bytes at all', () => {
    const anyMode = fc.constantFrom<Mode>(...MODES)
    const anyDamage = fc.array(fc.tuple(fc.nat(packetBytesMax), fc.nat(255)), { maxLength: 12 })
    const property = fc.property(
      anyMode,
      anyDamage,
      fc.integer({ min: -60, max: 60 }),
      (mode, damage, extra) => {
        const frame = new Uint8Array(packetBytesMax + 64)
        const length = Math.max(0, encodePacket({ ...packet, mode }, frame, 0) + (extra > 30 ? 0 : extra))
        for (const [at, value] of damage) frame[at] = value
        const [one, other] = [0x00, 0xff].map((guard) => {
          const bytes = new Uint8Array(length + 100).fill(guard)
          bytes.set(frame.subarray(0, length), 50)
          const tick = spoiltTick()
          return [venue.decodePacket(bytes, new DataView(bytes.buffer), 50, length, tick), tick] as const
        })
        expect(one).toEqual(other)
        expect(one![0]).toBeLessThanOrEqual(REJECT_NO_PRICE)
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  test('an empty frame is no packet', () => {
    const bytes = new Uint8Array(0)
    const outcome = venue.decodePacket(bytes, new DataView(bytes.buffer), 0, 0, spoiltTick())
    expect(outcome).toBe(REJECT_LENGTH)
  })
}

function judgeSubscriptions({ venue }: VenueSample): void {
  test('asks for every instrument once, in order, in as few messages as allowed', () => {
    const { instrumentsPerMessageMax } = venue.limits
    for (const count of [0, 1, instrumentsPerMessageMax, instrumentsPerMessageMax + 1, 1_000]) {
      const instruments = manyInstruments(count)
      const messages = venue.subscribeMessages('subscribe', 'quote', instruments, 1)
      expect(messages).toHaveLength(Math.ceil(count / instrumentsPerMessageMax))
      expect(messages.flatMap((message) => message.instruments)).toEqual(instruments)
      const correlations = messages.map((message) => message.correlationId)
      expect(new Set(correlations).size).toBe(messages.length)
      for (const { correlationId, text } of messages) expect(text).toContain(correlationId)
    }
  })

  test('counts correlations on, so that no two messages of a run share one', () => {
    const ask = (first: number): readonly string[] =>
      venue
        .subscribeMessages('subscribe', 'quote', manyInstruments(500), first)
        .map((message) => message.correlationId)
    const first = ask(0)
    expect(new Set([...first, ...ask(first.length)]).size).toBe(2 * first.length)
  })

  test('says something else to subscribe, to unsubscribe, and for each mode', () => {
    const texts = (['subscribe', 'unsubscribe'] as const).flatMap((action) =>
      MODES.map((mode) => venue.subscribeMessages(action, mode, manyInstruments(1), 0)[0]!.text),
    )
    expect(new Set(texts).size).toBe(2 * MODES.length)
  })

  test('reads any text frame without a throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        expect(['pong', 'error', 'other']).toContain(venue.parseText(text).kind)
      }),
    )
  })
}

function judgeRequests({ venue, traded, index }: VenueSample): void {
  const requests = (): readonly HttpRequest[] => [
    venue.loginRequest(CREDENTIALS, '123456'),
    venue.refreshRequest(CREDENTIALS, TOKENS),
    venue.logoutRequest(CREDENTIALS, TOKENS),
    venue.quoteRequest(CREDENTIALS, TOKENS, [traded, index]),
    venue.historyRequest(CREDENTIALS, TOKENS, traded, FROM_MS, TO_MS),
  ]

  test('makes requests that HTTP can carry, to paths that hold no secret', () => {
    const secrets = [...Object.values(CREDENTIALS), ...Object.values(TOKENS)].map((secret) => secret.reveal())
    for (const { method, path, headers, body } of requests()) {
      expect(path.startsWith('/')).toBe(true)
      expect(
        () => new Request(`https://host.invalid${path}`, { method, headers, body: body ?? null }),
      ).not.toThrow()
      for (const secret of secrets) expect(path).not.toContain(secret)
    }
    expect(() => new Headers(venue.handshakeHeaders(CREDENTIALS, TOKENS))).not.toThrow()
  })

  test('never sends the seed of the one-time codes', () => {
    for (const request of requests()) {
      expect(JSON.stringify(request)).not.toContain(CREDENTIALS.totpSecret.reveal())
    }
  })
}

function judgeAnswers({ venue, answers, secrets }: VenueSample): void {
  const parsers: readonly ((reply: HttpReply) => Answer<unknown>)[] = [
    venue.parseTokens,
    venue.parseQuotes,
    venue.parseHistory,
    (reply) => ({ ok: false, refusal: venue.parseHandshakeRefusal(reply) }),
  ]
  const good = Object.values(answers)

  test("understands its vendor's good answers", () => {
    const ask = (body: string): HttpReply => ({ status: 200, headers: {}, body })
    expect(venue.parseTokens(ask(answers.tokens)).ok).toBe(true)
    expect(venue.parseQuotes(ask(answers.quotes)).ok).toBe(true)
    expect(venue.parseHistory(ask(answers.history)).ok).toBe(true)
  })

  test('tokens that were understood have no printable form', () => {
    const answer = venue.parseTokens({ status: 200, headers: {}, body: answers.tokens })
    for (const secret of secrets) expect(JSON.stringify(answer)).not.toContain(secret)
  })

  test('any answer at all is a value or a refusal of one short line', () => {
    const anyBody = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.tuple(fc.constantFrom(...good), fc.nat(500)).map(([body, length]) => body.slice(0, length)),
      fc.tuple(fc.constantFrom(...good), fc.nat(500), fc.string()).map(splice),
    )
    const anyStatus = fc.oneof(
      fc.constantFrom(200, 401, 403, 404, 429, 502),
      fc.integer({ min: 100, max: 599 }),
    )
    const anyHeaders = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true, maxKeys: 3 })
    const property = fc.property(anyBody, anyStatus, anyHeaders, (body, status, headers) => {
      for (const parse of parsers) {
        const answer = parse({ status, headers, body })
        if (!answer.ok) expectOneLine(answer.refusal)
      }
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  test('a login answer cut anywhere, under any status, tells nobody its tokens', () => {
    for (let length = 0; length <= answers.tokens.length; length += 1) {
      for (const status of [200, 401, 403, 500]) {
        for (const body of [answers.tokens.slice(0, length), answers.tokens.slice(length)]) {
          for (const parse of parsers) {
            const told = JSON.stringify(parse({ status, headers: {}, body }))
            for (const secret of secrets) expect(told.includes(secret.slice(0, 12))).toBe(false)
          }
        }
      }
    }
  })
}

function splice([body, at, text]: readonly [string, number, string]): string {
  return body.slice(0, at) + text + body.slice(at + text.length)
}

function expectOneLine(refusal: Refusal): void {
  expect(REFUSAL_KINDS).toContain(refusal.kind)
  expect(refusal.message.length).toBeGreaterThan(0)
  expect(refusal.message.length).toBeLessThanOrEqual(200)
  expect(refusal.code.length).toBeLessThanOrEqual(20)
  expect(`${refusal.code}${refusal.message}`).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
}
