/** What do the tests publish? One of each kind, the same content for the same arguments. */
import type { Instrument } from '../../src/domain/instrument.ts'
import { allocateMomentum } from '../../src/domain/momentum.ts'
import { minuteOf } from '../../src/domain/time.ts'
import { hhmmOf } from '../../src/store/lake.ts'
import type { PublishRequest } from '../../src/store/publish-steps.ts'
import { DAY, OPEN_MS, sampleInstruments, sampleTable } from './tables.ts'

export const SYMBOL_COUNT = 8
export const INSTRUMENTS: readonly Instrument[] = sampleInstruments(SYMBOL_COUNT)

const IST_MS = 19_800_000

function hhmmAt(minute: number): string {
  return hhmmOf(minuteOf(OPEN_MS + minute * 60_000), IST_MS)
}

export function part(minute: number, seed = 0): PublishRequest {
  const hhmm = hhmmAt(minute)
  const { columns } = sampleTable(SYMBOL_COUNT, [minute], seed)
  return {
    file: { kind: 'part', day: DAY, hhmm },
    columns,
    journalFromSeq: minute * 10,
    journalToSeq: minute * 10 + 9,
  }
}

export function emptyPart(minute: number): PublishRequest {
  const { columns } = sampleTable(0, [])
  return {
    file: { kind: 'part', day: DAY, hhmm: hhmmAt(minute) },
    columns,
    journalToSeq: minute * 10 + 9,
  }
}

export function settled(revision: number): PublishRequest {
  const { columns } = sampleTable(SYMBOL_COUNT, [0, 1, 2], revision)
  const metadata = { market: 'in', date: DAY.date, revision }
  return { file: { kind: 'day', day: DAY }, columns, metadata, journalToSeq: 99, revision }
}

export function report(revision: number): PublishRequest {
  const content = { date: DAY.date, revision, rows: 24 }
  return { file: { kind: 'report', day: DAY }, report: content, journalToSeq: 99, revision }
}

export function momentum(minute: number): PublishRequest {
  const columns = allocateMomentum(2)
  columns.instrument.set([0, 3])
  columns.timestampMs.fill(OPEN_MS + minute * 60_000)
  columns.vwapDistance.set([0.5, Number.NaN])
  columns.highProximity.set([Number.NaN, 0.25])
  columns.relativeVolume.set([2, 3])
  return {
    file: { kind: 'momentum', day: DAY, hhmm: hhmmAt(minute) },
    columns,
    journalToSeq: minute * 10 + 9,
  }
}
