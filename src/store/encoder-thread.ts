/**
 * Who encodes while the feed goes on? This thread: it takes requests in order, runs the steps of
 * `publish-steps.ts` one after the other, and answers each by its number.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { allocateCandles } from '../domain/candle.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { Instrument } from '../domain/instrument.ts'
import { candleBatch, encodeInstruments } from './arrow.ts'
import { encodeParquet, verifyParquet } from './encode.ts'
import type { EncoderReply, EncoderRequest, EncoderStart } from './publish.ts'
import { FilePublisher } from './publish-steps.ts'

/** Enough rows and rounds that what encodes a column is compiled, and optimised, before the first minute. */
const WARM_UP_ROWS = 2_048
const WARM_UP_ROUNDS = 3

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

function serve(publisher: FilePublisher, request: EncoderRequest): void {
  switch (request.kind) {
    case 'instruments':
      publisher.setInstruments(request.instruments)
      return
    case 'publish':
      try {
        answer({ kind: 'published', id: request.id, published: publisher.publish(request.request) })
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
