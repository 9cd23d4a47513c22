/**
 * What does one Parquet file of candles hold? Read without DuckDB, for a single file at hand; a question
 * over days or symbols is `read.ts`.
 */
import { readFileSync } from 'node:fs'
import { type Data, Type } from 'apache-arrow'
import type { CandleTable } from '../domain/candle.ts'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'
import { fileError } from '../platform/durable.ts'
import { CandleRows } from './candle-rows.ts'
import { decodeParquet } from './encode.ts'

const decoder = new TextDecoder()

/** Throws PARQUET_INVALID for a file that is not one of ours, NOT_FOUND or DIR_UNUSABLE without a file. */
export function readTable(path: string): CandleTable {
  const bytes = readBytes(path)
  try {
    return tableOf(bytes)
  } catch (error) {
    throw new OperatingError(
      `reading ${path}: ${messageOf(error)}; it is not a candle file of this lake, run \`chandler verify\``,
      { code: 'PARQUET_INVALID', cause: error },
    )
  }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw fileError('reading', path, error)
    throw new OperatingError(`reading ${path}: there is no such file; check the path`, {
      code: 'NOT_FOUND',
      cause: error,
    })
  }
}

function tableOf(bytes: Buffer): CandleTable {
  const rows = new CandleRows()
  const table = decodeParquet(bytes)
  const names = table.schema.fields.map((field) => field.name)
  for (const batch of table.batches) {
    const column = (name: string): Data => {
      const data = batch.data.children[names.indexOf(name)]
      if (data === undefined) throw new Error(`it has no column ${name}`)
      return data
    }
    rows.add(batch.numRows, {
      text: (name) => textsOf(column(name)),
      number: (name) => numbersOf(column(name)),
      flag: (name) => flagsOf(column(name)),
    })
  }
  return rows.table()
}

function textsOf(data: Data): string[] {
  if (data.typeId !== Type.Utf8) throw new Error(`a column of names has the type ${data.type}`)
  return Array.from({ length: data.length }, (_, row) =>
    decoder.decode(data.values.subarray(data.valueOffsets[row], data.valueOffsets[row + 1])),
  )
}

function numbersOf(data: Data): Float64Array {
  const numbers = new Float64Array(data.length)
  for (let row = 0; row < data.length; row++) {
    numbers[row] = data.getValid(row) ? Number(data.values[row]) : Number.NaN
  }
  return numbers
}

function flagsOf(data: Data): boolean[] {
  return Array.from({ length: data.length }, (_, row) => {
    const at = data.offset + row
    return ((data.values[at >> 3] >> (at & 7)) & 1) === 1
  })
}
