/**
 * What may this key ask for? The vendor says so only by refusing, and each refusal costs one of few permits;
 * so refusals are remembered, across runs too, and doubted after a week: a key that was upgraded meanwhile is
 * noticed with one request.
 *
 *     jobs/us/entitlements.json   {"schema":…,"refused":{"TIME_SERIES_DAILY full":1790000000000}}
 */
import { join } from 'node:path'
import type { BatchFunction, BatchWish } from '../domain/batch.ts'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import { DAY_MS, type UnixMs } from '../domain/time.ts'
import { fileError, makeDir, removeDir, renameInto, writeNewFile } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'

const DOUBTED_AFTER_MS = 7 * DAY_MS
const ADJUSTED: BatchFunction = 'TIME_SERIES_DAILY_ADJUSTED'
const PLAIN: BatchFunction = 'TIME_SERIES_DAILY'
const SCHEMA = 'chandler.entitlements.v1'
const NAME = 'entitlements.json'

/** One answer's worth of asking, whatever the symbol. */
export type Asking = Pick<BatchWish, 'function' | 'variant'>

export class Entitlements {
  readonly #dir: string
  /** Asking -> when it was refused. */
  readonly #refusedMs: Map<string, number>

  /** Throws LAKE_NEWER, or DIR_UNUSABLE for a file that cannot be read. */
  constructor(dir: string) {
    this.#dir = dir
    this.#refusedMs = new Map(Object.entries(readRefused(join(dir, NAME))))
  }

  /** False where the vendor refused it within the last week. */
  mayAsk(asking: Asking, nowMs: UnixMs): boolean {
    const refusedMs = this.#refusedMs.get(keyOf(asking))
    // A refusal of another day's future was written by a clock that was wrong.
    return refusedMs === undefined || nowMs < refusedMs - DAY_MS || nowMs - refusedMs >= DOUBTED_AFTER_MS
  }

  /** Durable when it returns. */
  refuse(asking: Asking, nowMs: UnixMs): void {
    this.#refusedMs.set(keyOf(asking), nowMs)
    this.#write()
  }

  /** Durable when it returns; cheap where nothing was known against it. */
  grant(asking: Asking): void {
    if (this.#refusedMs.delete(keyOf(asking))) this.#write()
  }

  #write(): void {
    const temp = join(this.#dir, `.${NAME}.new`)
    const file = { schema: SCHEMA, refused: Object.fromEntries([...this.#refusedMs].sort()) }
    try {
      makeDir(this.#dir)
      removeDir(temp)
      writeNewFile(temp, Buffer.from(`${JSON.stringify(file)}\n`))
      renameInto(temp, join(this.#dir, NAME))
    } catch (error) {
      throw fileError('remembering what the key may ask for in', this.#dir, error)
    }
  }
}

/** Of plain daily prices the whole history is a right of its own; other functions are had or not had. */
function keyOf({ function: name, variant }: Asking): string {
  return name === PLAIN ? `${name} ${variant}` : name
}

function readRefused(path: string): Readonly<Record<string, number>> {
  let file: { readonly schema?: unknown; readonly refused?: Readonly<Record<string, number>> }
  try {
    file = JSON.parse(readTextFile(path)) as typeof file
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return {}
    throw fileError('reading', path, error)
  }
  if (file.schema === SCHEMA) return file.refused ?? {}
  throw new OperatingError(
    `reading ${path}: its schema is ${JSON.stringify(file.schema)}, which this version does not know; ` +
      'use the version that wrote it, or remove the file: it is learned again',
    { code: 'LAKE_NEWER' },
  )
}

/** How the daily history of a symbol is had: adjusted by the vendor, or in parts that we adjust ourselves. */
export type DailyWay = 'adjusted' | 'parts'

export type DailyPlan = { readonly way: DailyWay; readonly size: 'compact' | 'full' }

/** The best that may be asked for; the wanted size where it may be had. */
export function dailyPlan(rights: Entitlements, wanted: 'compact' | 'full', nowMs: UnixMs): DailyPlan {
  const sizes = wanted === 'full' ? (['full', 'compact'] as const) : (['compact'] as const)
  // The whole history as traded is worth more than the last hundred days adjusted: we adjust it ourselves.
  for (const size of sizes) {
    if (rights.mayAsk({ function: ADJUSTED, variant: size }, nowMs)) return { way: 'adjusted', size }
    if (rights.mayAsk({ function: PLAIN, variant: size }, nowMs)) return { way: 'parts', size }
  }
  return { way: 'parts', size: 'compact' }
}

/**
 * In the order in which they are asked. Where the vendor adjusts, prices come first and say most. Where we
 * do, splits and dividends come first: prices that are kept without them would pass for adjusted ones.
 */
export function dailyWishes(
  symbol: string,
  { way, size }: DailyPlan,
  withActions: boolean,
): readonly BatchWish[] {
  const prices = way === 'adjusted' ? ADJUSTED : PLAIN
  const wishOf = (name: BatchFunction, variant: string): BatchWish => {
    return { function: name, symbol, variant, format: 'csv' }
  }
  const actions = [wishOf('SPLITS', ''), wishOf('DIVIDENDS', '')]
  if (way === 'parts') return [...actions, wishOf(prices, size)]
  return [wishOf(prices, size), ...(withActions ? actions : [])]
}
