import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatBytes,
  formatChange,
  formatDuration,
  formatMarketMinute,
  formatShortCount,
} from '../../src/terminal/figures.ts'
import { createInk } from '../../src/terminal/ink.ts'
import { cleanText, cutLine, fitLine, spreadLine, stripInk, visibleWidth } from '../../src/terminal/line.ts'
import { meterBar, sparkline } from '../../src/terminal/meter.ts'
import { abilitiesOf } from '../../src/terminal/output.ts'
import { INDIA_MS, OPEN_MS } from './samples.ts'

const UNSAFE = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u

test('text from outside cannot move the cursor, set the title or turn the line around', () => {
  expect(cleanText('A\u001b[31mB\u001b[2J')).toBe('AB')
  expect(cleanText('A\u001b]0;title\u0007B')).toBe('AB')
  expect(cleanText('A\u009b2JB\u0085C')).not.toMatch(UNSAFE)
  expect(cleanText('line\r\nnext\tcell')).toBe('line next cell')
  expect(cleanText('A\u202eB\u200bC')).toBe('ABC')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void expect(cleanText(text)).not.toMatch(UNSAFE)),
  )
})

test('a cut line has its width, shows the cut, and leaves no color open', () => {
  const ink = createInk(true)
  const line = `${ink('up', 'rising')} ${ink('down', 'falling')}`
  expect(stripInk(cutLine(line, 10))).toBe('rising fa…')
  expect(cutLine(line, 10).endsWith('\u001b[0m')).toBe(true)
  expect(cutLine(line, 14)).toBe(line)
  fc.assert(
    fc.property(fc.nat(20), fc.array(fc.string({ unit: 'grapheme-ascii' })), (widthColumns, words) => {
      const text = words.map((word, at) => ink(at % 2 === 0 ? 'up' : 'plain', word)).join('')
      expect(visibleWidth(cutLine(text, widthColumns))).toBeLessThanOrEqual(widthColumns)
      expect(visibleWidth(fitLine(text, widthColumns))).toBe(widthColumns)
      expect(visibleWidth(spreadLine(text, 'right', widthColumns))).toBeLessThanOrEqual(widthColumns)
    }),
  )
})

test('a bar is full only when the work is done', () => {
  expect(meterBar(0.9999, 4, true)).toBe('███▉')
  expect(meterBar(1, 4, true)).toBe('████')
  expect(meterBar(Number.NaN, 4, true)).toBe('    ')
  expect(meterBar(0.5, 4, false)).toBe('##..')
})

test('a sparkline shows silence as a blank and equal prices as a line', () => {
  expect(sparkline([1, null, 8], 3, true)).toBe('▁ █')
  expect(sparkline([5, 5, 5], 5, true)).toBe('▄▄▄  ')
  expect(sparkline([1, 2, 3, 8], 2, true)).toBe('▁█')
})

test('figures read as people write them', () => {
  expect(formatMarketMinute(OPEN_MS, INDIA_MS)).toBe('09:15')
  expect([850, 3_200, 59_600, 245_000, 12_000_000].map(formatDuration)).toEqual([
    '850 ms',
    '3.2 s',
    '1 min 00 s',
    '4 min 05 s',
    '3 h 20 min',
  ])
  expect([0, 1_023, 1_048_576, 5e9].map(formatBytes)).toEqual(['0 B', '1023 B', '1.0 MiB', '4.7 GiB'])
  expect([999, 12_345, 999_960, 80_539_175].map(formatShortCount)).toEqual([
    '999',
    '12.3 k',
    '1.0 M',
    '80.5 M',
  ])
  expect([0.0125, -0.003, 0.00001, null].map(formatChange)).toEqual(['+1.25 %', '−0.30 %', '0.00 %', '–'])
})

test('NO_COLOR wins, a pipe has no color, and a terminal without UTF-8 gets ASCII', () => {
  const terminal = { isTTY: true, write: () => true }
  const pipe = { write: () => true }
  expect(abilitiesOf(terminal, { LANG: 'C.UTF-8' })).toEqual({ color: true, unicode: true })
  expect(abilitiesOf(terminal, { NO_COLOR: '1' }).color).toBe(false)
  expect(abilitiesOf(pipe, {}).color).toBe(false)
  expect(abilitiesOf(pipe, { FORCE_COLOR: '1' }).color).toBe(true)
  expect(abilitiesOf(terminal, { LC_ALL: 'C', LANG: 'en_US.UTF-8' }).unicode).toBe(false)
  expect(abilitiesOf(terminal, { TERM: 'dumb' })).toEqual({ color: false, unicode: false })
})
