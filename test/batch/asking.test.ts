/** Does each refusal meet the patience that it deserves, and does every try cost one permit? */
import { expect, test } from 'vitest'
import { Asking, type AskingOptions } from '../../src/batch/asking.ts'
import { Permits } from '../../src/batch/permits.ts'
import type { BatchVenue } from '../../src/domain/batch.ts'
import { OperatingError } from '../../src/domain/error.ts'
import { Secret } from '../../src/domain/secret.ts'
import { DAILY, emptyDir, keptLog, NEW_YORK, plainVenue, SleepingClock } from './batch-kit.ts'

const KEY = 'S3CRET+KEY/0'

/** Answers in order; the last one for ever. An Error is thrown. */
function play(
  replies: readonly (string | Error)[],
  signal: AbortSignal = new AbortController().signal,
  onSend: () => void = () => {},
) {
  const clock = new SleepingClock('2026-07-01T16:00:00Z')
  const log = keptLog()
  const limits = { callsPerMinute: 100, callsPerDay: 100, intervalMs: 1_200, timeoutMs: 60_000 }
  const random = (): number => 0
  const permits = new Permits({ jobsDir: emptyDir(), limits, zone: NEW_YORK, clock, log, random })
  let sentCount = 0
  const send: AskingOptions['send'] = async () => {
    const reply = replies[Math.min(sentCount, replies.length - 1)]!
    sentCount += 1
    onSend()
    if (reply instanceof Error) throw reply
    return { status: 200, headers: {}, body: reply }
  }
  const venue = plainVenue as BatchVenue
  const asking = new Asking({ venue, key: new Secret(KEY), send, permits, clock, log, random, signal })
  return { asking, permits, clock, log, sentCount: () => sentCount }
}

test('an answer is handed over as the venue gave it', async () => {
  const { asking, permits } = play(['ok 1,2,3'])
  expect(await asking.ask(DAILY)).toMatchObject({ ok: true, body: 'ok 1,2,3', tries: 1 })
  expect(permits.status().takenToday).toBe(1)
})

test.each([
  ['outage', 4, 'queue'],
  ['not_understood', 4, 'queue'],
  ['burst', 5, 'queue'],
  ['minute_limit', 5, 'queue'],
  ['bad_symbol', 2, 'mark'],
  ['not_entitled', 1, 'switch'],
  ['no_data', 1, 'accept'],
  ['day_limit', 1, 'stop'],
  ['key_refused', 1, 'stop'],
] as const)('%s for ever ends after %i permits: %s', async (kind, tries, next) => {
  const { asking, permits, sentCount } = play([kind])
  const asked = await asking.ask(DAILY)
  expect(asked).toMatchObject({ ok: false, refusal: { kind }, next, tries })
  expect(sentCount()).toBe(tries)
  expect(permits.status().takenToday).toBe(tries)
})

test('an outage that passes is waited out, longer each time', async () => {
  const { asking, clock } = play(['outage', 'not_understood', 'ok'])
  expect(await asking.ask(DAILY)).toMatchObject({ ok: true, tries: 3 })
  expect(clock.sleptMs).toBe(2_000 + 4_000)
})

test('whatever the vendor mixes, one wish gets no more than seven permits', async () => {
  const mixed = ['burst', 'outage', 'bad_symbol', 'burst', 'outage', 'burst', 'outage', 'burst', 'ok']
  const { asking, sentCount } = play(mixed)
  expect(await asking.ask(DAILY)).toMatchObject({ ok: false, next: 'queue', tries: 7 })
  expect(sentCount()).toBe(7)
})

test('a spent day is told with its end, and not asked about again', async () => {
  const { asking, sentCount } = play(['day_limit', 'ok'])
  const first = await asking.ask(DAILY)
  const second = await asking.ask(DAILY)
  const untilMs = Date.parse('2026-07-02T04:01:00Z')
  expect(first).toMatchObject({ next: 'stop', untilMs, tries: 1 })
  expect(second).toMatchObject({ next: 'stop', untilMs, tries: 0, refusal: { kind: 'day_limit' } })
  expect(sentCount()).toBe(1)
})

test('the key is in no refusal and no log line, even where the network shows it', async () => {
  const failure = new OperatingError(`asking /query?apikey=${KEY}&x=${encodeURIComponent(KEY)}: reset`, {
    code: 'VENDOR_UNREACHABLE',
  })
  const { asking, log } = play([failure])
  const asked = await asking.ask(DAILY)
  expect(asked).toMatchObject({ ok: false, refusal: { kind: 'outage' } })
  const seen = JSON.stringify([asked, log.lines])
  expect(seen).toContain('[redacted]')
  expect(seen).not.toContain(KEY)
  expect(seen).not.toContain(encodeURIComponent(KEY))
})

test('a mistake of ours is not taken for an outage', async () => {
  const { asking, sentCount } = play([new RangeError('a mistake')])
  await expect(asking.ask(DAILY)).rejects.toThrow('a mistake')
  expect(sentCount()).toBe(1)
})

test('who is told to stop stops, before the first request and between two', async () => {
  const controller = new AbortController()
  const { asking, sentCount } = play(['outage'], controller.signal)
  const asked = asking.ask(DAILY)
  controller.abort(new Error('told to stop'))
  await expect(asked).rejects.toThrow('told to stop')
  await expect(asking.ask(DAILY)).rejects.toThrow('told to stop')
  expect(sentCount()).toBeLessThanOrEqual(1)
})

test('the answer that is in flight when the stop comes is handed over: its permit is spent', async () => {
  const controller = new AbortController()
  const { asking } = play(['ok 1,2,3'], controller.signal, () => controller.abort(new Error('told to stop')))
  expect(await asking.ask(DAILY)).toMatchObject({ ok: true, body: 'ok 1,2,3' })
  await expect(asking.ask(DAILY)).rejects.toThrow('told to stop')
})
