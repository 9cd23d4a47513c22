/**
 * Which characters draw a candle? One cell shows two levels, an upper and a lower half, and each half
 * holds body, wick or nothing; the box-drawing characters have a glyph for each of the nine pairs, so
 * that wick and body meet without a seam.
 *
 *     half levels      upper   nothing  wick  body
 *                lower nothing            ╵     ╹
 *                      wick      ╷        │     ╿
 *                      body      ╻        ╽     ┃
 *
 * With three columns or more for each candle the body is drawn as a block; in a cell that block and wick
 * share, the block is shown and the wick gives way, at most half a cell of it. Without colour a rising body
 * stays a thin line and a falling one is a block, as hollow and filled candles are in print.
 */

import { levelOf, type PriceScale } from './chart-axis.ts'
import type { ColumnCandle } from './chart-columns.ts'
import type { Style } from './ink.ts'

export type BodyShape = 'line' | 'block' | 'wide'

const NOTHING = 0
const WICK = 1
const BODY = 2

/** By lower half, then upper half. */
const LINE_GLYPHS: readonly (readonly string[])[] = [
  [' ', '╵', '╹'],
  ['╷', '│', '╿'],
  ['╻', '╽', '┃'],
]
const BLOCK_GLYPHS: readonly (readonly string[])[] = [
  [' ', '╵', '▀'],
  ['╷', '│', '▀'],
  ['▄', '▄', '█'],
]
const ASCII_GLYPHS: Readonly<Record<'up' | 'down' | 'flat', string>> = { up: 'O', down: '#', flat: '-' }

/** Left and right edge of a wide body: by lower half, then upper half, body or not. */
const WIDE_LEFT: readonly (readonly string[])[] = [
  [' ', '▝'],
  ['▗', '▐'],
]
const WIDE_RIGHT: readonly (readonly string[])[] = [
  [' ', '▘'],
  ['▖', '▌'],
]

export type CandleLevels = {
  readonly top: number
  readonly bottom: number
  readonly bodyTop: number
  readonly bodyBottom: number
}

export function levelsOf(candle: ColumnCandle, scale: PriceScale): CandleLevels {
  return {
    top: levelOf(candle.high, scale),
    bottom: levelOf(candle.low, scale),
    bodyTop: levelOf(Math.max(candle.open, candle.close), scale),
    bodyBottom: levelOf(Math.min(candle.open, candle.close), scale),
  }
}

export function directionOf(candle: {
  readonly open: number
  readonly close: number
}): 'up' | 'down' | 'flat' {
  return candle.close > candle.open ? 'up' : candle.close < candle.open ? 'down' : 'flat'
}

/** Vendor candles have colours of their own, incomplete ones are dimmed. */
export function styleOf(candle: ColumnCandle): Style {
  const direction = directionOf(candle)
  if (candle.vendor) return `${direction}Vendor`
  return candle.incomplete ? `${direction}Dim` : direction
}

/** The cell of `row` (0 is the top), as wide as the shape: one character, or three for 'wide'. */
export function candleCell(
  candle: ColumnCandle,
  levels: CandleLevels,
  row: number,
  rowCount: number,
  shape: BodyShape,
  unicode: boolean,
): string {
  const lowerLevel = (rowCount - 1 - row) * 2
  const lower = partAt(levels, lowerLevel)
  const upper = partAt(levels, lowerLevel + 1)
  if (!unicode) return asciiCell(candle, lower, upper)
  if (shape === 'line') return LINE_GLYPHS[lower]![upper]!
  const middle = BLOCK_GLYPHS[lower]![upper]!
  if (shape === 'block') return middle
  const low = Number(lower === BODY)
  const high = Number(upper === BODY)
  return WIDE_LEFT[low]![high]! + middle + WIDE_RIGHT[low]![high]!
}

function partAt(levels: CandleLevels, level: number): number {
  if (level >= levels.bodyBottom && level <= levels.bodyTop) return BODY
  return level >= levels.bottom && level <= levels.top ? WICK : NOTHING
}

function asciiCell(candle: ColumnCandle, lower: number, upper: number): string {
  if (lower === BODY || upper === BODY) return ASCII_GLYPHS[directionOf(candle)]
  return lower === WICK || upper === WICK ? '|' : ' '
}
