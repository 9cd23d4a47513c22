/** What does the gate do with files as they lie in the lake, and what does it write into the chain? */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Float32, Float64, RecordBatch, TimestampMicrosecond, Utf8, vectorFromArray } from 'apache-arrow'
import { expect, test } from 'vitest'
import { type IngestGateContext, runIngestGate } from '../../src/app/gate-ingest.ts'
import { readForJudging } from '../../src/app/gate-ingest-read.ts'
import { loadConfig } from '../../src/config.ts'
import { type CandleColumns, type CandleTable, candleAt } from '../../src/domain/candle.ts'
import type { ChainEvent, EventDraft } from '../../src/domain/event.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import type { Clock } from '../../src/platform/clock.ts'
import { encodeParquet } from '../../src/store/encode.ts'
import { type LakeDay, pathOf } from '../../src/store/lake.ts'
import { FilePublisher } from '../../src/store/publish-steps.ts'
import { tempFolder } from '../store/kit.ts'
import { parquetOf, rowsOf, sampleTable } from '../store/tables.ts'
import { asTicks, copyOf, madeSession, reportOf } from './corruption-sessions.ts'

const [BEFORE, DAY, AFTER] = ['2016-08-24', '2016-08-25', '2016-08-26'] as MarketDate[] as [
  MarketDate,
  MarketDate,
  MarketDate,
]
const DIGEST = '1'.repeat(64)

type Lake = {
  readonly dataDir: string
  readonly events: ChainEvent[]
  readonly gate: (date: MarketDate, required?: readonly string[]) => ReturnType<typeof runIngestGate>
}

/** A lake with an in-memory chain. The clock stands after all sessions. */
function lakeOf(nowMs: number = Date.parse('2016-09-30T12:00:00Z')): Lake {
  const dataDir = tempFolder('chandler-gates-')
  const events: ChainEvent[] = []
  const append = (draft: EventDraft): ChainEvent => {
    const event = eventOf(events.length, draft)
    events.push(event)
    return event
  }
  const clock = { wallMs: () => nowMs as UnixMs } as Clock
  const config = loadConfig({ dataDir })
  const gate: Lake['gate'] = (date, required = []) => {
    const proxySet = { version: '1.0.0', sha256: DIGEST, required }
    const context: IngestGateContext = {
      config,
      clock,
      events: [...events],
      append,
      proxySet,
      actor: 'system:gate',
    }
    return runIngestGate(context, 'in', date)
  }
  return { dataDir, events, gate }
}

function eventOf(index: number, { type, atMs, actor, payload }: EventDraft): ChainEvent {
  return {
    schema_version: 'chandler.event.v1',
    event_index: index,
    event_id: `id-${index}`,
    event_type: type,
    market: 'in',
    event_time: new Date(atMs).toISOString(),
    recorded_at: '2016-09-30T12:00:00.000Z',
    actor,
    payload: JSON.parse(JSON.stringify(payload)) as ChainEvent['payload'],
    previous_checksum: DIGEST,
    checksum: DIGEST,
  }
}

/** Settled as `chandler settle` leaves it: the day, then the report that names it. */
function publish({ dataDir }: Lake, date: MarketDate, table: CandleTable): void {
  const day: LakeDay = { market: 'in', date }
  const publisher = new FilePublisher(dataDir, 'in', () => {})
  publisher.setInstruments(table.instruments)
  const { path, sizeBytes, rowCount, sha256 } = publisher.publish({
    file: { kind: 'day', day },
    columns: copyOf(table.columns),
    journalToSeq: 1,
  })
  const report = reportOf(table, date, { path, sizeBytes, rowCount, sha256: sha256! })
  publisher.publish({ file: { kind: 'report', day }, report, journalToSeq: 1 })
  publisher.end()
}

function settled(date: MarketDate): CandleTable {
  return asTicks(madeSession(date, 12, 3, 1))
}

function nonPass(result: Awaited<ReturnType<typeof runIngestGate>>): string[] {
  return result.verdict.checks.filter(({ outcome }) => outcome !== 'pass').map(({ check }) => check)
}

test('settled sessions pass one after the other, each with an event of its own', async () => {
  const lake = lakeOf()
  for (const date of [BEFORE, DAY]) {
    publish(lake, date, settled(date))
    const result = await lake.gate(date, ['STOCK0001'])
    expect(nonPass(result)).toEqual([])
    expect(result.verdict).toMatchObject({ verdict: 'pass', session: date })
    expect(result.verdict.symbols).toHaveLength(15)
  }
  expect(lake.events.map(({ event_type, event_time }) => `${event_type} ${event_time}`)).toEqual([
    'gate.ingest 2016-08-24T10:00:00.000Z',
    'gate.ingest 2016-08-25T10:00:00.000Z',
  ])
  expect(lake.events[1]!.payload).toMatchObject({
    previousSession: BEFORE,
    proxySet: { required: ['STOCK0001'] },
  })
})

test('asking again with the same evidence writes nothing, also when later sessions have passed', async () => {
  const lake = lakeOf()
  for (const date of [BEFORE, DAY]) {
    publish(lake, date, settled(date))
    await lake.gate(date)
  }
  const again = await lake.gate(BEFORE)
  expect(again.recorded).toBe('already')
  expect((await lake.gate(DAY)).recorded).toBe('already')
  expect(lake.events).toHaveLength(2)
})

test('a session waits until it is settled, and the next one until this one is canonical', async () => {
  const lake = lakeOf()
  publish(lake, BEFORE, settled(BEFORE))
  await lake.gate(BEFORE)
  publish(lake, AFTER, settled(AFTER))
  const missing = await lake.gate(DAY)
  expect([missing.verdict.verdict, ...nonPass(missing)]).toEqual(['wait', 'completeness.settled'])
  const ahead = await lake.gate(AFTER)
  expect([ahead.verdict.verdict, ...nonPass(ahead)]).toEqual(['wait', 'continuity.previous'])
  publish(lake, DAY, settled(DAY))
  expect((await lake.gate(DAY)).verdict.verdict).toBe('pass')
  expect((await lake.gate(AFTER)).verdict.verdict).toBe('pass')
})

