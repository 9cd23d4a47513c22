/**
 * How does the whole audit leave the house? As one JSON document that needs nothing of ours to be read:
 * integrity, counts by type, the stored fold, and every event as it is stored. Streamed, because a chain of
 * years does not fit into a string. Lines that are no JSON appear as base64, so that evidence of damage goes
 * along.
 */
import { isUtf8 } from 'node:buffer'
import { readSync } from 'node:fs'
import { eventsPath, readingFile, type StoredLine, sizeOf, storedLines } from './chain-file.ts'
import { readSnapshotFile } from './snapshot.ts'
import type { ChainReport } from './verify-chain.ts'

export const AUDIT_SCHEMA = 'chandler.audit.v1'

/** `report` is the chain's verdict, taken just before. `write` is given parts of the document in order. */
export function exportAudit(dir: string, report: ChainReport, write: (part: string) => void): void {
  const { countByType, market, ...integrity } = report
  const snapshot = readSnapshotFile(dir, eventsPath(dir))
  const head = { schema_version: AUDIT_SCHEMA, market, integrity, counts: countByType, snapshot }
  write(`${JSON.stringify(head).slice(0, -1)},"events":[`)
  readingFile(eventsPath(dir), undefined, (fd) => {
    // Of a sound chain no more than was judged; of a damaged one everything, torn tail included.
    const toByte = report.flaw === null ? report.head.sizeBytes : sizeOf(fd)
    let separator = '\n'
    for (const line of storedLines(fd, 0, toByte)) {
      write(separator + textOf(fd, line))
      separator = ',\n'
    }
  })
  write('\n]}\n')
}

function textOf(fd: number, { text, startByte, endByte }: StoredLine): string {
  if (text !== null && isJson(text)) return text
  const bytes = Buffer.alloc(endByte - startByte)
  readSync(fd, bytes, 0, bytes.length, startByte)
  return JSON.stringify({ unreadable_base64: bytes.toString('base64'), is_utf8: isUtf8(bytes) })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // Damage is an answer here; the line goes along as bytes.
    return false
  }
}
