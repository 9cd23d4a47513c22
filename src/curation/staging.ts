/**
 * What did the vendor say, in types? One hour of raw answers becomes up to four files: bars of days, bars of
 * five minutes, splits and dividends, and the list of the answers themselves with what became of each. The
 * list is published last and carries the hour's digest: where it stands, the hour is staged.
 *
 * Nothing is judged here. A row that the venue could read is kept as it is, a partial bar or a wrong price
 * too, so that judging can be done again from staging.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  ACTION_BLOCK_SQL,
  ActionBlock,
  type AnswerFact,
  CANDLE_BLOCK_SQL,
  CandleBlock,
  readAnswer,
} from './answer-rows.ts'
import type { Batch } from './batches.ts'
import type { CurationInput } from './curation-input.ts'
import { type Engine, quoted } from './engine.ts'
import { FREQUENCIES, type Frequency, groupOf, type StagedKind, stagedPath } from './layout.ts'
import type { LakePublisher } from './publisher.ts'
import { type Schema, STAGED_ACTIONS, STAGED_ANSWERS, STAGED_CANDLES } from './schema.ts'

/** Rows held as JavaScript numbers before they go to DuckDB: some 10 MB. */
const BLOCK_ROWS = 65_536

export type StagedCount = { readonly answerCount: number; readonly rowCount: number }

/** Null where the hour is staged already, with these very answers. */
export async function stageBatch(
  engine: Engine,
  publisher: LakePublisher,
  input: CurationInput,
  batch: Batch,
): Promise<StagedCount | null> {
  if (await isStaged(engine, input, batch)) return null
  await engine.run(`create or replace temp table candle_rows ${CANDLE_BLOCK_SQL}`)
  await engine.run(`create or replace temp table action_rows ${ACTION_BLOCK_SQL}`)
  const facts = await readAll(engine, input, batch)
  await listAnswers(engine, facts)
  const rowCount = await publishBatch(engine, publisher, input.market, batch)
  await engine.drop('candle_rows', 'action_rows', 'answer_list', 'answer_facts')
  return { answerCount: facts.length, rowCount }
}

async function isStaged(engine: Engine, { dataDir, market }: CurationInput, batch: Batch): Promise<boolean> {
  const path = join(dataDir, stagedPath(market, 'answers', batch.name))
  if (!existsSync(path)) return false
  const rows = await engine.rows(
    `select decode(value) as v from parquet_kv_metadata(${quoted(path)}) where decode(key) = 'chandler'`,
  )
  const metadata: unknown = JSON.parse(String(rows[0]?.v ?? 'null'))
  return typeof metadata === 'object' && (metadata as { digest?: string } | null)?.digest === batch.digest
}

async function readAll(engine: Engine, input: CurationInput, batch: Batch): Promise<readonly AnswerFact[]> {
  const facts: AnswerFact[] = []
  let sink = { candles: new CandleBlock(), actions: new ActionBlock() }
  const handOn = async (): Promise<void> => {
    if (sink.candles.rowCount > 0) await engine.append('candle_rows', sink.candles.columns())
    if (sink.actions.rowCount > 0) await engine.append('action_rows', sink.actions.columns())
    sink = { candles: new CandleBlock(), actions: new ActionBlock() }
  }
  for (const answer of batch.answers) {
    facts.push(readAnswer(input.venue, answer, input.readBody(answer), facts.length, sink))
    if (sink.candles.rowCount + sink.actions.rowCount >= BLOCK_ROWS) await handOn()
  }
  await handOn()
  return facts
}

async function listAnswers(engine: Engine, facts: readonly AnswerFact[]): Promise<void> {
  await engine.run(
    `create or replace temp table answer_list (answer integer, source_file varchar, symbol varchar,
       "function" varchar, variant varchar, fetched_at double, outcome varchar, message varchar,
       stamp_convention varchar, symbol_group integer)`,
  )
  const text = (of: (fact: AnswerFact) => string | null) => ({ kind: 'utf8' as const, values: facts.map(of) })
  await engine.append('answer_list', [
    { kind: 'int32', values: facts.map((_, at) => at) },
    text(({ answer }) => answer.path),
    text(({ answer }) => answer.wish.symbol),
    text(({ answer }) => answer.wish.function),
    text(({ answer }) => answer.wish.variant),
    { kind: 'double', values: facts.map(({ answer }) => answer.fetchedAtMs) },
    text(({ outcome }) => outcome),
    text(({ message }) => message),
    text(({ convention }) => (convention === '' ? null : convention)),
    { kind: 'int32', values: facts.map(({ answer }) => groupOf(answer.wish.symbol)) },
  ])
  await engine.make(
    'answer_facts',
    `select l.* replace (l.fetched_at::bigint as fetched_at), coalesce(n, 0)::integer as row_count,
       first_at, last_at
     from answer_list l left join (
       select answer, count(*) as n,
         min(minute) * 60000::bigint as first_at, max(minute) * 60000::bigint as last_at
       from (select answer, minute from candle_rows union all select answer, minute from action_rows)
       group by answer) r using (answer)`,
  )
}

async function publishBatch(
  engine: Engine,
  publisher: LakePublisher,
  market: string,
  batch: Batch,
): Promise<number> {
  let rowCount = 0
  for (const frequency of FREQUENCIES) {
    rowCount += await publishRows(
      engine,
      publisher,
      STAGED_CANDLES,
      candleSql(frequency),
      market,
      frequency.name,
      batch,
    )
  }
  rowCount += await publishRows(engine, publisher, STAGED_ACTIONS, ACTION_SQL, market, 'actions', batch)
  const path = stagedPath(market, 'answers', batch.name)
  const metadata = { answers: batch.answers.length, digest: batch.digest }
  await publisher.publish(STAGED_ANSWERS, 'answer_facts', [{ path, where: 'true', metadata }])
  return rowCount
}

async function publishRows(
  engine: Engine,
  publisher: LakePublisher,
  schema: Schema,
  select: string,
  market: string,
  kind: StagedKind,
  batch: Batch,
): Promise<number> {
  await engine.name('staged', select)
  const rowCount = await engine.count('select count(*) from staged')
  if (rowCount > 0)
    await publisher.publish(schema, 'staged', [{ path: stagedPath(market, kind, batch.name), where: 'true' }])
  return rowCount
}

/** Bars of another width than ours are not staged; their answers are listed with their rows. */
function candleSql({ barMs }: Frequency): string {
  return `select symbol, minute * 60000::bigint as timestamp, r.* exclude (answer, frequency, minute),
            stamp_convention, source_file, fetched_at, symbol_group
          from candle_rows r join answer_facts using (answer) where frequency = ${barMs / 60_000}`
}

const ACTION_SQL = `select symbol, minute * 60000::bigint as timestamp,
    case when is_split = 1 then 'split' else 'dividend' end as kind,
    value, source_file, fetched_at, symbol_group
  from action_rows join answer_facts using (answer)`
