/** What does an answer look like when something is wrong with it? Bodies that no vendor means to send. */
import type { ServerReply } from '../../platform/server.ts'
import type { BatchFaultKind } from './faults.ts'
import * as refusals from './refusals.ts'
import { jsonReply, type Table } from './tables.ts'

/** Index of `close` in a row of prices; behind it in an adjusted one stands the adjusted close. */
const CLOSE = 4

/** Replies that come in place of an answer; null for kinds that leave one. */
export function replyInstead(kind: BatchFaultKind, key: string, perDay: number): ServerReply | null {
  switch (kind) {
    case '502_html':
      return refusals.badGateway()
    case '503':
      return refusals.unavailable()
    case 'burst':
      return refusals.burst(perDay)
    case 'day_limit':
      return refusals.dayLimit(perDay)
    case 'key_echo':
      return refusals.dayLimitWithKey(key, perDay)
    case 'premium':
      return refusals.premiumEndpoint()
    case 'empty':
      return { ...jsonReply({}), body: '{}' }
    case 'garbage':
      return {
        status: 200,
        headers: { 'Content-Type': 'text/plain' },
        body: '\u0000\ufffd\u001b[31m,,,"\n;;;',
      }
    case 'endless_body':
      return {
        status: 200,
        headers: { 'Content-Type': 'application/x-download' },
        body: '',
        more: endlessRows(),
      }
    default:
      return null
  }
}

/** Half of the answer in JSON, whatever was asked for: the connection is whole, the text is not. */
export function truncatedJson(table: Table): ServerReply {
  const reply = jsonReply(table.rows.length === 0 ? { 'Meta Data': {} } : table.json(table.rows))
  return { ...reply, body: reply.body.slice(0, Math.ceil(reply.body.length / 2)) }
}

async function* endlessRows(): AsyncGenerator<string> {
  const chunk = '2026-01-05,1.0000,1.0000,1.0000,1.0000,1\n'.repeat(400)
  yield 'timestamp,open,high,low,close,volume\n'
  for (;;) yield chunk
}

/** The table with the fault in it; as it is for faults that are no matter of values. */
export function damaged(table: Table, kind: BatchFaultKind): Table {
  const { rows } = table
  const first = rows[0]
  if (kind === 'header_only') return { ...table, rows: [] }
  if (first === undefined) return table
  switch (kind) {
    case 'nan_values':
      return { ...table, rows: rows.with(0, withClose(first, 'NaN')) }
    case 'negative_price':
      return { ...table, rows: rows.with(0, withClose(first, `-${first[CLOSE] ?? '1'}`)) }
    case 'duplicate_rows':
      return { ...table, rows: [first, ...rows] }
    default:
      return table
  }
}

/** Tables without a close have the value in their last cell. */
function withClose(row: readonly string[], value: string): readonly string[] {
  return row.with(row.length > CLOSE ? CLOSE : row.length - 1, value)
}
