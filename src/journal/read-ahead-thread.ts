/** Which thread unpacks the next segment while one is being read? See read-ahead.ts. */
import { workerData } from 'node:worker_threads'
import { OperatingError } from '../domain/error.ts'
import { ALLOWED, type ReadAheadData, type ReadAheadReply, TOLD } from './read-ahead.ts'
import { loadSegment, type SegmentPath } from './segments.ts'
import { release } from './zst.ts'

const { paths, control, port } = workerData as ReadAheadData

/**
 * The reader holds one segment and the next while a third is loaded, so three pieces of memory are enough;
 * new ones for each segment would all be there together before the collector thinks of them.
 */
const PIECES = 3
const pieces: SharedArrayBuffer[] = []

function sharedBytes(n: number, sizeBytes: number): Uint8Array {
  const found = pieces[n % PIECES]
  const piece =
    found !== undefined && found.byteLength >= sizeBytes ? found : new SharedArrayBuffer(sizeBytes)
  pieces[n % PIECES] = piece
  return new Uint8Array(piece, 0, sizeBytes)
}

function tryToLoad(n: number, path: SegmentPath): ReadAheadReply {
  try {
    const segment = loadSegment(path)
    const bytes = sharedBytes(n, segment.bytes.byteLength)
    bytes.set(segment.bytes)
    release(segment.bytes)
    return { ...segment, bytes }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return null // the reader loads it itself, and meets the same error
  }
}

for (const [n, path] of paths.entries()) {
  for (let allowed = 0; allowed <= n; ) {
    allowed = Atomics.load(control, ALLOWED)
    if (allowed <= n) Atomics.wait(control, ALLOWED, allowed)
  }
  port.postMessage(tryToLoad(n, path))
  Atomics.store(control, TOLD, n + 1)
  Atomics.notify(control, TOLD)
}
