import { hash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalText, canonicalTextOfParsed } from '../../src/bus/canonical.ts'
import { canonicalEnd } from '../../src/bus/canonical-scan.ts'
import { isFlaw, readLine, sealEvent, ZERO_CHECKSUM } from '../../src/bus/chain-line.ts'
import { LineScan } from '../../src/bus/line-scan.ts'
import type { EventPayload, Json } from '../../src/domain/event.ts'
import { AT, draftOf } from './lines.ts'

const text = fc.string({
  unit: fc.constantFrom('a', 'B', '0', '"', '\\', '\n', '\u0001', '\u007f', 'é', '€', '😀'),
})
const name = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', 'B', '1', '_', ' ') }), text)
const number = fc.oneof(
  fc.integer(),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.constantFrom(0, 1e21, 1e-7, 0.1, 123_456_789_012_345, 2 ** 53 - 1, 1e300, -1.5),
)
const json = fc
  .letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(text, number, fc.boolean(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(name, tie('value'), { maxKeys: 4 }),
    ),
  }))
  .value.filter(isSayable)
const payload = fc.dictionary(name, json, { maxKeys: 4 }).filter(isSayable) as fc.Arbitrary<EventPayload>

/** What harms a text so that it may still be JSON: another digit, a space, an escape, a key again. */
const harm = fc.record({
  at: fc.nat(10_000),
  removed: fc.nat(6),
  put: fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      '0',
      '-',
      '-0',
      '.0',
      'e1',
      'E',
      '+',
      ',',
      ':',
      '"',
      '\\u0061',
      '\\/',
      '\\u000A',
    ),
    fc.constantFrom(
      '\\ud800',
      '\\u0001',
      '"a":1,',
      '{}',
      '[]',
      'null',
      'é',
      '\t',
      '9'.repeat(16),
      '1e21',
      '\\n',
    ),
  ),
})

function isSayable(value: unknown): boolean {
  try {
    canonicalText(value as Json)
    return true
  } catch {
    return false
  }
}

function harmed(whole: string, { at, removed, put }: { at: number; removed: number; put: string }): string {
  const place = at % (whole.length + 1)
  return whole.slice(0, place) + put + whole.slice(place + removed)
}

/** Behind a value stands what may follow it in a line. */
function isAccepted(whole: string): boolean {
  return canonicalEnd(Buffer.from(`${whole}]\n`), 0) === Buffer.byteLength(whole)
}

function isCanonical(whole: string): boolean {
  try {
    return canonicalTextOfParsed(JSON.parse(whole) as Json) === whole
  } catch {
    return false
  }
}

test('the scan accepts what is written canonically, unless a name is not plain', () => {
  fc.assert(
    fc.property(json, (value) => {
      const whole = canonicalText(value)
      const names = [...whole.matchAll(/"((?:[^"\\]|\\.)*)":/g)].map(([, each]) => each!)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what plain is
      const isPlain = names.every((each) => /^[^\\\u0000-\u001f\u0080-\uffff]*$/.test(each))
      if (isPlain) expect(isAccepted(whole), whole).toBe(true)
      else if (isAccepted(whole)) expect(isCanonical(whole)).toBe(true)
    }),
    { numRuns: 1_500 },
  )
})

test('the scan accepts no text that is not the one text of its value', () => {
  fc.assert(
    fc.property(json, fc.array(harm, { minLength: 1, maxLength: 2 }), (value, harms) => {
      // A half character, which a harm may leave, has no bytes.
      const whole = harms.reduce(harmed, canonicalText(value)).toWellFormed()
      if (isAccepted(whole)) expect(isCanonical(whole), whole).toBe(true)
    }),
    { numRuns: 3_000 },
  )
})

test('texts that are nearly canonical are not accepted', () => {
  const bad = [
    '-0',
    '01',
    '1.0',
    '1e1',
    '1E21',
    '1e+2',
    '9007199254740993',
    '0.10',
    '.5',
    '5.',
    '--1',
    '+1',
    '1-1',
  ]
  bad.push(
    '"\\u0041"',
    '"\\/"',
    '"\\u000a"',
    '"\\u001F"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"\t"',
    '"a',
    'tru',
  )
  bad.push(
    '{"a":1,"a":1}',
    '{"b":1,"a":1}',
    '{"aa":1,"a":1}',
    '{"a" :1}',
    '{"a":1,}',
    '[1,]',
    '[ ]',
    'nul',
    '',
  )
  for (const each of bad) {
    expect(isCanonical(each), each).toBe(false)
    expect(isAccepted(each), each).toBe(false)
  }
  const good = [
    '0',
    '-1',
    '1e+21',
    '1e-7',
    '9007199254740991',
    '{"":0,"a":1,"aa":2}',
    '"\\u001f\\n"',
    '[{},[]]',
  ]
  for (const each of good) expect([isCanonical(each), isAccepted(each)], each).toEqual([true, true])
})

/** Gives the line the checksum of its bytes again, as somebody would who can compute one. */
function resealed(line: string): string {
  const body = line.replace(/"checksum":"[0-9a-f]{64}",/, '')
  return line.replace(/"checksum":"[0-9a-f]{64}"/, `"checksum":"${hash('sha256', body)}"`)
}

function expectAgreement(line: string): boolean {
  const scan = new LineScan('in')
  const bytes = Buffer.from(`${line}\n`)
  if (!line.isWellFormed() || line.includes('\n') || !scan.isSound(bytes, 0)) return false
  const read = readLine(line)
  if (isFlaw(read)) throw new Error(`the scan took for sound what is ${read.kind}: ${line}`)
  const { checksum, event_index, event_type, market, previous_checksum } = read
  expect([scan.eventIndex, scan.checksum, scan.previousChecksum, JSON.parse(scan.typeText), 'in']).toEqual([
    event_index,
    checksum,
    previous_checksum,
    event_type,
    market,
  ])
  expect(scan.endAt).toBe(bytes.length)
  return true
}

test('a line that the scan takes for sound is sound, whatever was changed and sealed anew', () => {
  const place = { market: 'in', eventIndex: 7, previousChecksum: ZERO_CHECKSUM, recordedAtMs: AT }
  fc.assert(
    fc.property(payload, fc.array(harm, { minLength: 1, maxLength: 2 }), (given, harms) => {
      const line = sealEvent({ ...draftOf(7), payload: given }, place).line.slice(0, -1)
      expectAgreement(line)
      const changed = harms.reduce(harmed, line)
      if (changed !== line) expect(expectAgreement(changed)).toBe(false)
      expectAgreement(resealed(changed))
    }),
    { numRuns: 1_500 },
  )
  const ordinary = sealEvent(draftOf(7), place).line.slice(0, -1)
  expect(expectAgreement(ordinary)).toBe(true)
  for (const [from, to] of [
    ['T03', 'T24'],
    ['2026-07-01T', '2026-02-30T'],
    ['.000Z', '.00xZ'],
    ['"event_index":7', '"event_index":07'],
    ['"market":"in"', '"market":"us"'],
    ['-7-', '-8-'],
  ] as const) {
    expect(ordinary).toContain(from)
    expect(expectAgreement(resealed(ordinary.replace(from, to)))).toBe(false)
  }
})
