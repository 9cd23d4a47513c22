/** What does the rest of the system see of Alpha Vantage? */
import type { BatchVenue } from '../../domain/batch.ts'
import { readDividends, readSplits } from './actions.ts'
import { readDaily } from './daily.ts'
import { readIntraday } from './intraday.ts'
import { judge } from './judge.ts'
import { readListing } from './listing.ts'
import { describe, request } from './requests.ts'

export const alphavantage: BatchVenue = {
  name: 'alphavantage',
  realHosts: ['www.alphavantage.co', 'alphavantage.co'],
  request,
  describe,
  judge,
  readDaily,
  readIntraday,
  readSplits,
  readDividends,
  readListing,
}
