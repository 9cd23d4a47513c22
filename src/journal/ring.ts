/**
 * How do two threads share the frames that are not yet durable? One ring of bytes, one producer, one
 * consumer, and a few 32-bit words that each have exactly one writer.
 *
 * Positions are byte counters that only grow and wrap at 2^32; `counter & (size - 1)` is the place in
 * the ring, `(head - tail) | 0` the bytes in use, and both stay right across the wrap because the size
 * is a power of two. Entry counts are relative to the run's first sequence number: 2^31 entries a run.
 *
 * Waking: the writer announces that it sleeps, looks once more, then waits on WAKE; the producer
 * publishes, then looks whether the writer sleeps. Atomics are sequentially consistent, so one of the
 * two sees the other, and a frame costs the producer no system call while the writer is awake.
 */

/** Bytes committed; written by the producer. */
export const HEAD = 0
/** Bytes that the producer may overwrite: all before are durable; written by the writer. */
export const TAIL = 1
/** Entries whose write() returned; by the writer. */
export const WRITTEN = 2
/** Entries whose fdatasync returned; by the writer. */
export const DURABLE = 3
/** Entries that the producer wants durable at once; by the producer. */
export const SYNC_WANTED = 4
/** One of AWAKE, ASLEEP, DOZING; by the writer. */
export const REST = 5
/** Counts wake-ups; the writer waits on it. */
export const WAKE = 6
/** 1: tell the main thread when DURABLE moves; set by the producer, taken by the writer. */
export const TELL = 7
/** 1: hand everything over, seal, end; by the producer. */
export const CLOSE = 8
/** 0 running, 1 failed; by the writer. */
export const FAILED = 9
/** How many syncs took at most each of SYNC_BOUNDS_MS, and how many longer; by the writer. */
export const SYNC_COUNTS = 10
/** Tenths of ms spent in syncs; by the writer. */
export const SYNC_TENTHS = 16
export const CONTROL_WORDS = 32

export const SYNC_BOUNDS_MS: readonly number[] = [1, 5, 20, 100, 1_000]

export const AWAKE = 0
/** Wake me for anything. */
export const ASLEEP = 1
/** I come back by myself within a millisecond: wake me only for a sync or for the end. */
export const DOZING = 2

/** Stands where a frame's magic would, when the rest of the ring is too short for the next frame. */
export const SKIP_MARK = 0x50494b53

export const RING_BYTES_MIN = 4_096
export const RING_BYTES_MAX: number = 512 * 1024 * 1024

export type SharedRing = { readonly data: SharedArrayBuffer; readonly control: SharedArrayBuffer }

export function createRing(ringBytes: number): SharedRing {
  if (ringBytes < RING_BYTES_MIN || ringBytes > RING_BYTES_MAX || (ringBytes & (ringBytes - 1)) !== 0) {
    throw new Error(`ringBytes must be a power of two between ${RING_BYTES_MIN} and ${RING_BYTES_MAX}`)
  }
  const control = new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT)
  const words = new Int32Array(control)
  // Two rings before the counters overflow: the rare case happens in every run, so it cannot hide.
  words[HEAD] = 0x8000_0000 - 2 * ringBytes
  words[TAIL] = words[HEAD]
  return { data: new SharedArrayBuffer(ringBytes), control }
}

/** Called by the producer after it changed a word that the writer sleeps on. */
export function wakeWriter(control: Int32Array, evenFromDoze: boolean): void {
  const rest = Atomics.load(control, REST)
  if (rest === AWAKE || (rest === DOZING && !evenFromDoze)) return
  Atomics.add(control, WAKE, 1)
  Atomics.notify(control, WAKE)
}
