/**
 * Where does ordinary end? Every limit of the ingestion gate, with the reason for its figure. Figures were
 * chosen on 18 recorded NSE sessions (178 symbols, 1,201,500 minutes): of 44 moves of more than 2 % within a
 * minute there, one is above 6 %. Changing a limit changes `INGEST_RULES`: other rules are other verdicts.
 */
export const INGEST_RULES = 'chandler.ingest.v1'

export type IngestLimits = typeof INGEST_LIMITS

export const INGEST_LIMITS = {
  /** NSE's dynamic band of stocks with derivatives, and the second of the fixed bands (5, 10, 20 %). */
  stockMoveReview: 0.1,
  /** A move that returned at once and that nobody paid for with volume. The largest genuine one: 5.9 %. */
  stockSpike: 0.05,
  /** The market-wide breaker's first step is 10 %; no recorded minute of an index reaches 2 %. */
  indexMoveReview: 0.05,
  indexSpike: 0.02,
  /** Indices of volatility have no breaker: INDIAVIX opened 18.8 % off and was right. */
  volatilityMove: 0.4,
  /** No trade within a session doubles or halves a price: a wrong unit, a wrong instrument. */
  impossibleMove: 0.5,
  /** Overnight, a factor that no split explains: rupees for paise. */
  impossibleNight: 20,
  /** Overnight move of stocks and of indices against the adjusted previous close. */
  nightReview: 0.1,
  nightIndexReview: 0.1,
  /** Beyond the widest band (20 %) from the previous close, at the close. */
  dayReview: 0.2,
  /**
   * A move is paid for when its minute has so many times the median volume of the traded minutes. Of the ten
   * largest genuine ones none had less than 26 times; of all minutes one in twenty has ten times.
   */
  supportVolumes: 10,
  /** A move returned when so much of it is gone at the next close. */
  returnedShare: 0.7,
  /** After so many minutes without a candle a move may have grown unseen. */
  unseenMinutes: 30,
  /** Rows of a price that did not move at all, in an index or with volume in each. */
  frozenIndexMinutes: 10,
  /** A silence is suspicious when chance makes it once in so many sessions of the instrument. */
  silenceChance: 1e-9,
  /** Below this share of minutes an instrument is quiet by nature, and its silences say nothing. */
  denseShare: 0.8,
  /** So many neighbours on both sides, all busy, make a single silent minute suspicious. */
  neighbourMinutes: 5,
  /** A neighbour is busy with so many ticks, or with volume in a vendor's candle. */
  busyTicks: 10,
  /**
   * After a silence of so many minutes, less than this part of its usual volume proves that nothing was
   * traded.
   */
  quietMinutesMin: 5,
  quietShare: 0.25,
  /** Of the dense instruments, silent in the same minute: the market, or the feed, stood still. */
  marketSilentShare: 0.5,
  marketDenseMin: 5,
  /** Incomplete minutes of an instrument: what a settle with all answers leaves is next to nothing. */
  incompleteReview: 0.01,
  incompleteFail: 0.1,
  /** Shares in no candle, of the day's volume. */
  unattributedReview: 0.01,
  unattributedFail: 0.1,
  /** Of the symbols of the previous canonical session, gone without a word. */
  vanishedReview: 0.05,
  /** With more of its symbols held back, a session is not worth the name. */
  heldShareMax: 0.2,
  heldCountMin: 3,
  /** Rounding of a mean of prices. */
  vwapTolerance: 1e-9,
} as const

export const DAILY_RULES = 'chandler.ingest_daily.v1'

export type DailyLimits = typeof DAILY_LIMITS

/**
 * Daily candles of stocks without bands, checked on 8 symbols over 23 years with their splits and dividends.
 */
export const DAILY_LIMITS = {
  /**
   * A move against the adjusted close before that has to be paid for. AIG moved 33 % in 2008 on usual
   * volume.
   */
  nightMove: 0.4,
  /** A move at the open that has to be paid for where it is that of a split: short of 4 for 3. */
  splitMove: 0.24,
  /** Times the mean volume of the weeks before. */
  supportVolumes: 2,
  impossibleNight: 20,
  /** A high or low so far from open and close, without volume, is a junk print. */
  wick: 0.4,
  /** With more symbols missing than that, the fetch is not over. */
  vanishedWait: 0.1,
} as const
