/** When could the feed not be trusted, and what do we know was traded meanwhile? */
import type { LostReason } from './fact.ts'
import type { UnixMs } from './time.ts'

export type Gap = {
  readonly shard: number
  readonly fromMs: UnixMs
  /** Null while the gap is open. */
  readonly toMs: UnixMs | null
  readonly reason: LostReason
  readonly detail: string
  /** Shares that were traded across it, nobody can say in which minute: they are in no candle. */
  readonly unattributedVolume?: number
}
