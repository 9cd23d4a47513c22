/**
 * When was the head of the chain last kept elsewhere, and where? `anchors.json` beside the chain, one record
 * for each place, the newest last. A memory and no evidence, so it is not in the chain: an event for each
 * anchor would always stand behind the anchor that it tells of. Each record is compared with the chain all
 * the same.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../domain/error.ts'
import type { ChainAnchor, ChainHead } from '../domain/event.ts'
import { fileError } from '../platform/durable.ts'
import { replaceFile } from './replace-file.ts'

export type AnchorRecord = ChainHead & {
  /** ISO 8601, UTC. */
  readonly at: string
  readonly to: string
}

function recordPath(dir: string): string {
  return join(dir, 'anchors.json')
}

/** Empty where there are none, or where they are not readable: nothing depends on them but a warning. */
export function readAnchorRecords(dir: string): readonly AnchorRecord[] {
  let text: string
  try {
    text = readFileSync(recordPath(dir), 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('reading the record of anchors', recordPath(dir), error)
  }
  try {
    const records: unknown = JSON.parse(text)
    return Array.isArray(records) ? records.filter(isRecord) : []
  } catch {
    // As if no anchor had been kept: the operator is asked for one.
    return []
  }
}

function isRecord(value: unknown): value is AnchorRecord {
  const record = value as Partial<AnchorRecord> | null
  return (
    typeof record?.at === 'string' &&
    !Number.isNaN(Date.parse(record.at)) &&
    typeof record.to === 'string' &&
    typeof record.eventIndex === 'number' &&
    typeof record.checksum === 'string'
  )
}

export function keepAnchorRecord(dir: string, record: AnchorRecord): void {
  const others = readAnchorRecords(dir).filter(({ to }) => to !== record.to)
  replaceFile(recordPath(dir), `${JSON.stringify([...others, record], null, 2)}\n`)
}

export function anchorsOf(dir: string): readonly ChainAnchor[] {
  return readAnchorRecords(dir).map(({ at: _at, to, ...head }) => ({ ...head, where: `the record of ${to}` }))
}
