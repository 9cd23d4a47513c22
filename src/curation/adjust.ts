/**
 * What is a share of years ago worth in shares of the end of the history? The standard rule, as the vendor
 * has it: `adj_close` of a session is its close times the factors of all later ex-dates that fall on or
 * before the last session held. With C the close of the session before the ex-date, D the dividend as paid
 * (per share of the ex-date) and S the new shares for each old one:
 *
 *     factor = 1 / S - D / C        that is, (1 - D / C) alone, 1 / S alone
 *
 * Prices and dividends are as traded, never adjusted before. An ex-date that is no session of the symbol
 * takes effect at its next one. An action before the second session held has nothing to adjust: its factor is
 * null.
 *
 * Who wins where origins differ: SPLITS and DIVIDENDS. They are made for this and are complete, whereas the
 * coefficients in daily rows are known to be wrong or missing at times. A daily row decides only for dates
 * that the dedicated answer cannot know yet, or where there is none. Every disagreement is a finding
 * (findings.ts).
 *
 * A change of a factor changes the whole past of the symbol, so all files of its group are written again; a
 * new session changes only the era at the end. Cumulative factors are multiplied from the newest ex-date
 * backwards, in that order, so that the same actions always give the same bits.
 */

import { NEUTRAL_SQL } from './claims.ts'
import { eraRank, type FoldContext, slotKey, slotsOf, slotsSql, unitSql, whereOf } from './fold-context.ts'
import { DAILY, type Slot, slotPath } from './layout.ts'
import { DAILY_CANDLES } from './schema.ts'

const DAY_SQL = '86400000'

/**
 * Publishes the unit's daily candles that are new, restated or adjusted otherwise. `loaded`: the files whose
 * content `candles_next` holds. `careful`: look at every symbol of the unit, because an interrupted run may
 * have written candles without having noted the actions. Makes `actions_next` for all symbols of the unit.
 * Returns how many symbols were adjusted otherwise than before.
 */
export async function publishDaily(
  context: FoldContext,
  unit: number,
  loaded: readonly Slot[],
  careful: boolean,
): Promise<number> {
  const { engine } = context
  await engine.make('actions_held', `select * from actions where ${unitSql(context, unit)}`)
  await engine.make('winners', WINNERS_SQL)
  await engine.make('reconsidered', careful ? 'select symbol from unit_symbols' : RECONSIDERED_SQL)
  await listCloses(context, loaded)
  await engine.make('actions_new', ACTIONS_SQL)
  await engine.make(
    'actions_next',
    `select * from actions_new
     union all by name select * from actions_held anti join reconsidered using (symbol)`,
  )
  await engine.make('readjusted', READJUSTED_SQL)
  await publishCandles(context, loaded)
  await engine.drop('winners', 'closes', 'actions_held', 'actions_new')
  return engine.count('select count(*) from readjusted')
}

/** The value that holds for each symbol, date and kind, neutral ones left out. */
const WINNERS_SQL = `with newest as (
    select * from claims_next where kind <> 'adjustment'
    qualify row_number() over (partition by symbol, "timestamp", kind, origin order by revision desc) = 1),
  covered as (
    select symbol, kind, max(confirmed_at) as covered_until from claims_next
    where origin <> 'DAILY_ADJUSTED' group by symbol, kind),
  paired as (
    select symbol, symbol_group, "timestamp", kind,
      max(value) filter (origin <> 'DAILY_ADJUSTED') as dedicated,
      max(value) filter (origin = 'DAILY_ADJUSTED') as told
    from newest group by symbol, symbol_group, "timestamp", kind)
  select symbol, symbol_group, "timestamp", kind,
    case when dedicated is not null then dedicated
         when covered_until is null or "timestamp" + ${DAY_SQL} > covered_until then told
         else ${NEUTRAL_SQL} end as value
  from paired left join covered using (symbol, kind)
  where value <> ${NEUTRAL_SQL}`

/** Symbols whose factors can differ from before: claims, or a close at or before an ex-date, changed. */
const RECONSIDERED_SQL = `select symbol from claims_changed
  union select c.symbol from changed c join actions_held a on a.symbol = c.symbol
        and case when a.session is null then c."timestamp" >= a."timestamp"
                 else c."timestamp" <= a.session end`

/** All closes of the symbols with actions: from the files at hand, and from the group's other files. */
async function listCloses(context: FoldContext, loaded: readonly Slot[]): Promise<void> {
  const { engine } = context
  await engine.make(
    'with_actions',
    'select distinct w.symbol, w.symbol_group as slot from winners w semi join reconsidered using (symbol)',
  )
  const rows = await engine.rows('select distinct slot from with_actions')
  const slots = new Set(rows.map(({ slot }) => Number(slot)))
  const others = otherSlots(context, loaded).filter(({ slot }) => slots.has(slot))
  await engine.make(
    'closes',
    `select symbol, "timestamp", close from candles_next semi join with_actions using (symbol)
     union all select symbol, "timestamp", close
     from (${slotsSql(context, DAILY_CANDLES, 'candles', DAILY, others)})
     semi join with_actions using (symbol)`,
  )
}

