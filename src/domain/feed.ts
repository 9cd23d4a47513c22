/**
 * Where does what the sockets hear go? The stream room calls these; the wiring appends to the journal
 * and folds. Both return at once and never throw for reasons of the outside. A hand-over that fills says so
 * (`isFilling`), and the caller stops reading the socket until `whenRoom` resolves; a full one answers false.
 */
import type { Fact } from './fact.ts'
import type { UnixMs } from './time.ts'

export interface FeedSink {
  /** `bytes` is only valid during the call. False: not taken, the packet is lost and was counted. */
  packet(connection: number, bytes: Uint8Array, receivedMs: UnixMs): boolean
  fact(fact: Fact): void
  /** True: what has been read will still be taken, but no more should be read until `whenRoom`. */
  readonly isFilling: boolean
  /** Resolves when there is room again. Rejects when there never will be. */
  whenRoom(): Promise<void>
}
