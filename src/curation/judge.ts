/**
 * Which of the new rows may become canonical? A row must be a possible bar of a session that was over when it
 * was fetched. Each rule has a word for the findings; the first that fails is told. Rows of a session that
 * was still running are no finding: they are what a vendor gives during the day, and only wait; one dated
 * after the fetch is.
 *
 * Makes the tables `asked` (the answers), `judged` (all new rows, with `flaw`, `final`, `is_future`), `good`.
 */
import { DAY_MS, HOUR_MS, type MarketDate, type UnixMs } from '../domain/time.ts'
import { type FoldContext, stagedSql } from './fold-context.ts'
import { DAILY, type Frequency } from './layout.ts'
import { STAGED_ANSWERS, STAGED_CANDLES } from './schema.ts'

/** Beyond it a double no longer holds every whole number. */
const VOLUME_MAX = 2 ** 53

const FLAW_SQL = `case
  when repeats > 1 then 'the answer has this bar more than once'
  when not coalesce(isfinite(open) and isfinite(high) and isfinite(low) and isfinite(close), false)
    then 'a price is no number'
  when not coalesce(isfinite(volume), false) then 'the volume is no number'
  when least(open, high, low, close) <= 0 then 'a price is not positive'
  when volume < 0 then 'the volume is negative'
  when volume <> floor(volume) or volume > ${VOLUME_MAX} then 'the volume is no whole number of shares'
  when high < greatest(open, low, close) then 'the high is below another price'
  when low > least(open, close) then 'the low is above another price'
  when not is_session then 'not a session of the market'
end`

export async function judgeRows(context: FoldContext, frequency: Frequency, unit: number): Promise<void> {
  const { engine } = context
  await engine.make('asked', stagedSql(context, STAGED_ANSWERS, 'answers', unit))
  await engine.make('fresh', stagedSql(context, STAGED_CANDLES, frequency.name, unit))
  await listHours(context, frequency)
  await listFinalDays(context, frequency)
  const isFinal =
    frequency === DAILY
      ? 'day <= final_day'
      : `day <= final_day or ("timestamp" + ${frequency.barMs} <= fetched_at and "timestamp" < last_at)`
  await engine.make(
    'judged',
    `select symbol, symbol_group // ${frequency.groupsPerSlot} as slot, symbol_group, "timestamp",
       open, high, low, close, volume, adjusted_close, dividend_amt, split_coef,
       source_file as source, fetched_at,
       is_full, ${FLAW_SQL} as flaw, coalesce(${isFinal}, false) as final,
       day > fetched_day as is_future
     from (select f.*, h.day, h.is_session, d.final_day, d.fetched_day, d.last_at, d.is_full,
             coalesce(r.repeats, 1) as repeats
           from fresh f
           join hours h on h.hour = f."timestamp" // ${HOUR_MS}
           join final_days d on d.source_file = f.source_file
           left join (select source_file, symbol, "timestamp", count(*) as repeats from fresh
                      group by all having count(*) > 1) r
             on r.source_file = f.source_file and r.symbol = f.symbol and r."timestamp" = f."timestamp")`,
  )
  await engine.make(
    'good',
    `select symbol, slot, "timestamp", open, high, low, close, volume::bigint as volume, source, fetched_at
     from judged where flaw is null and final`,
  )
  await engine.drop('fresh', 'hours', 'final_days')
}

/** The market's date of every hour that has a row, and whether it is a session. */
async function listHours({ engine, input }: FoldContext, frequency: Frequency): Promise<void> {
  const hours = await engine.rows(
    `select distinct "timestamp" // ${HOUR_MS} as hour from fresh order by hour`,
  )
  const facts = hours.map(({ hour }) => {
    const date = dateAt(Number(hour) * HOUR_MS, frequency, input.zone)
    return { hour: Number(hour), day: Date.parse(date), isSession: input.isSession(date) }
  })
  await engine.run('create or replace temp table hours_raw (hour double, day double, is_session integer)')
  await engine.append('hours_raw', [
    { kind: 'double', values: facts.map(({ hour }) => hour) },
    { kind: 'double', values: facts.map(({ day }) => day) },
    { kind: 'int32', values: facts.map(({ isSession }) => (isSession ? 1 : 0)) },
  ])
  await engine.make(
    'hours',
    'select hour::bigint as hour, day::bigint as day, is_session = 1 as is_session from hours_raw',
  )
  await engine.drop('hours_raw')
}

/** Of every answer the last session that was over when it was fetched. */
async function listFinalDays(context: FoldContext, frequency: Frequency): Promise<void> {
  const { engine } = context
  const answers = await engine.rows(
    'select source_file, fetched_at, first_at, last_at from asked where row_count > 0 order by source_file',
  )
  await engine.run(
    'create or replace temp table final_raw (source_file varchar, final_day double, fetched_day double)',
  )
  await engine.append('final_raw', [
    { kind: 'utf8', values: answers.map(({ source_file }) => String(source_file)) },
    { kind: 'double', values: answers.map((row) => finalDayOf(context, frequency, row)) },
    { kind: 'double', values: answers.map((row) => fetchedDayOf(context, row)) },
  ])
  await engine.make(
    'final_days',
    `select source_file, final_day::bigint as final_day, fetched_day::bigint as fetched_day, last_at,
       variant = 'full' as is_full
     from final_raw join asked using (source_file)`,
  )
  await engine.drop('final_raw')
}

/** The market's date on which the answer was fetched: no candle can be of a later one. */
function fetchedDayOf({ input }: FoldContext, row: Readonly<Record<string, unknown>>): number {
  return Date.parse(input.zone.dateOf(Number(row.fetched_at) as UnixMs))
}

/** Walks back from the answer's last day: what lies before a session that is over is over too. */
function finalDayOf(
  { input }: FoldContext,
  frequency: Frequency,
  row: Readonly<Record<string, unknown>>,
): number {
  const first = Date.parse(dateAt(Number(row.first_at), frequency, input.zone))
  let day = Date.parse(dateAt(Number(row.last_at), frequency, input.zone))
  for (; day >= first; day -= DAY_MS) {
    const date = new Date(day).toISOString().slice(0, 10) as MarketDate
    if (input.isSession(date) && input.isFinal(date, Number(row.fetched_at) as UnixMs)) return day
  }
  return day
}

/** A daily bar is stamped with its date, whatever the zone; another one with its moment. */
function dateAt(atMs: number, frequency: Frequency, zone: { dateOf(ms: UnixMs): MarketDate }): MarketDate {
  return frequency === DAILY
    ? (new Date(atMs).toISOString().slice(0, 10) as MarketDate)
    : zone.dateOf(atMs as UnixMs)
}
