/**
 * Which splits and dividends has the vendor told us of, where, and since when? A claim is one value that one
 * origin states for one symbol and date; like candles, claims have vintages, and the newest holds.
 *
 * Origins: `SPLITS`, `DIVIDENDS`, and the rows of `DAILY_ADJUSTED`, which also claim an *adjustment*: the
 * step of adjusted close over close from the session before to this one. A step depends on neither the end of
 * the answer nor on anything after it, so answers of different days can be compared, as levels could not.
 *
 * A neutral row (dividend 0, split 1, step 1) is a claim only for dates of which somebody has said more
 * before: it then contradicts or withdraws. Other neutral rows are the rule and say nothing.
 *
 * Makes `claims_next`, the claims of the unit's symbols, and `claims_changed`, the symbols with other ones.
 */
import { type FoldContext, stagedSql } from './fold-context.ts'
import { STAGED_ACTIONS } from './schema.ts'

/** Vendors round: 4 decimals of an adjusted price, so small prices allow larger steps. */
const STEP_TOLERANCE_SQL = '(1.5e-4 + 1e-4 / least(adjusted_close, adjusted_before))'
/** Digits of a step that are kept, or noise in the last digit would be a new vintage every day. */
const STEP_DECIMALS = 5

/** The value that means "nothing happened". */
export const NEUTRAL_SQL = `case when kind = 'dividend' then 0.0 else 1.0 end`

export async function foldClaims(context: FoldContext, unit: number): Promise<void> {
  const { engine } = context
  await engine.make('staged_actions', stagedSql(context, STAGED_ACTIONS, 'actions', unit))
  await engine.make('unit_symbols', 'select distinct symbol from asked')
  await engine.make('claims_held', 'select c.* from claims c semi join unit_symbols using (symbol)')
  await engine.make('dedicated', DEDICATED_SQL)
  await engine.make('told', TOLD_SQL)
  await engine.make('spoken_of', SPOKEN_OF_SQL)
  await engine.make(
    'claims_seen',
    `select symbol, symbol_group, "timestamp", kind, origin, value, source, fetched_at,
       fetched_at as confirmed_at from (from dedicated union all by name ${CLAIMED_SQL})
     union all by name select * exclude (revision) from claims_held
     where symbol_group not in (${lateList(context)})`,
  )
  await engine.make('claims_next', NEXT_SQL)
  // A newer dedicated answer that repeats itself still covers more dates than the one before.
  const compared = `symbol, "timestamp", kind, origin, revision, value,
    case when origin <> 'DAILY_ADJUSTED' then confirmed_at end`
  await engine.make(
    'claims_changed',
    `select distinct symbol from (
       (select ${compared} from claims_next except select ${compared} from claims_held)
       union all (select ${compared} from claims_held except select ${compared} from claims_next))`,
  )
  await engine.drop('claims_seen', 'dedicated', 'told', 'spoken_of')
}

function lateList({ lateGroups }: FoldContext): string {
  return lateGroups.size === 0 ? '-1' : [...lateGroups].join(', ')
}

/** Two dividends of one day add up, two splits multiply; the same line twice counts once. */
const DEDICATED_SQL = `select symbol, symbol_group, "timestamp", kind,
    case when kind = 'split' then 'SPLITS' else 'DIVIDENDS' end as origin,
    case when kind = 'split' then list_reduce(list(value order by value), lambda a, b: a * b)
         else list_reduce(list(value order by value), lambda a, b: a + b) end as value,
    source_file as source, fetched_at
  from (select distinct * from staged_actions)
  where isfinite(value) and case when kind = 'split' then value > 0 else value >= 0 end
  group by symbol, symbol_group, "timestamp", kind, source_file, fetched_at`

/** What each daily row says of its date; null where it says nothing that we understand. */
const TOLD_SQL = `with stepped as (
    select *, lag(close) over w as close_before, lag(adjusted_close) over w as adjusted_before
    from judged where flaw is null and final and (adjusted_close is not null or dividend_amt is not null)
    window w as (partition by source, symbol order by "timestamp")),
  measured as (
    select *, case when isfinite(adjusted_close) and adjusted_close > 0
                    and isfinite(adjusted_before) and adjusted_before > 0
      then (adjusted_before / close_before) / (adjusted_close / close) end as step from stepped)
  select symbol, symbol_group, "timestamp", source, fetched_at,
    case when isfinite(dividend_amt) and dividend_amt >= 0 then dividend_amt end as dividend,
    case when isfinite(split_coef) and split_coef > 0 then split_coef end as split,
    case when abs(step - 1) <= ${STEP_TOLERANCE_SQL} then 1.0
         else round(step, ${STEP_DECIMALS}) end as adjustment
  from measured`

/** Dates of which somebody says or said something; all other daily rows are the rule. */
const SPOKEN_OF_SQL = `select symbol, "timestamp" from told
  where dividend <> 0 or split <> 1 or adjustment <> 1
  union select symbol, "timestamp" from dedicated
  union select symbol, "timestamp" from claims_held`

const CLAIMED_SQL = `select symbol, symbol_group, "timestamp", kind, 'DAILY_ADJUSTED' as origin,
    value, source, fetched_at
  from (from told semi join spoken_of using (symbol, "timestamp"))
  unpivot (value for kind in (dividend, split, adjustment))`

const NEXT_SQL = `with first_said as (
    select symbol, "timestamp", min(fetched_at) as said_at from claims_seen
    where value <> ${NEUTRAL_SQL} group by symbol, "timestamp"),
  seen as (
    select symbol, symbol_group, "timestamp", kind, origin, source, fetched_at, min(value) as value,
      max(confirmed_at) as confirmed_at
    from claims_seen join first_said using (symbol, "timestamp") where fetched_at >= said_at
    group by symbol, symbol_group, "timestamp", kind, origin, source, fetched_at),
  marked as (
    select *, value is distinct from lag(value) over w as starts from seen
    window w as (partition by symbol, "timestamp", kind, origin order by fetched_at, source)),
  numbered as (
    select *, sum(starts::integer) over w - 1 as revision from marked
    window w as (partition by symbol, "timestamp", kind, origin order by fetched_at, source
                 rows unbounded preceding))
  select symbol, "timestamp", kind, origin, revision::integer as revision, any_value(value) as value,
    arg_min(source, (fetched_at, source)) as source, min(fetched_at) as fetched_at,
    max(confirmed_at) as confirmed_at, symbol_group
  from numbered group by symbol, symbol_group, "timestamp", kind, origin, revision`
