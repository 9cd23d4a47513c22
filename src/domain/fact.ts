/**
 * What happened, as the journal tells it? Everything that the candles depend on is an entry of the
 * journal, and state is a fold of entries and nothing else.
 *
 * Two kinds of payload. `PACKETS` is the bulk: raw vendor packets, binary. Everything else is rare
 * and is a JSON object (`Fact`), so that a person can read a journal with simple tools.
 *
 * PACKETS payload, little endian:
 *
 *     0  f64  baseMs          receive time of the first packet, Unix ms
 *     8  then, `count` times:
 *        0  u16  length       bytes of the packet
 *        2  u16  connection   which connection brought it (numbered over the day)
 *        4  u32  offsetMs     receive time minus baseMs
 *        8  the packet, verbatim
 */
import type { ChainHead } from './event.ts'
import type { Instrument } from './instrument.ts'
import type { Phases } from './session.ts'
import type { Mode } from './tick.ts'
import type { MarketDate, Minute, UnixMs } from './time.ts'

export const ENTRY_PACKETS = 1
export const ENTRY_FACT = 2

export const PACKETS_HEAD_BYTES = 8
export const PACKET_HEAD_BYTES = 8

export type LostReason =
  | 'disconnected'
  | 'stalled' // nothing at all on the socket
  | 'mute' // socket alive, no tick in the whole segment
  | 'asleep' // this process did not run (suspended, stopped, starved)
  | 'overflow' // we could not take what arrived
  | 'stopped' // the worker ended or was killed
  | 'refused' // the vendor refused the subscription
  | 'damaged' // entries of the journal are not readable

export type Fact =
  /** First entry of every run of the worker. All that a replay needs to know of the configuration. */
  | {
      readonly kind: 'start'
      readonly version: 1
      readonly market: string
      readonly venue: string
      readonly date: MarketDate
      readonly utcOffsetMs: number
      readonly atMs: UnixMs
      readonly mode: Mode
      readonly graceMs: number
      /** Sorted by symbol. */
      readonly instruments: readonly Instrument[]
      /** Per instrument: its shard, and its position in `phases`. */
      readonly shards: readonly number[]
      readonly phaseOf: readonly number[]
      readonly phases: readonly Phases[]
      /** Where the market's event chain ended: evidence against a later cut. No fold reads it. */
      readonly chainHead?: ChainHead
    }
  /** The timer: `minute` is over and its grace has passed. */
  | { readonly kind: 'minute'; readonly minute: Minute; readonly atMs: UnixMs }
  | { readonly kind: 'connect'; readonly shard: number; readonly connection: number; readonly atMs: UnixMs }
  /** From now on the shard's feed can be trusted: subscribed, and something came back. Ends its gap. */
  | { readonly kind: 'live'; readonly shard: number; readonly connection: number; readonly atMs: UnixMs }
  /** The shard's feed could not be trusted since `fromMs`. Opens a gap. */
  | {
      readonly kind: 'lost'
      readonly shard: number
      readonly fromMs: UnixMs
      readonly atMs: UnixMs
      readonly reason: LostReason
      readonly detail: string
    }
  /**
   * A sign of life that is not a tick (pong). It answers a ping that left at `askedMs`, so all that the
   * vendor sent before it had that ping has arrived. Absent: as if it had left when the answer came.
   */
  | { readonly kind: 'alive'; readonly shard: number; readonly atMs: UnixMs; readonly askedMs?: UnixMs }
  /** The vendor refused to send these instruments (indices into the start fact's list). */
  | {
      readonly kind: 'refused'
      readonly instruments: readonly number[]
      readonly code: string
      readonly message: string
      readonly atMs: UnixMs
    }
  /** A text frame that is neither a pong nor an error we know, or a REST refusal worth keeping. */
  | { readonly kind: 'note'; readonly text: string; readonly atMs: UnixMs }
  /** Wall clock against monotonic clock moved by `deltaMs`. */
  | { readonly kind: 'clock'; readonly deltaMs: number; readonly atMs: UnixMs }
  /** Packets that were received but could not be journalled (the hand-over was full). */
  | { readonly kind: 'dropped'; readonly shard: number; readonly count: number; readonly atMs: UnixMs }
  /** A REST quote answer, verbatim, taken while the socket could not be held. */
  | { readonly kind: 'quotes'; readonly body: string; readonly atMs: UnixMs }
  /** A history answer, verbatim, for one instrument: 1-minute bars of [fromMs, toMs). */
  | {
      readonly kind: 'history'
      readonly instrument: { readonly exchange: string; readonly token: string }
      readonly fromMs: UnixMs
      readonly toMs: UnixMs
      readonly body: string
      readonly atMs: UnixMs
    }
  /** Journal recovery found the last run unclean. */
  | { readonly kind: 'recovery'; readonly report: string; readonly atMs: UnixMs }
  /** Clean end of a run. */
  | { readonly kind: 'stop'; readonly reason: string; readonly atMs: UnixMs }

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeFact(fact: Fact): Uint8Array {
  return encoder.encode(JSON.stringify(fact))
}

/** Throws on bytes that `encodeFact` did not make: the journal's checksum already vouched for them. */
export function decodeFact(bytes: Uint8Array): Fact {
  // `slice` copies, because a TextDecoder refuses shared memory.
  return JSON.parse(decoder.decode(bytes.slice())) as Fact
}
