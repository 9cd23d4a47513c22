/**
 * What looked wrong? Two sorts of findings, in one list. Those about answers and rows are remembered with
 * their first sighting (the same bad row comes again every day, and is told once). Those about what we hold
 * now, disagreements over splits, dividends and adjustment, are worked out anew from the claims at every run,
 * so one that the vendor has put right is gone.
 *
 * `findings.json` and `restatements.json` are the reports for people: counts of all, and the newest in full;
 * the whole lists are in Parquet beside them.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { NEUTRAL_SQL } from './claims.ts'
import { type Engine, parquet, type Row } from './engine.ts'
import { type FoldContext, slotsSql } from './fold-context.ts'
import { DAILY, FREQUENCIES, type Frequency, findingsPath, reportPath } from './layout.ts'
import type { LakePublisher } from './publisher.ts'
import { emptySql, FINDINGS, fromFileSql, VINTAGES } from './schema.ts'

/** Entries of a report for people; the counts are of all. */
const LISTED_MAX = 1_000

const MOMENT_SQL = `strftime(make_timestamp("timestamp" * 1000), '%Y-%m-%dT%H:%MZ')`

export async function openFindings(engine: Engine, dataDir: string, market: string): Promise<void> {
  const path = findingsPath(market)
  const held = existsSync(join(dataDir, path))
    ? `select ${fromFileSql(FINDINGS)} from ${parquet(dataDir, [path])}`
    : emptySql(FINDINGS)
  await engine.make('findings', `from (${held}) where kind not in (${HELD_KINDS})`)
}

/** Forgets what was seen in groups that are folded again from the start. */
export async function forgetFindings(engine: Engine, groups: ReadonlySet<number>): Promise<void> {
  if (groups.size > 0)
    await engine.run(`delete from findings where symbol_group in (${[...groups].join(', ')})`)
}

/** Notes what was wrong with the unit's new answers and rows. Wants `asked`, `judged`, the folded tables. */
export async function noteFindings(context: FoldContext, frequency: Frequency): Promise<void> {
  const { engine } = context
  const name = `'${frequency.name}' as frequency`
  await engine.run(
    `insert into findings by name
     select 'bad_row' as kind, symbol, ${name}, "timestamp", flaw as detail, source, fetched_at, symbol_group
     from judged where flaw is not null and final`,
  )
  await engine.run(
    `insert into findings by name
     select 'future_row' as kind, symbol, ${name}, "timestamp", 'dated after the fetch' as detail,
       source, fetched_at, symbol_group
     from judged where is_future and not final`,
  )
  await engine.run(`insert into findings by name ${lostSql(name)}`)
  if (frequency === DAILY) await engine.run(`insert into findings by name ${ANSWERS_SQL}`)
}

function lostSql(name: string): string {
  return `with spans as (
      select source, symbol, symbol_group, fetched_at, max("timestamp") as last,
        case when bool_or(is_full) then 0 else min("timestamp") end as first
      from judged where flaw is null and final group by source, symbol, symbol_group, fetched_at),
    held as (
      select symbol, "timestamp", min(fetched_at) as since from (
        select symbol, "timestamp", fetched_at from candles_next
        union all select symbol, "timestamp", fetched_at from vintages_next) group by symbol, "timestamp")
    select 'lost_row' as kind, s.symbol, ${name}, h."timestamp",
      'the answer covers this time and lacks it; what we hold stays' as detail,
      s.source, s.fetched_at, s.symbol_group
    from spans s join held h on h.symbol = s.symbol and h."timestamp" between s.first and s.last
      and h.since < s.fetched_at
    anti join judged j on j.source = s.source and j.symbol = s.symbol and j."timestamp" = h."timestamp"`
}

/** No splits and no dividends are an ordinary answer; no candles are not. */
const ANSWERS_SQL = `select
    case when outcome = 'no_data' then 'empty_answer' else 'refused_answer' end as kind, symbol,
    case when "function" = 'TIME_SERIES_INTRADAY' then '5m' else '1d' end as frequency,
    null::bigint as "timestamp", "function" || ' ' || variant || ': ' || outcome || ', ' || message as detail,
    source_file as source, fetched_at, symbol_group
  from asked where outcome <> 'ok' and not (outcome = 'no_data' and "function" in ('SPLITS', 'DIVIDENDS'))
  union all
  select 'bad_row', symbol, '1d', "timestamp", 'a ' || kind || ' of ' || value,
    source_file, fetched_at, symbol_group
  from staged_actions
  where not (isfinite(value) and case when kind = 'split' then value > 0 else value >= 0 end)`

const HELD_KINDS = "'action_disagrees', 'action_withdrawn', 'adjustment_disagrees', 'dividend_above_price'"

/** Relative; and half of the last of 4 decimals, as vendors give them. */
const DIFFERS_SQL = 'abs(a.value - b.value) > 5.1e-5 + 1e-4 * greatest(abs(a.value), abs(b.value))'
/** How far the vendor's step may be from our factor: its adjusted prices are rounded too. */
const STEP_DIFFERENCE_MAX = 5e-4

