import { expect, test } from 'vitest'
import { Secret } from '../../src/domain/secret.ts'
import { createClock } from '../../src/platform/clock.ts'
import { createLog, type Log, Scrubber } from '../../src/platform/log.ts'

const CANARY = 'K9-canary/secret=='
const PIN = '4321'

function logTo(lines: string[], json: boolean): Log {
  const scrubber = new Scrubber()
  scrubber.add(new Secret(CANARY), new Secret(PIN))
  return createLog({ clock: createClock(), json, write: (line) => lines.push(line), scrubber })
}

test.each([true, false])(
  'a secret is in no line, by the name of its field or by its value (JSON: %s)',
  (json) => {
    const lines: string[] = []
    const log = logTo(lines, json)
    log.info('starting', { apiKey: 'unknown-to-the-scrubber', jwt: 'also-unknown', count: 3 })
    log.warn(`asking /query?apikey=${encodeURIComponent(CANARY)}`, { why: `refused ${CANARY}` })
    log.error('header', { sent: Buffer.from(CANARY).toString('base64') })
    log.pass(`another process said ${CANARY}`)
    const text = lines.join('')
    expect(lines).toHaveLength(4)
    expect(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true)
    for (const form of [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64')]) {
      expect(text).not.toContain(form)
    }
    expect(text).not.toMatch(/unknown-to-the-scrubber|also-unknown/)
    expect(text).toContain('count')
  },
)

test('a JSON line has its time, its level, its message and its fields', () => {
  const lines: string[] = []
  logTo(lines, true).warn('a gap was "found"\nhere', { shard: 2, reason: null, left: undefined })
  const line = JSON.parse(lines[0]!) as Record<string, unknown>
  expect(line).toMatchObject({ level: 'warn', message: 'a gap was "found"\nhere', shard: 2, reason: null })
  expect(Date.parse(String(line.at))).not.toBeNaN()
  expect(Object.keys(line).toSorted()).toEqual(['at', 'level', 'message', 'reason', 'shard'])
})

test('a PIN is in no words, and a figure that happens to equal it stays a figure', () => {
  const lines: string[] = []
  const log = logTo(lines, true)
  log.warn(`the vendor said "wrong pin 4321"`, { why: 'pin=4321', candles: 4321, volume: 14_321 })
  const line = JSON.parse(lines[0]!) as Record<string, unknown>
  expect(line).toMatchObject({ candles: 4321, volume: 14_321, why: 'pin=[redacted]' })
  expect(line.message).toBe('the vendor said "wrong pin [redacted]"')
})
