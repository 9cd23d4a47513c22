/**
 * What does the day's journal say so far, to somebody who only looks? The answer is a fold of its entries,
 * and folding a day of 20 M ticks takes seconds: so it begins at the worker's checkpoint where that one can
 * be used, and goes on, look after look, where it stopped. Nothing is repaired and nothing is waited for; a
 * worker may write meanwhile. Without a checkpoint, or with damage behind it, everything is read, and the
 * answer is the same.
 */
import { statSync } from 'node:fs'
import { CandleFold } from '../candles/fold.ts'
import type { MarketDate } from '../domain/time.ts'
import { isIn, type JournalPlace, placeIn } from '../journal/place.ts'
import { listSegments, loadSegment } from '../journal/segments.ts'
import { StateReader } from '../platform/saved-state.ts'
import { readCheckpoint } from './checkpoint.ts'
import { foldJournal } from './fold-journal.ts'
import { venue } from './india-day.ts'

export type DayLook = {
  readonly fold: CandleFold
  readonly lastSeq: number
  readonly sizeBytes: number
  readonly segmentCount: number
}

type Begun = { readonly fold: CandleFold; readonly place: JournalPlace | undefined }

export class DayReading {
  readonly #dir: string
  readonly #date: MarketDate
  #begun: Begun | null = null
  #look: DayLook | null = null

  /** `dir` is the journal's, of the session `date`. */
  constructor(dir: string, date: MarketDate) {
    this.#dir = dir
    this.#date = date
  }

  /** Throws what reading a journal throws; the next look begins anew. */
  look(): DayLook {
    const size = sizeOfJournal(this.#dir)
    const known = this.#look
    if (known !== null && known.sizeBytes === size.sizeBytes && known.segmentCount === size.segmentCount) {
      return known
    }
    const begun = this.#goOn() ?? this.#fromCheckpoint() ?? { fold: newFold(), place: undefined }
    this.#begun = null
    let read = foldJournal(this.#dir, [begun.fold], { after: begun.place })
    let { fold } = begun
    if (read.damages.length > 0 && begun.place !== undefined) {
      // Damage is told anew by each reading of its segment, and a fold must hear of it once.
      fold = newFold()
      read = foldJournal(this.#dir, [fold])
    }
    const place = read.damages.length > 0 ? undefined : placeAt(this.#dir, read.lastSeq)
    if (place !== undefined) this.#begun = { fold, place }
    this.#look = { fold, lastSeq: read.lastSeq, ...size }
    return this.#look
  }

  #goOn(): Begun | null {
    const begun = this.#begun
    return begun?.place !== undefined && isThere(this.#dir, begun.place) ? begun : null
  }

  #fromCheckpoint(): Begun | null {
    const found = readCheckpoint(this.#dir, this.#date)
    if (found.kind !== 'found' || !isThere(this.#dir, found.checkpoint.place)) return null
    const { place, state } = found.checkpoint
    const fold = newFold()
    try {
      const reader = new StateReader(state)
      skipPublication(reader)
      fold.load(reader)
    } catch {
      return null // laid out by another version: the whole journal says the same
    }
    return { fold, place }
  }
}

function newFold(): CandleFold {
  return new CandleFold({ venue, lateness: 'live' })
}

/** A worker's day saves, before its fold, what it has published and the sums of the momentum. */
function skipPublication(reader: StateReader): void {
  reader.value<unknown>()
  for (let sum = 0; sum < 3; sum++) reader.float64()
}

function isThere(dir: string, place: JournalPlace): boolean {
  const listed = listSegments(dir).find(({ segment }) => segment === place.segment)
  return listed !== undefined && isIn(loadSegment(listed).head, place)
}

/** Undefined where no segment holds the entry: nothing was read. */
function placeAt(dir: string, seq: number): JournalPlace | undefined {
  for (const listed of listSegments(dir).reverse()) {
    const { head } = loadSegment(listed)
    if (head.firstSeq <= seq) return placeIn(head, seq)
  }
  return undefined
}

function sizeOfJournal(dir: string): { readonly sizeBytes: number; readonly segmentCount: number } {
  const segments = listSegments(dir)
  // One that was compressed since the listing is counted by the next look.
  const sizes = segments.map(({ path }) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  return { sizeBytes: sizes.reduce((sum, size) => sum + size, 0), segmentCount: segments.length }
}