const HELD_SQL = `with newest as (
    select * from claims
    qualify row_number() over (partition by symbol, "timestamp", kind, origin order by revision desc) = 1),
  covered as (
    select symbol, kind, max(confirmed_at) as covered_until from claims
    where origin <> 'DAILY_ADJUSTED' group by symbol, kind),
  dedicated as (from newest where origin <> 'DAILY_ADJUSTED'),
  told as (from newest where origin = 'DAILY_ADJUSTED' and kind <> 'adjustment'),
  steps as (from newest where kind = 'adjustment'),
  factors as (
    select distinct symbol, symbol_group, session as "timestamp", factor as value
    from actions where factor is not null)
  select 'action_disagrees' as kind, a.symbol, '1d' as frequency, a."timestamp",
    b.kind || ' of ' || b.value || ' in the daily row, '
      || a.value || ' in ' || a.origin || ', which holds' as detail,
    b.source, b.fetched_at, a.symbol_group
  from dedicated a join told b on b.symbol = a.symbol and b."timestamp" = a."timestamp" and b.kind = a.kind
  where ${DIFFERS_SQL}
  union all
  select 'action_disagrees', b.symbol, '1d', b."timestamp",
    kind || ' of ' || b.value || ' in the daily row is unknown to the answer about '
      || kind || 's, which holds',
    b.source, b.fetched_at, b.symbol_group
  from told b join covered c using (symbol, kind)
  anti join dedicated a on a.symbol = b.symbol and a."timestamp" = b."timestamp" and a.kind = b.kind
  where b.value <> ${NEUTRAL_SQL} and b."timestamp" + 86400000 <= c.covered_until
  union all
  select 'action_withdrawn', a.symbol, '1d', a."timestamp",
    a.kind || ' of ' || a.value || ' is not in the newest answer any more; it still holds',
    a.source, a.fetched_at, a.symbol_group
  from dedicated a join covered c using (symbol, kind) where a.confirmed_at < c.covered_until
  union all
  select 'adjustment_disagrees', b.symbol, '1d', b."timestamp",
    'the vendor''s adjusted close steps by ' || b.value || ', our factor is ' || coalesce(a.value, 1),
    b.source, b.fetched_at, b.symbol_group
  from steps b left join factors a on a.symbol = b.symbol and a."timestamp" = b."timestamp"
  where abs(b.value / coalesce(a.value, 1) - 1) > ${STEP_DIFFERENCE_MAX}
  union all
  select 'dividend_above_price', symbol, '1d', "timestamp",
    'a dividend of ' || dividend_amt || ' is not below the price before; it adjusts nothing',
    '', 0, symbol_group
  from actions where session is not null and dividend_amt > 0 and factor = 1 / split_coef`

const KEPT_SQL = `from findings
  qualify row_number() over (partition by kind, symbol, frequency, "timestamp",
                               case when "timestamp" is null then detail end
                             order by fetched_at, source, detail) = 1`

/** Publishes the list and the report; returns the counts by kind. */
export async function publishFindings(
  context: FoldContext,
  hasWork: boolean,
): Promise<Readonly<Record<string, number>>> {
  const { engine, publisher, input } = context
  await engine.make('findings', KEPT_SQL)
  await engine.run(`insert into findings by name ${HELD_SQL}`)
  const counts = await countsOf(engine, 'select kind as name, count(*) as n from findings group by kind')
  if (!hasWork) return counts
  await publisher.publish(FINDINGS, 'findings', [{ path: findingsPath(input.market), where: 'true' }])
  const listed = await engine.rows(
    `select kind, symbol, frequency, ${MOMENT_SQL} as at, detail, source, fetched_at from findings
     order by fetched_at desc, kind, symbol, frequency, "timestamp", source, detail limit ${LISTED_MAX}`,
  )
  publishReport(publisher, input.market, 'findings', counts, listed)
  return counts
}

/** Publishes which candles the vendor has restated; returns how many older vintages there are. */
export async function publishRestatements(
  context: FoldContext,
  held: FoldContext['held']['vintages'],
  hasWork: boolean,
): Promise<number> {
  const { engine, publisher, input } = context
  const parts = FREQUENCIES.map(
    (frequency) =>
      `select '${frequency.name}' as frequency, * exclude (era, slot)
       from (${slotsSql(context, VINTAGES, 'vintages', frequency, held.get(frequency.name)!)})`,
  )
  await engine.make('restated', parts.join(' union all '))
  const counts = await countsOf(
    engine,
    'select frequency as name, count(*) as n from restated group by frequency',
  )
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  if (!hasWork) return total
  const listed = await engine.rows(
    `select symbol, frequency, ${MOMENT_SQL} as at, revision,
       open, high, low, close, volume, source, fetched_at, superseded_at from restated
     order by superseded_at desc, symbol, frequency, "timestamp", revision limit ${LISTED_MAX}`,
  )
  publishReport(publisher, input.market, 'restatements', counts, listed)
  await engine.drop('restated')
  return total
}

async function countsOf(engine: Engine, sql: string): Promise<Readonly<Record<string, number>>> {
  const rows = await engine.rows(`select * from (${sql}) order by name`)
  return Object.fromEntries(rows.map(({ name, n }) => [String(name), Number(n)]))
}

function publishReport(
  publisher: LakePublisher,
  market: string,
  name: 'findings' | 'restatements',
  counts: Readonly<Record<string, number>>,
  rows: readonly Row[],
): void {
  const listed = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => [key, key.endsWith('ed_at') ? momentOf(value) : value]),
    ),
  )
  publisher.publishJson(reportPath(market, name), {
    schema: `chandler.us_${name}.v1`,
    counts,
    newest: listed,
  })
}

function momentOf(value: unknown): string | null {
  return value === null ? null : new Date(Number(value)).toISOString()
}
