/** How is a wish put to the vendor? One endpoint; everything is in the query, the key too. */
import type { BatchWish } from '../../domain/batch.ts'
import type { Secret } from '../../domain/secret.ts'
import type { HttpRequest } from '../../domain/venue.ts'

/** Bars of this length are asked for; the vendor has 1, 5, 15, 30 and 60. */
export const INTERVAL_MINUTES = 5

export function request(wish: BatchWish, key: Secret): HttpRequest {
  const query = new URLSearchParams({ function: wish.function, ...parametersOf(wish) })
  query.set('apikey', key.reveal())
  const accepted = wish.format === 'csv' ? 'text/csv, application/json' : 'application/json'
  return { method: 'GET', path: `/query?${query}`, headers: { Accept: accepted } }
}

export function describe(wish: BatchWish): string {
  return [wish.function, wish.symbol, wish.variant].filter((word) => word !== '').join(' ')
}

function parametersOf(wish: BatchWish): Record<string, string> {
  const { symbol, variant, format: datatype } = wish
  switch (wish.function) {
    case 'LISTING_STATUS':
      // There is no JSON of it.
      return { state: checked(wish, /^(active|delisted)$/) }
    case 'TIME_SERIES_DAILY':
    case 'TIME_SERIES_DAILY_ADJUSTED':
      return { symbol, outputsize: checked(wish, /^(compact|full)$/), datatype }
    case 'TIME_SERIES_INTRADAY':
      return { symbol, ...intradayParameters(wish), datatype }
    case 'SPLITS':
    case 'DIVIDENDS':
      if (variant !== '') checked(wish, /^$/)
      return { symbol, datatype }
  }
}

/**
 * Both defaults of the vendor would harm: adjusted bars of the past change with every dividend, and extended
 * hours hold late prints far off the market. `full` is 30 days, or the whole month.
 */
function intradayParameters(wish: BatchWish): Record<string, string> {
  const month = checked(wish, /^(recent|\d{4}-(0[1-9]|1[0-2]))$/)
  return {
    interval: `${INTERVAL_MINUTES}min`,
    adjusted: 'false',
    extended_hours: 'false',
    outputsize: 'full',
    ...(month === 'recent' ? {} : { month }),
  }
}

/** A variant that the function does not have is a mistake in the program. */
function checked(wish: BatchWish, pattern: RegExp): string {
  if (!pattern.test(wish.variant)) throw new Error(`${wish.function} has no variant "${wish.variant}"`)
  return wish.variant
}
