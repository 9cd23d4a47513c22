/**
 * When does a finalised minute become a file? As soon as the journal entry that finalised it is durable:
 * what readers see can always be made again. Each minute gives a part of candles and a part of momentum
 * signals; both are published off the feed's thread, minute after minute.
 */
import { addMomentum, growMomentum, type MomentumState, startMomentum } from '../candles/momentum.ts'
import type { CandleColumns } from '../domain/candle.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { Minute } from '../domain/time.ts'
import type { StateWriter } from '../platform/saved-state.ts'
import {
  hhmmOf,
  type LakeDay,
  type LakeFile,
  type MomentumFile,
  type PartFile,
  pathOf,
} from '../store/lake.ts'
import type { Publisher } from '../store/publish.ts'

export type FinalisedMinute = {
  readonly minute: Minute
  readonly columns: CandleColumns
  /** The journal entry that finalised it. */
  readonly journalSeq: number
  /** Minutes of the session before this one. */
  readonly minutesBefore: number
}

export type PublicationOptions = {
  readonly day: LakeDay
  readonly utcOffsetMs: number
  readonly publisher: Publisher
  /** Resolves when the journal entry is durable; rejects when it never will be. */
  readonly whenDurable: (journalSeq: number) => Promise<void>
  /** Paths that the manifest lists already: they are not made again. */
  readonly published: ReadonlySet<string>
  readonly onPublished: (minute: Minute, rowCount: number) => void
  readonly onFailure: (error: unknown) => void
  /** Nothing that was added waits any more: all that is finalised is published. */
  readonly onIdle?: () => void
}

export class Publication {
  readonly #options: PublicationOptions
  #momentum: MomentumState = startMomentum(0)
  #last: Promise<void> = Promise.resolve()
  #waitingCount = 0
  #hasFailed = false

  constructor(options: PublicationOptions) {
    this.#options = options
  }

  setInstruments(instruments: readonly Instrument[]): void {
    this.#momentum = growMomentum(this.#momentum, instruments.length)
    this.#options.publisher.setInstruments(instruments)
  }

  /** Takes the columns over. The momentum is computed now, in the order of the minutes. */
  add(finalised: FinalisedMinute): void {
    const { minute, columns, minutesBefore } = finalised
    const momentum = addMomentum(this.#momentum, columns, minutesBefore)
    const isListed = (file: LakeFile): boolean => this.#options.published.has(pathOf(file))
    const { part, signals } = this.#filesOf(minute)
    const journalToSeq = finalised.journalSeq
    // After a restart nearly the whole day is listed: it must not wait here with its columns in memory.
    if (isListed(part) && isListed(signals)) return
    this.#enqueue(async () => {
      await this.#options.whenDurable(journalToSeq)
      const { publisher } = this.#options
      const rowCount = columns.rowCount
      if (!isListed(part)) await publisher.publish({ file: part, columns, journalToSeq })
      if (!isListed(part)) this.#options.onPublished(minute, rowCount)
      if (!isListed(signals)) await publisher.publish({ file: signals, columns: momentum, journalToSeq })
    })
  }

  /** Whether an earlier publication has published the minute, and listed all of it. */
  wasPublished(minute: Minute): boolean {
    const { published } = this.#options
    return Object.values(this.#filesOf(minute)).every((file) => published.has(pathOf(file)))
  }

  #filesOf(minute: Minute): { readonly part: PartFile; readonly signals: MomentumFile } {
    const { day, utcOffsetMs } = this.#options
    const hhmm = hhmmOf(minute, utcOffsetMs)
    return { part: { kind: 'part', day, hhmm }, signals: { kind: 'momentum', day, hhmm } }
  }

  #enqueue(publish: () => Promise<void>): void {
    this.#waitingCount++
    this.#last = this.#last.then(async () => {
      if (this.#hasFailed) return
      try {
        await publish()
        this.#waitingCount--
        if (this.#waitingCount === 0) this.#options.onIdle?.()
      } catch (error) {
        this.#hasFailed = true
        this.#options.onFailure(error)
      }
    })
  }

  save(writer: StateWriter): void {
    const { priceVolume, volume, high } = this.#momentum
    for (const cells of [priceVolume, volume, high]) writer.cells(cells)
  }

  /** Goes on after minutes that an earlier publication, of the same instruments, has published. */
  resume(momentum: MomentumState, instruments: readonly Instrument[]): void {
    this.#momentum = momentum
    this.setInstruments(instruments)
  }

  /** Resolves when everything added so far is published, or publication has failed. */
  drained(): Promise<void> {
    return this.#last
  }
}
