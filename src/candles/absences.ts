/**
 * Which instruments were not sent to us, and for how long? No shard has a gap then, and still nothing is
 * known.
 *
 * An instrument comes into the list with one run of the day and may leave it with another; what was before
 * the first of its runs is its first absence. And the vendor may refuse to send it: a refusal holds for the
 * socket that it was said on, because the next socket asks again, and is refused again or not. So it lasts
 * from the connect of the one socket to the connect of the next, where the shard's own gap takes over.
 */
import type { UnixMs } from '../domain/time.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'

type Absence = { readonly fromMs: number; toMs: number | null }

export class Absences {
  /** By instrument, in the order of their start. */
  #ofInstrument = new Map<number, Absence[]>()

  /** Opens an absence, or does nothing where one is open already. */
  begin(index: number, fromMs: number): void {
    const absences = this.#ofInstrument.get(index)
    if (absences === undefined) this.#ofInstrument.set(index, [{ fromMs, toMs: null }])
    else if (absences.at(-1)!.toMs !== null) absences.push({ fromMs, toMs: null })
  }

  /** Ends what is open of the instruments that `isAskedFor` says. */
  end(toMs: UnixMs, isAskedFor: (index: number) => boolean): void {
    for (const [index, absences] of this.#ofInstrument) {
      const last = absences.at(-1)!
      if (last.toMs === null && isAskedFor(index)) last.toMs = toMs
    }
  }

  overlaps(index: number, fromMs: number, toMs: number): boolean {
    const absences = this.#ofInstrument.get(index)
    if (absences === undefined) return false
    return absences.some((one) => one.fromMs < toMs && (one.toMs === null || one.toMs > fromMs))
  }

  save(writer: StateWriter): void {
    writer.value(this.#ofInstrument)
  }

  load(reader: StateReader): void {
    this.#ofInstrument = reader.value()
  }
}
