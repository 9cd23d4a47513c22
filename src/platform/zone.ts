/**
 * What time is it on the wall of another place? The only home of time zones: wall time to UTC and back,
 * exact across changes of daylight saving time. A day has one or two offsets, so offsets are looked up once
 * for each hour that is asked about, and rows cost an addition.
 */
import { Temporal } from 'temporal-polyfill'
import { HOUR_MS, type MarketDate, type UnixMs } from '../domain/time.ts'

const WALL = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?$/

export class Zone {
  readonly name: string
  /** By hour of UTC. All zones of our markets change on whole hours of UTC. */
  readonly #offsetsMs = new Map<number, number>()

  /** Throws RangeError for a name that is no IANA zone. */
  constructor(name: string) {
    this.name = name
    this.offsetMs(0 as UnixMs)
  }

  /** What the wall shows ahead of UTC at that moment, in ms; negative west of Greenwich. */
  offsetMs(atMs: UnixMs): number {
    const hour = Math.floor(atMs / HOUR_MS)
    const known = this.#offsetsMs.get(hour)
    if (known !== undefined) return known
    const instant = Temporal.Instant.fromEpochMilliseconds(hour * HOUR_MS)
    const offsetMs = instant.toZonedDateTimeISO(this.name).offsetNanoseconds / 1_000_000
    this.#offsetsMs.set(hour, offsetMs)
    return offsetMs
  }

  /**
   * `2026-01-05`, `2026-01-05 19:55` or `2026-01-05 19:55:00`, T or blank between, as UTC. Null where the
   * text is no such time, and for the hour that a spring change skips: that time never was. Of the hour
   * that autumn repeats, the first one.
   */
  utcOf(wall: string): UnixMs | null {
    if (!WALL.test(wall)) return null
    const text = wall.replace(' ', 'T')
    const asUtcMs = Date.parse(text.length === 10 ? `${text}T00:00Z` : `${text}Z`)
    if (Number.isNaN(asUtcMs) || !new Date(asUtcMs).toISOString().startsWith(text)) return null
    // Of two candidates the earlier one is the first pass of a repeated hour.
    const offsets = [
      this.offsetMs((asUtcMs - 14 * HOUR_MS) as UnixMs),
      this.offsetMs((asUtcMs + 14 * HOUR_MS) as UnixMs),
    ]
    const moments = offsets
      .map((offsetMs) => asUtcMs - offsetMs)
      .filter((ms) => ms + this.offsetMs(ms as UnixMs) === asUtcMs)
    return moments.length === 0 ? null : (Math.min(...moments) as UnixMs)
  }

  /** `2026-01-05T19:55:00.000`, what the wall shows at that moment. */
  wallOf(atMs: UnixMs): string {
    return new Date(atMs + this.offsetMs(atMs)).toISOString().slice(0, -1)
  }

  dateOf(atMs: UnixMs): MarketDate {
    return this.wallOf(atMs).slice(0, 10) as MarketDate
  }
}
