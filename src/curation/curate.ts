/**
 * How do kept answers become history that people query? Raw answers -> staging (what the vendor said, typed)
 * -> analytics (what we hold to be true). Both are functions of the raw answers alone; see FORMAT.md.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { publishDaily } from './adjust.ts'
import { type Batch, batchesOf, foldedBatch, planFold } from './batches.ts'
import { foldClaims } from './claims.ts'
import type { CurationInput, CurationReport } from './curation-input.ts'
import { Engine, parquet } from './engine.ts'
import {
  forgetFindings,
  noteFindings,
  openFindings,
  publishFindings,
  publishRestatements,
} from './findings.ts'
import { foldRows, publishIntraday, publishVintages } from './fold.ts'
import { type FoldContext, heldSlots, lateOf, unitOf, unitSql, wholeSlots } from './fold-context.ts'
import { judgeRows } from './judge.ts'
import {
  actionsPath,
  claimsPath,
  curationTempDir,
  DAILY,
  FIVE_MINUTES,
  type Frequency,
  groupOf,
  markerPath,
  UNIT_COUNT,
} from './layout.ts'
import { type Marker, markerJson, readMarker } from './marker.ts'
import { LakePublisher } from './publisher.ts'
import { ACTIONS, CLAIMS, emptySql, fromFileSql, type Schema } from './schema.ts'
import { stageBatch } from './staging.ts'

export type { AnswerReaders, CurationInput, CurationLimits, CurationReport } from './curation-input.ts'

/**
 * Brings staging and analytics up to what the raw answers say. May be called as often as one likes: with
 * nothing new it writes nothing. The caller holds the market's lock. After a kill at any step, the next call
 * leaves the same tree as an undisturbed one.
 *
 * Throws LAKE_NEWER when a newer version of this program wrote the lake, DISK_FULL, DIR_UNUSABLE,
 * PARQUET_INVALID when a file of the lake cannot be read, VERIFY_FAILED for a marker that is not ours, and
 * BATCH_FAILED when there is too little memory.
 */
export async function curate(input: CurationInput): Promise<CurationReport> {
  const { dataDir, market, limits = {} } = input
  const marker = readMarker(dataDir, market)
  const engine = await Engine.open(
    join(dataDir, curationTempDir(market)),
    limits.memoryBytesMax ?? MEMORY_BYTES_MAX,
    limits.threadCount ?? THREAD_COUNT,
  )
  try {
    const publisher = new LakePublisher(engine, dataDir, market)
    const batches = batchesOf(input.answers, input.zone)
    const staged = await stageAll(engine, publisher, input, batches)
    const folded = await foldAll(engine, publisher, input, batches, marker)
    return { staged, ...folded, files: publisher.files }
  } finally {
    engine.end()
  }
}

const MEMORY_BYTES_MAX = 512 * 1024 * 1024
const THREAD_COUNT = 2

type Staged = CurationReport['staged']
type Folded = Omit<CurationReport, 'staged' | 'files'>

async function stageAll(
  engine: Engine,
  publisher: LakePublisher,
  input: CurationInput,
  batches: readonly Batch[],
): Promise<Staged> {
  let [batchCount, answerCount, rowCount] = [0, 0, 0]
  for (const batch of batches) {
    const count = await stageBatch(engine, publisher, input, batch)
    if (count === null) continue
    batchCount += 1
    answerCount += count.answerCount
    rowCount += count.rowCount
    input.log.info('staged an hour of answers', { hour: batch.name, answers: count.answerCount })
  }
  return { batchCount, answerCount, rowCount }
}

async function foldAll(
  engine: Engine,
  publisher: LakePublisher,
  input: CurationInput,
  batches: readonly Batch[],
  marker: Marker,
): Promise<Folded> {
  const { dataDir, market } = input
  const plan = planFold(batches, marker.batches)
  const lateGroups = wholeSlots(plan.lateGroups)
  const context: FoldContext = {
    engine,
    publisher,
    input,
    pending: plan.pending.map(({ name }) => name),
    unitCount: isSmall(plan.pending, lateGroups) ? 1 : UNIT_COUNT,
    batches: batches.map(({ name }) => name),
    lateGroups,
    held: {
      candles: heldSlots(dataDir, market, 'candles'),
      vintages: heldSlots(dataDir, market, 'vintages'),
    },
  }
  await openTable(engine, dataDir, 'claims', CLAIMS, claimsPath(market))
  await openTable(engine, dataDir, 'actions', ACTIONS, actionsPath(market))
  await openFindings(engine, dataDir, market)
  await forgetFindings(engine, lateGroups)
  const hasWork = plan.pending.length > 0 || marker.underway
  if (hasWork) publisher.publishJson(markerPath(market), markerJson({ ...marker, underway: true }))
  if (lateGroups.size > 0) input.log.warn('answers came late; their groups are folded from the start')
  const counts = { newCount: 0, restatedCount: 0, readjustedSymbolCount: 0 }
  for (const unit of unitsOf(context, plan.pending)) await foldUnit(context, unit, marker.underway, counts)
  return finish(context, batches, counts, hasWork)
}

