/**
 * Which value of a bar holds, and which ones held before? All values of one bar (symbol and time), in the
 * order of fetching, form runs of equal values: a vintage is such a run, dated by its first fetch. The last
 * run is canonical and lies in `candles`; the others, numbered from 0, lie in `vintages` with the moment at
 * which each was superseded. So fetching the same again changes nothing, and A, B, A again are three
 * vintages.
 *
 * The fold goes on from what is held: held runs and new rows together, sorted by fetch, give the same runs as
 * all rows since ever, because a row that was folded before is the start of a run or lies inside one. That is
 * why a kill between two files costs nothing, and why only answers that come late need all of staging.
 *
 * Makes the tables `candles_next` and `vintages_next` (whole content of the files that are touched), `runs`,
 * and `changed` (the bars that are new or restated).
 */
import { eraRank, type FoldContext, lateOf, slotsOf, slotsSql, whereOf } from './fold-context.ts'
import { type Frequency, type Slot, slotOf, slotPath } from './layout.ts'
import { candleSchema, type Schema, VINTAGES } from './schema.ts'

const VALUES = 'symbol, slot, "timestamp", open, high, low, close, volume, source, fetched_at'

/** Folds the table `good`; says which files of the unit were loaded. */
export async function foldRows(
  context: FoldContext,
  frequency: Frequency,
  unit: number,
): Promise<readonly Slot[]> {
  const { engine } = context
  const touched = await touchedSlots(context, frequency, unit)
  const held = (kind: 'candles' | 'vintages', schema: Schema): string =>
    slotsSql(context, schema, kind, frequency, context.held[kind].get(frequency.name)!.filter(touched))
  await engine.make('held_candles', held('candles', candleSchema(frequency)))
  await engine.make('held_vintages', held('vintages', VINTAGES))
  await engine.make('keys', KEYS_SQL)
  await engine.make('seen', SEEN_SQL)
  await engine.make(
    'repeated',
    'select symbol, "timestamp" from seen group by symbol, "timestamp" having count(*) > 1',
  )
  await engine.make('runs', `select *, ${frequency.eraSql('"timestamp"')} as era from (${RUNS_SQL})`)
  await engine.make('candles_next', nextSql('held_candles', 'superseded_at is null', ''))
  await engine.make('vintages_next', nextSql('held_vintages', 'superseded_at is not null', REVISION))
  await engine.make('changed', CHANGED_SQL)
  await engine.drop('seen', 'repeated')
  return context.held.candles.get(frequency.name)!.filter(touched)
}

/** Bars for which some new row says something else than the candle that is held. */
const KEYS_SQL = `select distinct symbol, "timestamp" from good g where not exists (
  from held_candles h where h.symbol = g.symbol and h."timestamp" = g."timestamp"
    and h.fetched_at <= g.fetched_at
    and (h.open, h.high, h.low, h.close, h.volume) = (g.open, g.high, g.low, g.close, g.volume))`

const BAR = 'row(open, high, low, close, volume)'

const SEEN_SQL = `select ${VALUES} from good semi join keys using (symbol, "timestamp")
  union select ${VALUES} from held_candles semi join keys using (symbol, "timestamp")
  union select ${VALUES} from held_vintages semi join keys using (symbol, "timestamp")`

/** Most bars are seen for the first time and have one value: they need no order. */
const RUNS_SQL = `with marked as (
    select *, ${BAR} is distinct from lag(${BAR}) over w as starts
    from seen semi join repeated using (symbol, "timestamp")
    window w as (partition by symbol, "timestamp" order by fetched_at, source))
  select ${VALUES}, 0::integer as revision, null::bigint as superseded_at
  from seen anti join repeated using (symbol, "timestamp")
  union all
  select ${VALUES}, (row_number() over w - 1)::integer as revision, lead(fetched_at) over w as superseded_at
  from marked where starts
  window w as (partition by symbol, "timestamp" order by fetched_at, source)`

const REVISION = ', revision, superseded_at'

function nextSql(held: string, which: string, more: string): string {
  return `select ${VALUES}${more}, era from ${held} anti join keys using (symbol, "timestamp")
          union all select ${VALUES}${more}, era from runs where ${which}`
}

const CHANGED_SQL = `select r.symbol, r.slot, r.era, r."timestamp", h.symbol is not null as was_held
  from runs r left join held_candles h on h.symbol = r.symbol and h."timestamp" = r."timestamp"
  where r.superseded_at is null and (h.symbol is null
    or (h.open, h.high, h.low, h.close, h.volume, h.source, h.fetched_at)
       is distinct from (r.open, r.high, r.low, r.close, r.volume, r.source, r.fetched_at))`

/**
 * Which files do the new rows concern? For each slot the eras from its first to its last new row, or all of
 * them where a full history came, so that sessions which it lacks are seen. Slots that came late hold
 * nothing.
 */
async function touchedSlots(
  { engine, ...context }: FoldContext,
  frequency: Frequency,
  unit: number,
): Promise<(at: Slot) => boolean> {
  const rows = await engine.rows(
    `select slot, ${frequency.eraSql('min("timestamp")')} as first,
       ${frequency.eraSql('max("timestamp")')} as last,
       bool_or(is_full) as is_full
     from judged where flaw is null and final group by slot`,
  )
  const spans = new Map(
    rows.map((row) => [
      Number(row.slot),
      { first: row.is_full === true ? '' : eraRank(String(row.first)), last: eraRank(String(row.last)) },
    ]),
  )
  const late = new Set(lateOf({ engine, ...context }, unit).map((group) => slotOf(group, frequency)))
  return ({ era, slot }) => {
    const span = late.has(slot) ? undefined : spans.get(slot)
    return span !== undefined && eraRank(era) >= span.first && eraRank(era) <= span.last
  }
}

/** Publishes the older vintages; before the candles, so that a value that is replaced is never nowhere. */
export async function publishVintages(context: FoldContext, frequency: Frequency): Promise<void> {
  const slots = await slotsOf(context, 'select distinct era, slot from runs where superseded_at is not null')
  await context.publisher.publish(
    VINTAGES,
    'vintages_next',
    slots.map((at) => ({
      path: slotPath(context.input.market, 'vintages', frequency, at),
      where: whereOf(at),
    })),
  )
}

/** Publishes the files of bars that are not adjusted, where a bar is new or restated. */
export async function publishIntraday(context: FoldContext, frequency: Frequency): Promise<void> {
  const slots = await slotsOf(context, 'select distinct era, slot from changed')
  await context.publisher.publish(
    candleSchema(frequency),
    'candles_next',
    slots.map((at) => ({
      path: slotPath(context.input.market, 'candles', frequency, at),
      where: whereOf(at),
    })),
  )
}
