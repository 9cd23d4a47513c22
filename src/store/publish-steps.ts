/**
 * How does a table become a file that readers may trust? Step by step, each durable before the next:
 *
 *     1 check      rows sorted, keys unique, numbers real; else nothing was touched
 *     2 encode     Arrow, then Parquet, in memory
 *     3 write      <dataDir>/.tmp/<market>/<n>-<name>, O_EXCL, fsync
 *     4 verify     the file is read again and every value compared with what went in
 *     5 publish    link to the final name (a live part) or rename over it (a settled day), fsync its folder
 *     6 list       a line in the date's manifest, fdatasync
 *
 * A crash before 5 leaves a temp file that no glob meets and the next start sweeps. A crash between 5
 * and 6 leaves a complete file that the manifest does not know; publishing again finds equal bytes and
 * only lists it. So any prefix of the steps, followed by all of them, gives the same tree.
 *
 * Everything here is synchronous, because it runs on a thread of its own (`encoder-thread.ts`): a slow
 * disk then stops nothing but the next publication.
 */
import { hash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { RecordBatch } from 'apache-arrow'
import type { CandleColumns } from '../domain/candle.ts'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'
import type { ChainHead } from '../domain/event.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { MomentumColumns } from '../domain/momentum.ts'
import type { MarketDate } from '../domain/time.ts'
import {
  fileError,
  linkInto,
  makeDir,
  type Published,
  renameInto,
  sweepDir,
  syncDir,
  writeNewFile,
} from '../platform/durable.ts'
import { candleBatch, encodeInstruments, type InstrumentTexts, momentumBatch } from './arrow.ts'
import { checkCandles, checkMomentum } from './check.ts'
import { encodeParquet, type Metadata, verifyParquet } from './encode.ts'
import {
  type DayFile,
  isReplaceable,
  type LakeDay,
  type MomentumFile,
  type PartFile,
  pathOf,
  type ReportFile,
  tempDir,
} from './lake.ts'
import { type ManifestEntry, ManifestLog } from './manifest.ts'
import { checkUnique, rankSymbols } from './order.ts'
import { CANDLE_SCHEMA_NAME, MOMENTUM_SCHEMA_NAME } from './schema.ts'

export type PublishFacts = {
  /** The journal entries that the content was folded from. */
  readonly journalFromSeq?: number
  readonly journalToSeq: number
  readonly revision?: number
  readonly chainHead?: ChainHead
}

/** What to publish. Metadata goes into the Parquet file, so it must be the same at every repetition. */
export type PublishRequest = PublishFacts &
  (
    | { readonly file: PartFile | DayFile; readonly columns: CandleColumns; readonly metadata?: Metadata }
    | { readonly file: MomentumFile; readonly columns: MomentumColumns; readonly metadata?: Metadata }
    /** A JSON value; its members are written in the order in which they stand. */
    | { readonly file: ReportFile; readonly report: object }
  )

export type PublishedFile = {
  /** Relative to the data directory. */
  readonly path: string
  /** Null where a live minute had no rows: it is listed, and there is no file. */
  readonly sha256: string | null
  readonly sizeBytes: number
  readonly rowCount: number
  /** 'same': it was published before with equal bytes. */
  readonly outcome: Published
}

type Content = {
  readonly bytes: Uint8Array
  readonly rowCount: number
  readonly minTs: number | null
  readonly maxTs: number | null
  /** Throws unless the bytes of the file read back as what went in. */
  readonly verify: (bytes: Buffer) => void
}

export class FilePublisher {
  readonly #dataDir: string
  readonly #market: string
  readonly #note: (text: string) => void
  readonly #manifests = new Map<MarketDate, ManifestLog>()
  readonly #dirs = new Set<string>()
  #texts: InstrumentTexts = encodeInstruments([])
  #ranks: Int32Array = rankSymbols([])
  #tempCount = 0

  /** Sweeps what a crash left in the market's temp folder: there must be no other publisher for it. */
  constructor(dataDir: string, market: string, note: (text: string) => void) {
    this.#dataDir = dataDir
    this.#market = market
    this.#note = note
    const dir = join(dataDir, tempDir(market))
    try {
      makeDir(dir)
      sweepDir(dir)
    } catch (error) {
      throw fileError('preparing', dir, error)
    }
  }

  setInstruments(instruments: readonly Instrument[]): void {
    checkUnique(instruments)
    this.#ranks = rankSymbols(instruments)
    this.#texts = encodeInstruments(instruments)
  }

  /** Runs all steps. Throws an OperatingError; after one, the same call may be made again. */
  publish(request: PublishRequest): PublishedFile {
    const { file } = request
    const path = pathOf(file)
    if (file.day.market !== this.#market) throw new Error(`${path} is not of the market ${this.#market}`)
    try {
      const manifest = this.#manifestOf(file.day)
      const content = isEmptyMinute(request) ? null : this.#contentOf(request)
      const entry = entryOf(path, request, content)
      const listed = manifest.entryOf(path)
      if (!isReplaceable(file) && listed !== undefined && listed.sha256 !== entry.sha256) {
        throw conflict(path, `the manifest lists it with ${listed.rows} rows and other bytes`)
      }
      const outcome =
        content === null ? this.#leaveEmpty(path, listed) : this.#place(path, content, isReplaceable(file))
      manifest.append(entry)
      return { path, sha256: entry.sha256, sizeBytes: entry.bytes, rowCount: entry.rows, outcome }
    } catch (error) {
      throw publishError(join(this.#dataDir, path), error)
    }
  }

  end(): void {
    for (const manifest of this.#manifests.values()) manifest.end()
    this.#manifests.clear()
  }

  #manifestOf(day: LakeDay): ManifestLog {
    const known = this.#manifests.get(day.date)
    if (known !== undefined) return known
    const manifest = new ManifestLog(this.#dataDir, day, this.#note)
    this.#manifests.set(day.date, manifest)
    return manifest
  }

  #contentOf(request: PublishRequest): Content {
    if ('report' in request) {
      const bytes = Buffer.from(`${JSON.stringify(request.report, null, 2)}\n`)
      return { bytes, rowCount: 0, minTs: null, maxTs: null, verify: () => {} }
    }
    const { columns, metadata } = request
    const batch = this.#batchOf(request)
    const schema = request.file.kind === 'momentum' ? MOMENTUM_SCHEMA_NAME : CANDLE_SCHEMA_NAME
    const [minTs, maxTs] = extremesOf(columns.timestampMs, columns.rowCount)
    return {
      bytes: encodeParquet(batch, { ...metadata, schema }),
      rowCount: columns.rowCount,
      minTs,
      maxTs,
      verify: (bytes) => verifyParquet(bytes, batch),
    }
  }

  #batchOf(request: Exclude<PublishRequest, { readonly file: ReportFile }>): RecordBatch {
    if (isMomentum(request)) {
      checkMomentum(request.columns, this.#ranks)
      return momentumBatch(request.columns, this.#texts)
    }
    checkCandles(request.columns, this.#ranks)
    return candleBatch(request.columns, this.#texts)
  }

  #place(path: string, content: Content, replace: boolean): Published {
    const final = join(this.#dataDir, path)
    this.#makeDirOnce(dirname(final))
    if (replace && existsSync(final) && readFileSync(final).equals(content.bytes)) {
      syncDir(dirname(final))
      return 'same'
    }
    this.#tempCount += 1
    const temp = join(this.#dataDir, tempDir(this.#market), `${this.#tempCount}-${basename(final)}`)
    try {
      writeNewFile(temp, content.bytes)
      const written = readFileSync(temp)
      if (!written.equals(content.bytes)) throw new Error('the disk gave back other bytes than were written')
      content.verify(written)
      if (!replace) return linkInto(temp, final)
      renameInto(temp, final)
      return 'new'
    } catch (error) {
      removeTemp(temp)
      throw error
    }
  }

  #makeDirOnce(dir: string): void {
    if (this.#dirs.has(dir)) return
    makeDir(dir)
    this.#dirs.add(dir)
  }

  #leaveEmpty(path: string, listed: ManifestEntry | undefined): Published {
    if (existsSync(join(this.#dataDir, path)))
      throw conflict(path, 'the minute has no rows, yet a file exists')
    return listed === undefined ? 'new' : 'same'
  }
}

type MomentumRequest = Extract<PublishRequest, { readonly file: MomentumFile }>

function isMomentum(request: PublishRequest): request is MomentumRequest {
  return request.file.kind === 'momentum'
}

/** A minute without rows is listed and has no file; a settled day without rows is a file. */
function isEmptyMinute({ file, ...request }: PublishRequest): boolean {
  return (
    (file.kind === 'part' || file.kind === 'momentum') &&
    'columns' in request &&
    request.columns.rowCount === 0
  )
}

function entryOf(path: string, request: PublishRequest, content: Content | null): ManifestEntry {
  return {
    path,
    kind: request.file.kind,
    sha256: content === null ? null : hash('sha256', content.bytes, 'hex'),
    bytes: content?.bytes.byteLength ?? 0,
    rows: content?.rowCount ?? 0,
    minTs: content?.minTs ?? null,
    maxTs: content?.maxTs ?? null,
    ...(request.journalFromSeq === undefined ? {} : { journalFromSeq: request.journalFromSeq }),
    journalToSeq: request.journalToSeq,
    ...(request.revision === undefined ? {} : { revision: request.revision }),
    ...(request.chainHead === undefined ? {} : { chainHead: request.chainHead }),
  }
}

function extremesOf(values: Float64Array, count: number): readonly [number | null, number | null] {
  if (count === 0) return [null, null]
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let row = 0; row < count; row++) {
    const value = values[row]!
    if (value < min) min = value
    if (value > max) max = value
  }
  return [min, max]
}

function conflict(path: string, reason: string): OperatingError {
  return new OperatingError(
    `publishing ${path}: ${reason}; nothing was overwritten, run \`chandler verify\` and replay the date`,
    { code: 'PUBLISH_CONFLICT' },
  )
}

/** Frees the space at once, which a full disk needs; if it cannot, the sweep of the next start does. */
function removeTemp(temp: string): void {
  try {
    rmSync(temp, { force: true })
  } catch (error) {
    if (systemCodeOf(error) === '') throw error
  }
}

function publishError(path: string, error: unknown): OperatingError {
  if (error instanceof OperatingError) return error
  if (systemCodeOf(error) !== '') return fileError('publishing', path, error)
  return new OperatingError(
    `publishing ${path}: ${messageOf(error)}; nothing was published, replay the date and report this`,
    { code: 'PARQUET_INVALID', cause: error },
  )
}
