/** What does folding one part of the lake need to know? Which answers are new, and which files there are. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { listNames } from '../platform/durable.ts'
import type { CurationInput } from './curation-input.ts'
import { type Engine, parquet } from './engine.ts'
import {
  type BatchName,
  FIVE_MINUTES,
  FREQUENCIES,
  type Frequency,
  type FrequencyName,
  GROUP_COUNT,
  type Slot,
  type StagedKind,
  slotOf,
  slotPath,
  slotRoot,
  stagedPath,
} from './layout.ts'
import type { LakePublisher } from './publisher.ts'
import { emptySql, fromFileSql, type Schema } from './schema.ts'

export type FoldContext = {
  readonly engine: Engine
  readonly publisher: LakePublisher
  readonly input: CurationInput
  readonly pending: readonly BatchName[]
  /** The lake is folded in this many parts, one after the other: memory stays in bounds. */
  readonly unitCount: number
  /** Every batch there is, the pending ones among them. */
  readonly batches: readonly BatchName[]
  /** Groups that are folded from all batches instead of from what is held; whole slots of every frequency. */
  readonly lateGroups: ReadonlySet<number>
  /** Files that stood in the lake at the start. */
  readonly held: Readonly<Record<'candles' | 'vintages', ReadonlyMap<FrequencyName, readonly Slot[]>>>
}

/** A slot of five minutes holds several groups: if one of them is folded again, all are. */
export function wholeSlots(groups: ReadonlySet<number>): ReadonlySet<number> {
  const slots = new Set([...groups].map((group) => slotOf(group, FIVE_MINUTES)))
  return new Set(allGroups().filter((group) => slots.has(slotOf(group, FIVE_MINUTES))))
}

function allGroups(): readonly number[] {
  return Array.from({ length: GROUP_COUNT }, (_, group) => group)
}

const SLOT_FILE = /^(\d{3})\.parquet$/

export function heldSlots(
  dataDir: string,
  market: string,
  kind: 'candles' | 'vintages',
): ReadonlyMap<FrequencyName, readonly Slot[]> {
  return new Map(
    FREQUENCIES.map((frequency) => {
      const root = join(dataDir, slotRoot(market, kind, frequency))
      const slots = listNames(root)
        .toSorted()
        .flatMap((era) =>
          listNames(join(root, era))
            .toSorted()
            .flatMap((name) => {
              const match = SLOT_FILE.exec(name)
              return match === null ? [] : [{ era, slot: Number(match[1]) }]
            }),
        )
      return [frequency.name, slots]
    }),
  )
}

/** Groups that follow each other: staging is sorted by group, so a unit reads its own row groups only. */
export function unitOf({ unitCount }: FoldContext, group: number): number {
  return Math.floor((group * unitCount) / GROUP_COUNT)
}

export function unitSql({ unitCount }: FoldContext, unit: number): string {
  const width = GROUP_COUNT / unitCount
  return `symbol_group between ${unit * width} and ${(unit + 1) * width - 1}`
}

export function lateOf(context: FoldContext, unit: number): readonly number[] {
  return [...context.lateGroups].filter((group) => unitOf(context, group) === unit)
}

/** SQL of the staged rows that a unit has to fold: the new ones, and all of the groups that came late. */
export function stagedSql(context: FoldContext, schema: Schema, kind: StagedKind, unit: number): string {
  const { dataDir, market } = context.input
  const late = lateOf(context, unit)
  const existing = (names: readonly BatchName[]): readonly string[] =>
    names.map((name) => stagedPath(market, kind, name)).filter((path) => existsSync(join(dataDir, path)))
  const inLate = late.length === 0 ? 'false' : `symbol_group in (${late.join(', ')})`
  const parts: string[] = []
  const fresh = existing(context.pending)
  if (fresh.length > 0) {
    parts.push(
      `select ${fromFileSql(schema)} from ${parquet(dataDir, fresh)}
       where ${unitSql(context, unit)} and not (${inLate})`,
    )
  }
  const all = late.length === 0 ? [] : existing(context.batches)
  if (all.length > 0)
    parts.push(`select ${fromFileSql(schema)} from ${parquet(dataDir, all)} where ${inLate}`)
  return parts.length === 0 ? emptySql(schema) : parts.join(' union all ')
}

/** SQL of the rows of some files of the grid, with their era and slot. */
export function slotsSql(
  context: FoldContext,
  schema: Schema,
  kind: 'candles' | 'vintages',
  frequency: Frequency,
  slots: readonly Slot[],
): string {
  const { dataDir, market } = context.input
  const place = `${frequency.eraSql('"timestamp"')} as era`
  if (slots.length === 0) return `select *, ${place}, 0 as slot from (${emptySql(schema)})`
  const paths = slots.map((at) => slotPath(market, kind, frequency, at))
  return `select *, ${place}
          from (select ${fromFileSql(schema)}, parse_filename(filename, true)::integer as slot
                from ${parquet(dataDir, paths)})`
}

/** Eras in the order of time. */
export function eraRank(era: string): string {
  return era.startsWith('to-') ? '' : era
}

export function slotKey({ era, slot }: Slot): string {
  return `${era}/${slot}`
}

/** Eras and slots of a query, in a fixed order. */
export async function slotsOf({ engine }: FoldContext, select: string): Promise<readonly Slot[]> {
  const rows = await engine.rows(`select era, slot from (${select}) order by era, slot`)
  return rows.map((row) => ({ era: String(row.era), slot: Number(row.slot) }))
}

export function whereOf({ era, slot }: Slot): string {
  return `era = '${era}' and slot = ${slot}`
}
