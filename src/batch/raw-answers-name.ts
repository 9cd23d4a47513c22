/**
 * What does the name of a raw answer say? Everything but the body: whose answer, to which wish, when it was
 * fetched. Both directions are exact: a name that would not be written so is not read either.
 *
 *     raw/us/2026-01-02/BRK-B_TIME_SERIES_DAILY_full_20260102T210500123Z.csv.zst
 *
 * A symbol's own characters are letters, digits and the dash; every other byte of its UTF-8 is %XX, the dot
 * and the underscore too, so no symbol can climb out of its folder, hide, or end where it does not. The
 * listing has no symbol and stands under `_`. Variants are lower case, functions upper case:
 * `TIME_SERIES_DAILY_ADJUSTED` is never the variant ADJUSTED.
 */
import { BATCH_FUNCTIONS, type BatchFunction, type BatchWish, type RawAnswer } from '../domain/batch.ts'
import { OperatingError } from '../domain/error.ts'
import type { UnixMs } from '../domain/time.ts'
import type { Zone } from '../platform/zone.ts'

export const RAW_DIR = 'raw/us'

/** Of ext4, xfs, apfs and ntfs alike. */
const NAME_MAX_BYTES = 255
const NO_SYMBOL = '_'
const VARIANT = /^[a-z0-9-]*$/
const FUNCTIONS = BATCH_FUNCTIONS.toSorted((left, right) => right.length - left.length).join('|')
const PATH = new RegExp(
  `^${RAW_DIR}/(?:\\d{4}-\\d{2}-\\d{2})/([A-Za-z0-9%-]+|_)_(${FUNCTIONS})(?:_([a-z0-9-]+))?` +
    '_(\\d{4})(\\d{2})(\\d{2})T(\\d{2})(\\d{2})(\\d{2})(\\d{3})Z\\.(csv|json)\\.zst$',
)

/** Throws SYMBOLS_INVALID where the symbol makes no file name. */
export function rawPathOf(wish: BatchWish, fetchedAtMs: UnixMs, zone: Zone): string {
  const { symbol, variant, format } = wish
  if (!VARIANT.test(variant)) throw new Error(`"${variant}" is no variant of a wish`)
  if (!symbol.isWellFormed()) throw unnameable(symbol, 'it is no Unicode text')
  const parts = [encodeSymbol(symbol), wish.function, variant, stampOf(fetchedAtMs)]
  const name = `${parts.filter((part) => part !== '').join('_')}.${format}.zst`
  if (name.length > NAME_MAX_BYTES) throw unnameable(symbol, 'it is too long')
  return `${RAW_DIR}/${zone.dateOf(fetchedAtMs)}/${name}`
}

/** Null for every path that `rawPathOf` would not give. */
export function parseRawPath(path: string, zone: Zone): RawAnswer | null {
  const match = PATH.exec(path)
  if (match === null) return null
  const [, encoded, name, variant = '', year, month, day, hour, minute, second, milli, format] = match
  const symbol = decodeSymbol(encoded!)
  const fetchedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milli}Z`) as UnixMs
  if (symbol === null || Number.isNaN(fetchedAtMs)) return null
  const wish = { function: name as BatchFunction, symbol, variant, format: format as BatchWish['format'] }
  return rawPathOf(wish, fetchedAtMs, zone) === path ? { wish, fetchedAtMs, path } : null
}

function encodeSymbol(symbol: string): string {
  if (symbol === '') return NO_SYMBOL
  return Array.from(Buffer.from(symbol), (byte) => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

function decodeSymbol(encoded: string): string | null {
  if (encoded === NO_SYMBOL) return ''
  try {
    return decodeURIComponent(encoded)
  } catch {
    // Not UTF-8, or a % without its digits: no name of ours.
    return null
  }
}

function stampOf(atMs: UnixMs): string {
  return new Date(atMs).toISOString().replace(/[-:.]/g, '')
}

function unnameable(symbol: string, why: string): OperatingError {
  const shown = JSON.stringify(symbol.slice(0, 40))
  return new OperatingError(
    `keeping the answer for the symbol ${shown}: ${why} for a file name; take it out of the symbols`,
    {
      code: 'SYMBOLS_INVALID',
    },
  )
}
