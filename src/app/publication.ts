/**
 * When does a finalised minute become a file? As soon as the journal entry that finalised it is durable:
 * what readers see can always be made again. Each minute gives a part of candles and a part of momentum
 * signals; both are published off the feed's thread, minute after minute.
 */
import { addMomentum, growMomentum, type MomentumState, startMomentum } from '../candles/momentum.ts'
import type { CandleColumns } from '../domain/candle.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { Minute } from '../domain/time.ts'
import { hhmmOf, type LakeDay, type LakeFile, pathOf } from '../store/lake.ts'
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
}

export class Publication {
  readonly #options: PublicationOptions
  #momentum: MomentumState = startMomentum(0)
  #last: Promise<void> = Promise.resolve()
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
    const { day, utcOffsetMs, published } = this.#options
    const { minute, columns, minutesBefore } = finalised
    const hhmm = hhmmOf(minute, utcOffsetMs)
    const momentum = addMomentum(this.#momentum, columns, minutesBefore)
    const isListed = (file: LakeFile): boolean => published.has(pathOf(file))
    const part = { kind: 'part', day, hhmm } as const
    const signals = { kind: 'momentum', day, hhmm } as const
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

  #enqueue(publish: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#hasFailed) return
      try {
        await publish()
      } catch (error) {
        this.#hasFailed = true
        this.#options.onFailure(error)
      }
    })
  }

  /** Resolves when everything added so far is published, or publication has failed. */
  drained(): Promise<void> {
    return this.#last
  }
}
