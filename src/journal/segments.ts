/**
 * Which segments does a journal's directory hold? Three endings of one numbered name: `.wal` as it was
 * written, `.wal.zst` when it was sealed and compressed, `.wal.poison` when the disk failed under it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import { fileError } from '../platform/durable.ts'
import type { SegmentHead } from './format.ts'
import { decodeSegmentHead } from './format.ts'
import { decompressSegment } from './zst.ts'

export type SegmentKind = 'raw' | 'compressed' | 'poison'
export type SegmentPath = { readonly segment: number; readonly kind: SegmentKind; readonly path: string }
export type LoadedSegment = SegmentPath & { readonly head: SegmentHead; readonly bytes: Uint8Array }

const NAME = /^(\d{8})\.wal(\.zst|\.poison)?$/

export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.wal`
}

/** In the order in which they were written. A missing directory is an empty journal. */
export function listSegments(dir: string): SegmentPath[] {
  const found = new Map<number, SegmentPath>()
  for (const name of namesIn(dir).sort()) {
    const match = NAME.exec(name)
    if (match === null) continue
    const segment = Number(match[1])
    const kind = match[2] === '.zst' ? 'compressed' : match[2] === '.poison' ? 'poison' : 'raw'
    // Both exist when a crash came between publishing the compressed one and removing the raw one;
    // the order of names lets the compressed one, which was verified before it was published, win.
    found.set(segment, { segment, kind, path: join(dir, name) })
  }
  return [...found.values()].sort((a, b) => a.segment - b.segment)
}

export function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('reading the journal', dir, error)
  }
}

/** Throws JOURNAL_FOREIGN when the file is not the segment that its name says. */
export function loadSegment(listed: SegmentPath): LoadedSegment {
  const at = existsSync(listed.path) ? listed : renamed(listed)
  const bytes = readSegmentBytes(at)
  const head = bytes === null ? null : decodeSegmentHead(bytes)
  if (bytes === null || head === null || head.segment !== at.segment) {
    throw new OperatingError(
      `reading the journal segment ${at.path}: its head is damaged or belongs to another segment; ` +
        'nothing was changed, move the file aside to go on without it',
      { code: 'JOURNAL_FOREIGN' },
    )
  }
  return { ...at, head, bytes }
}

/** Between the listing and now a running writer's segment may have been compressed, or set aside. */
function renamed(at: SegmentPath): SegmentPath {
  const base = join(dirname(at.path), segmentName(at.segment))
  const kinds: readonly [SegmentKind, string][] = [
    ['compressed', `${base}.zst`],
    ['poison', `${base}.poison`],
  ]
  const found = kinds.find(([, path]) => existsSync(path))
  return found === undefined ? at : { segment: at.segment, kind: found[0], path: found[1] }
}

/** Null when a compressed segment's index is damaged. */
function readSegmentBytes(at: SegmentPath): Uint8Array | null {
  try {
    const bytes = readFileSync(at.path)
    if (at.kind === 'compressed') return decompressSegment(bytes)
    // Not the Buffer: its `subarray` is slower, and readers take one for every frame.
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  } catch (error) {
    throw fileError('reading the journal segment', at.path, error)
  }
}