/** Files that `candles_next` has not read; those of late groups are made anew and hold nothing. */
function otherSlots({ held, lateGroups }: FoldContext, loaded: readonly Slot[]): readonly Slot[] {
  const known = new Set(loaded.map(slotKey))
  return held.candles.get('1d')!.filter((at) => !known.has(slotKey(at)) && !lateGroups.has(at.slot))
}

const ACTIONS_SQL = `with acted as (
    select symbol, symbol_group, "timestamp",
      coalesce(max(value) filter (kind = 'dividend'), 0.0) as dividend_amt,
      coalesce(max(value) filter (kind = 'split'), 1.0) as split_coef
    from winners semi join reconsidered using (symbol) group by symbol, symbol_group, "timestamp"),
  placed as (
    select a.*, c."timestamp" as session from acted a
    asof left join closes c on c.symbol = a.symbol and c."timestamp" >= a."timestamp"),
  by_session as (
    select symbol, session,
      list_reduce(list(dividend_amt order by "timestamp"), lambda a, b: a + b) as dividend,
      list_reduce(list(split_coef order by "timestamp"), lambda a, b: a * b) as split
    from placed where session is not null group by symbol, session),
  factored as (
    select s.symbol, s.session, case
        when p.close is null then null
        when 1 / s.split - s.dividend / p.close > 0 then 1 / s.split - s.dividend / p.close
        else 1 / s.split end as factor
    from by_session s asof left join closes p on p.symbol = s.symbol and p."timestamp" < s.session),
  cumulated as (
    select *, list_reduce(list(coalesce(factor, 1.0)) over (partition by symbol order by session desc
                                             rows unbounded preceding),
                   lambda a, b: a * b) as cumulative_factor
    from factored)
  select p.symbol, p."timestamp", p.session, p.dividend_amt, p.split_coef, c.factor, c.cumulative_factor,
    p.symbol_group
  from placed p left join cumulated c on c.symbol = p.symbol and c.session = p.session`

const EFFECT = 'symbol, session, dividend_amt, split_coef, factor'

const READJUSTED_SQL = `select distinct symbol from (
    (select ${EFFECT} from actions_new where session is not null except select ${EFFECT} from actions_held)
    union all
    (select ${EFFECT} from actions_held semi join reconsidered using (symbol) where session is not null
     except select ${EFFECT} from actions_new))`

async function publishCandles(context: FoldContext, loaded: readonly Slot[]): Promise<void> {
  const { engine, publisher, input } = context
  const dirty = await dirtySlots(context)
  if (dirty.length === 0) return
  const wanted = new Set(dirty.map(slotKey))
  const others = otherSlots(context, loaded).filter((at) => wanted.has(slotKey(at)))
  const columns = 'symbol, slot, era, "timestamp", open, high, low, close, volume, source, fetched_at'
  await engine.make('dirty', `from (values ${dirty.map(valuesOf).join(', ')}) as d (era, slot)`)
  await engine.make(
    'effects',
    `select symbol, session, any_value(cumulative_factor) as cumulative_factor,
       list_reduce(list(dividend_amt order by "timestamp"), lambda a, b: a + b) as dividend,
       list_reduce(list(split_coef order by "timestamp"), lambda a, b: a * b) as split
     from actions_next where session is not null group by symbol, session`,
  )
  await engine.make(
    'candles_out',
    `with bars as (
       select ${columns} from candles_next semi join dirty using (era, slot)
       union all select ${columns} from (${slotsSql(context, DAILY_CANDLES, 'candles', DAILY, others)})),
     adjusted as (
       select b.*, b.close * coalesce(l.cumulative_factor, 1.0) as adj_close from bars b
       asof left join effects l on l.symbol = b.symbol and l.session > b."timestamp")
     select a.*, coalesce(e.dividend, 0.0) as dividend_amt, coalesce(e.split, 1.0) as split_coef
     from adjusted a left join effects e on e.symbol = a.symbol and e.session = a."timestamp"
     order by era, slot, symbol, "timestamp"`,
  )
  await publisher.publish(
    DAILY_CANDLES,
    'candles_out',
    dirty.map((at) => ({ path: slotPath(input.market, 'candles', DAILY, at), where: whereOf(at) })),
  )
  await engine.drop('effects', 'candles_out', 'dirty')
}

function valuesOf({ era, slot }: Slot): string {
  return `('${era}', ${slot})`
}

/** Files with a new or restated bar, and every file that holds a past to be adjusted otherwise. */
async function dirtySlots(context: FoldContext): Promise<readonly Slot[]> {
  const { engine, held } = context
  const dirty = new Map<string, Slot>()
  for (const at of await slotsOf(context, 'select distinct era, slot from changed'))
    dirty.set(slotKey(at), at)
  const rows = await engine.rows(
    `select distinct symbol_group from (from actions_new union all by name from actions_held)
     semi join readjusted using (symbol)`,
  )
  const groups = new Set(rows.map(({ symbol_group }) => Number(symbol_group)))
  const next = await slotsOf(context, 'select distinct era, slot from candles_next')
  for (const at of [...held.candles.get('1d')!, ...next]) if (groups.has(at.slot)) dirty.set(slotKey(at), at)
  return [...dirty.values()].toSorted((a, b) => {
    const [x, y] = [`${eraRank(a.era)}/${a.slot + 1_000}`, `${eraRank(b.era)}/${b.slot + 1_000}`]
    return x < y ? -1 : x > y ? 1 : 0
  })
}