type Counts = { newCount: number; restatedCount: number; readjustedSymbolCount: number }

/** Few symbols are folded at once: sixteen parts of next to nothing would only take sixteen times as long. */
function isSmall(pending: readonly Batch[], lateGroups: ReadonlySet<number>): boolean {
  const answerCount = pending.reduce((sum, { answers }) => sum + answers.length, 0)
  return answerCount <= 2 * UNIT_COUNT && lateGroups.size <= 2 * UNIT_COUNT
}

/** Parts of the lake that the new answers concern. */
function unitsOf(context: FoldContext, pending: readonly Batch[]): readonly number[] {
  const units = new Set([...context.lateGroups].map((group) => unitOf(context, group)))
  for (const { answers } of pending) {
    for (const { wish } of answers) units.add(unitOf(context, groupOf(wish.symbol)))
  }
  return [...units].toSorted((a, b) => a - b)
}

async function foldUnit(context: FoldContext, unit: number, resumed: boolean, counts: Counts): Promise<void> {
  const { engine } = context
  const isLate = lateOf(context, unit).length > 0
  await judgeRows(context, DAILY, unit)
  const loaded = await foldRows(context, DAILY, unit)
  await foldClaims(context, unit)
  await noteFindings(context, DAILY)
  await publishVintages(context, DAILY)
  counts.readjustedSymbolCount += await publishDaily(context, unit, loaded, resumed || isLate)
  await countChanges(engine, counts)
  await takeOver(context, unit)
  await foldIntraday(context, FIVE_MINUTES, unit, counts)
  await engine.drop(
    'judged',
    'good',
    'held_candles',
    'held_vintages',
    'candles_next',
    'vintages_next',
    'runs',
  )
}

async function foldIntraday(
  context: FoldContext,
  frequency: Frequency,
  unit: number,
  counts: Counts,
): Promise<void> {
  await judgeRows(context, frequency, unit)
  if ((await context.engine.count('select count(*) from judged')) === 0) return
  await foldRows(context, frequency, unit)
  await noteFindings(context, frequency)
  await publishVintages(context, frequency)
  await publishIntraday(context, frequency)
  await countChanges(context.engine, counts)
}

async function countChanges(engine: Engine, counts: Counts): Promise<void> {
  counts.newCount += await engine.count('select count(*) from changed where not was_held')
  counts.restatedCount += await engine.count('select count(*) from changed where was_held')
}

/** What the unit has worked out takes the place of what was held of its symbols. */
async function takeOver(context: FoldContext, unit: number): Promise<void> {
  const { engine } = context
  await engine.run('delete from claims where symbol in (select symbol from unit_symbols)')
  await engine.run('insert into claims by name from claims_next')
  await engine.run(`delete from actions where ${unitSql(context, unit)}`)
  await engine.run('insert into actions by name from actions_next')
}

/** Actions and reports come after the candles, and the marker that says so comes last of all. */
async function finish(
  context: FoldContext,
  batches: readonly Batch[],
  { readjustedSymbolCount, ...candles }: Counts,
  hasWork: boolean,
): Promise<Folded> {
  const { publisher, input } = context
  const { dataDir, market } = input
  if (hasWork) {
    await publisher.publish(CLAIMS, 'claims', [{ path: claimsPath(market), where: 'true' }])
    await publisher.publish(ACTIONS, 'actions', [{ path: actionsPath(market), where: 'true' }])
  }
  const findings = await publishFindings(context, hasWork)
  const restatementCount = await publishRestatements(context, heldSlots(dataDir, market, 'vintages'), hasWork)
  if (hasWork) {
    const folded = batches.map(foldedBatch)
    publisher.publishJson(markerPath(market), markerJson({ underway: false, batches: folded }))
  }
  return { candles, readjustedSymbolCount, findings, restatementCount }
}

async function openTable(
  engine: Engine,
  dataDir: string,
  table: string,
  schema: Schema,
  path: string,
): Promise<void> {
  const held = existsSync(join(dataDir, path))
  await engine.make(
    table,
    held ? `select ${fromFileSql(schema)} from ${parquet(dataDir, [path])}` : emptySql(schema),
  )
}
