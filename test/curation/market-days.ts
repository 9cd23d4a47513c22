/** A few days of a small market: restatements, actions, a running session, lost, bad and refused rows. */
import { adjustedBar, bar, type RawLake, weekdays } from './raw-lake.ts'

const DATES = weekdays('2025-12-29', 8)
const PAST = DATES.slice(0, 5).map((date, at) => bar(date, 100 + at))

/** One function for each day; each adds what was fetched on it. */
export const MARKET_DAYS: readonly ((lake: RawLake) => void)[] = [
  (lake) => {
    const rows = PAST.map(([date, close]) => adjustedBar(date, close, close))
    lake.adjusted('AAA', '2026-01-02 18:00', rows, 'full')
    lake.daily('BBB', '2026-01-02 18:01', PAST)
    lake.splits('BBB', '2026-01-02 18:02', [['2025-12-31', 2]])
    lake.dividends('BBB', '2026-01-02 18:03', [
      ['2025-12-30', 0.5],
      ['2026-01-06', 1],
    ])
    lake.add('TIME_SERIES_INTRADAY', 'AAA', '2026-01-02 18:04', '2026-01-02 09:30,1,2,1,2,5\n', 'recent')
  },
  (lake) => {
    lake.daily('BBB', '2026-01-05 18:00', [...PAST.slice(1, 4), bar(DATES[5]!, 50)])
    lake.adjusted('AAA', '2026-01-05 18:00', [
      adjustedBar(DATES[3]!, 103, 101),
      adjustedBar(DATES[4]!, 999, 999, 2),
      adjustedBar(DATES[5]!, 106, 106),
    ])
  },
  (lake) => {
    lake.daily('BBB', '2026-01-06 18:00', [bar(DATES[5]!, 50), bar(DATES[6]!, -1)])
    lake.daily('AAA', '2026-01-06 12:00', [bar(DATES[6]!, 12)])
    lake.splits('AAA', '2026-01-06 18:02', [['2026-01-02', 3]])
    lake.add('TIME_SERIES_DAILY', 'CCC', '2026-01-06 18:03', 'refused')
  },
  (lake) => {
    lake.daily('BBB', '2026-01-07 18:00', [bar(DATES[6]!, 51), bar(DATES[7]!, 52)])
    lake.adjusted('AAA', '2026-01-07 18:00', [
      adjustedBar(DATES[4]!, 104, 104, 2),
      adjustedBar(DATES[7]!, 108, 108),
    ])
  },
]
