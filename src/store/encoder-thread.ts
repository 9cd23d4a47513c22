/**
 * Who encodes while the feed goes on? This thread: it takes requests in order, runs the steps of
 * `publish-steps.ts` one after the other, and answers each by its number.
 *
 * A full disk is waited for, as the journal waits for it: the columns are here, and nobody else waits for
 * this thread. What was asked for meanwhile stands in line. A disk that stays full is told as a failure.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { allocateCandles } from '../domain/candle.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { Instrument } from '../domain/instrument.ts'
import { candleBatch, encodeInstruments } from './arrow.ts'
import { encodeParquet, verifyParquet } from './encode.ts'
import type { EncoderReply, EncoderRequest, EncoderStart } from './publish.ts'
import { FilePublisher, type PublishedFile, type PublishRequest } from './publish-steps.ts'

/** Enough rows and rounds that what encodes a column is compiled, and optimised, before the first minute. */
const WARM_UP_ROWS = 2_048
const WARM_UP_ROUNDS = 3
const FULL_RETRY_MS = 250
const FULL_RETRIES_MAX = 120
const NEVER = new Int32Array(new SharedArrayBuffer(4))

function answer(reply: EncoderReply): void {
  parentPort!.postMessage(reply)
}

function failure(id: number, error: unknown): EncoderReply {
  const known = error instanceof OperatingError
  return {
    kind: 'failed',
    id,
    code: known ? error.code : 'PARQUET_INVALID',
    message: messageOf(error),
    retryable: known && error.retryable,
  }
}

/** The first encoding costs ten times the later ones; this one is paid before anybody waits for it. */
function warmUp(): void {
  const instrument: Instrument = { exchange: 'NSE', token: '0', symbol: 'WARM-UP' }
  const columns = allocateCandles(WARM_UP_ROWS)
  for (let row = 0; row < WARM_UP_ROWS; row++) {
    columns.timestampMs[row] = row
    columns.volume[row] = row % 2 === 0 ? Number.NaN : row
    columns.vwap[row] = columns.volume[row]!
  }
  const texts = encodeInstruments([instrument])
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    const batch = candleBatch(columns, texts)
    verifyParquet(encodeParquet(batch, {}), batch)
  }
}

function publishPatiently(publisher: FilePublisher, request: PublishRequest): PublishedFile {
  for (let retries = 0; ; retries++) {
    try {
      return publisher.publish(request)
    } catch (error) {
      const isFull = error instanceof OperatingError && error.code === 'DISK_FULL'
      if (!isFull || retries === FULL_RETRIES_MAX) throw error
      if (retries === 0) answer({ kind: 'note', text: `${error.message}; its minute waits in memory` })
      Atomics.wait(NEVER, 0, 0, FULL_RETRY_MS)
    }
  }
}

function serve(publisher: FilePublisher, request: EncoderRequest): void {
  switch (request.kind) {
    case 'instruments':
      publisher.setInstruments(request.instruments)
      return
    case 'publish':
      try {
        answer({ kind: 'published', id: request.id, published: publishPatiently(publisher, request.request) })
      } catch (error) {
        answer(failure(request.id, error))
      }
      return
    case 'end':
      publisher.end()
      parentPort!.close()
  }
}

const start = workerData as EncoderStart
try {
  const publisher = new FilePublisher(start.dataDir, start.market, (text) => answer({ kind: 'note', text }))
  warmUp()
  parentPort!.on('message', (request: EncoderRequest) => serve(publisher, request))
  answer({ kind: 'ready' })
} catch (error) {
  answer(failure(0, error))
}