test('a session settled anew is judged anew, and its successor waits for that', async () => {
  const lake = lakeOf()
  publish(lake, BEFORE, settled(BEFORE))
  publish(lake, DAY, settled(DAY))
  await lake.gate(BEFORE)
  publish(lake, BEFORE, asTicks(madeSession(BEFORE, 12, 3, 2)))
  expect(nonPass(await lake.gate(DAY))).toEqual(['continuity.previous'])
  expect((await lake.gate(BEFORE)).recorded).not.toBe('already')
  expect((await lake.gate(DAY)).verdict.verdict).toBe('pass')
})

test('a date without a session and one that is not over are refused, and nothing is written', async () => {
  const lake = lakeOf(Date.parse('2016-08-25T09:59:59Z'))
  await expect(lake.gate('2016-08-27' as MarketDate)).rejects.toMatchObject({ code: 'GATE_REFUSED' })
  await expect(lake.gate(DAY)).rejects.toMatchObject({ code: 'GATE_REFUSED', retryable: true })
  expect(lake.events).toEqual([])
})

test('a file that is not the published one fails by its digest, whatever byte was changed', async () => {
  const lake = lakeOf()
  publish(lake, DAY, settled(DAY))
  const path = join(lake.dataDir, pathOf({ kind: 'day', day: { market: 'in', date: DAY } }))
  const bytes = readFileSync(path)
  for (const at of [0, 5_000, bytes.length >> 1, bytes.length - 9, bytes.length - 1]) {
    writeFileSync(path, bytes.with(at, bytes[at]! ^ 1))
    const result = await lake.gate(DAY)
    expect([result.verdict.verdict, ...nonPass(result)]).toEqual(['fail', 'integrity.file'])
  }
  writeFileSync(path, bytes.subarray(0, -100))
  expect(nonPass(await lake.gate(DAY))).toEqual(['integrity.file'])
  writeFileSync(path, bytes)
  expect((await lake.gate(DAY)).verdict.verdict).toBe('pass')
})

test('a report that was changed, is no report or is gone never passes', async () => {
  const lake = lakeOf()
  publish(lake, DAY, settled(DAY))
  const path = join(lake.dataDir, pathOf({ kind: 'report', day: { market: 'in', date: DAY } }))
  appendFileSync(path, '\n')
  expect(nonPass(await lake.gate(DAY))).toEqual(['integrity.file'])
  writeFileSync(path, '{')
  expect((await lake.gate(DAY)).verdict.verdict).toBe('fail')
  rmSync(path)
  expect((await lake.gate(DAY)).verdict.verdict).toBe('fail')
})

test('a required symbol that nobody listened to fails the session', async () => {
  const lake = lakeOf()
  publish(lake, DAY, settled(DAY))
  const result = await lake.gate(DAY, ['NIFTY 50'])
  expect([result.verdict.verdict, ...nonPass(result)]).toEqual(['fail', 'completeness.required'])
  expect(result.verdict.symbols).toEqual([])
})

test('every value of a file reaches the judge, over all row groups', async () => {
  const table = sampleTable(
    400,
    Array.from({ length: 375 }, (_, minute) => minute),
  )
  const facts = await readForJudging(
    new Blob([parquetOf(table, { schema: 'chandler.candles.v1' }) as Uint8Array<ArrayBuffer>]),
  )
  expect(facts).toMatchObject({ rowCount: 150_000, schemaName: 'chandler.candles.v1', unreadable: null })
  const bytesOf = (columns: CandleColumns): Buffer[] =>
    Object.values(columns).flatMap((values) =>
      typeof values === 'number' ? [] : [Buffer.from(values.buffer)],
    )
  const wanted = bytesOf(table.columns)
  expect(bytesOf(facts.table!.columns).map((bytes, at) => bytes.equals(wanted[at]!))).toEqual(
    wanted.map(() => true),
  )
  expect(facts.table!.instruments).toEqual(table.instruments)
  expect(rowsOf(facts.table!)[149_999]).toEqual(candleAt(table, 149_999))
})

test('columns of another type, without a zone or with holes are told as they are', async () => {
  const batch = new RecordBatch({
    symbol: vectorFromArray(['AAA', 'BBB'], new Utf8()).data[0]!,
    timestamp: vectorFromArray([1, 2], new TimestampMicrosecond()).data[0]!,
    close: vectorFromArray([1, 2], new Float32()).data[0]!,
    vwap: vectorFromArray([Number.NaN, null], new Float64()).data[0]!,
  })
  const bytes = encodeParquet(batch, { schema: 'another' }) as Uint8Array<ArrayBuffer>
  const { fields, table, schemaName } = await readForJudging(new Blob([bytes]))
  expect([schemaName, table]).toEqual(['another', null])
  expect(fields.map(({ name, kind, nullCount, nanCount }) => [name, kind, nullCount, nanCount])).toEqual([
    ['symbol', 'utf8', 0, 0],
    ['timestamp', 'timestamp[us, no zone]', 0, 0],
    ['close', 'Float32', 0, 0],
    ['vwap', 'double', 1, 1],
  ])
})

test('what is no Parquet file is told, not thrown', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('PAR1'), Buffer.alloc(1_000, 7)]) {
    const facts = await readForJudging(new Blob([bytes]))
    expect(facts.table).toBeNull()
    expect(facts.unreadable).toMatch(/./)
  }
})
