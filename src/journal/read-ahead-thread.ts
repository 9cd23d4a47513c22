/** Which thread unpacks the next segment while one is being read? See read-ahead.ts. */
import { workerData } from 'node:worker_threads'
import { OperatingError } from '../domain/error.ts'
import { ALLOWED, type ReadAheadData, type ReadAheadReply, TOLD } from './read-ahead.ts'
import { loadSegment, type SegmentPath } from './segments.ts'

const { paths, control, port } = workerData as ReadAheadData

function tryToLoad(path: SegmentPath): ReadAheadReply {
  try {
    const segment = loadSegment(path)
    const bytes = new Uint8Array(new SharedArrayBuffer(segment.bytes.byteLength))
    bytes.set(segment.bytes)
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
  port.postMessage(tryToLoad(path))
  Atomics.store(control, TOLD, n + 1)
  Atomics.notify(control, TOLD)
}
