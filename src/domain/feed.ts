/**
 * Where does what the sockets hear go? The stream room calls these; the wiring appends to the journal
 * and folds. Both return at once and never throw for reasons of the outside: a full hand-over answers
 * false, is counted there, and the caller stops reading the socket until `whenRoom` resolves.
 */
import type { Fact } from './fact.ts'
import type { UnixMs } from './time.ts'

export interface FeedSink {
  /** `bytes` is only valid during the call. False: not taken, the packet is lost and was counted. */
  packet(connection: number, bytes: Uint8Array, receivedMs: UnixMs): boolean
  fact(fact: Fact): void
  /** Resolves when there is room again. */
  whenRoom(): Promise<void>
}
