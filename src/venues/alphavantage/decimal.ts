/**
 * Which number is written there? Stricter than `Number`, for which '' is zero and '0x10' sixteen: digits, one
 * point with digits on both sides, a sign, and the exponent with which very small adjusted prices are told.
 */
const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/

/** NaN where the text is no number, or too large to be one. */
export function decimal(text: string): number {
  if (!DECIMAL.test(text)) return Number.NaN
  // Adding zero takes the sign off a negative zero.
  const value = Number(text) + 0
  return Number.isFinite(value) ? value : Number.NaN
}

/** A number told as text (the rule) or as a number. NaN for everything else. */
export function decimalOf(value: unknown): number {
  if (typeof value === 'string') return decimal(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : Number.NaN
}
