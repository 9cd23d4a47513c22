/**
 * How does the ledger of permits stand in its files? One line for each entry, with a checksum before it:
 *
 *     6d1f0a2b {"take":1790000000000}
 *
 * A line that cannot be read, torn or damaged, is a permit that may have been used: it is counted, never
 * repaired. A file that does not end with a line's end gets one before anything is appended to it.
 */
import { crc32 } from 'node:zlib'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { LedgerEntry, PermitLedger } from './permit-ledger.ts'

const LINE = /^([0-9a-f]{8}) (\{.*\})$/

export function formatLedgerLine(entry: LedgerEntry): string {
  const body = JSON.stringify(shapeOf(entry))
  return `${checksumOf(body)} ${body}\n`
}

/** Null for anything that `formatLedgerLine` did not make. */
export function parseLedgerLine(line: string): LedgerEntry | null {
  const match = LINE.exec(line)
  if (match === null || checksumOf(match[2]!) !== match[1]) return null
  return entryOf(JSON.parse(match[2]!) as Shape)
}

/** Adds what the file says and returns how many lines could not be read. */
export function foldLedgerFile(bytes: Buffer, ledger: PermitLedger): number {
  const lines = bytes.toString('utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  let unreadableCount = 0
  for (const line of lines) {
    const entry = parseLedgerLine(line)
    if (entry !== null) {
      ledger.add(entry)
      continue
    }
    unreadableCount += 1
    ledger.addUnreadable()
  }
  return unreadableCount
}

type Shape = {
  readonly start?: number
  readonly isBehind?: boolean
  readonly unsure?: number
  readonly gainedMs?: number
  readonly take?: number
  readonly pause?: number
  readonly untilMs?: number
  readonly spent?: number
  readonly date?: string
}

function shapeOf(entry: LedgerEntry): Shape {
  const { kind, atMs } = entry
  switch (kind) {
    case 'start':
      return { start: atMs, isBehind: entry.isBehind }
    case 'unsure':
      return { unsure: atMs, gainedMs: entry.unsureMs }
    case 'take':
      return { take: atMs }
    case 'pause':
      return { pause: atMs, untilMs: entry.untilMs }
    case 'spent':
      return { spent: atMs, date: entry.date }
  }
}

function entryOf(shape: Shape): LedgerEntry | null {
  const { start, isBehind, unsure, gainedMs, take, pause, untilMs, spent, date } = shape
  if (take !== undefined) return { kind: 'take', atMs: take as UnixMs }
  if (start !== undefined && isBehind !== undefined) return { kind: 'start', atMs: start as UnixMs, isBehind }
  if (unsure !== undefined && gainedMs !== undefined)
    return { kind: 'unsure', atMs: unsure as UnixMs, unsureMs: gainedMs }
  if (pause !== undefined && untilMs !== undefined)
    return { kind: 'pause', atMs: pause as UnixMs, untilMs: untilMs as UnixMs }
  if (spent !== undefined && date !== undefined)
    return { kind: 'spent', atMs: spent as UnixMs, date: date as MarketDate }
  return null
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
