/**
 * Where do the lines of a file of lines begin and end? Read in blocks, forwards from any line, or the last
 * one.
 */
import { isUtf8 } from 'node:buffer'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../domain/error.ts'
import { fileError } from '../platform/durable.ts'

export function eventsPath(dir: string): string {
  return join(dir, 'events.jsonl')
}

export type StoredLine = {
  /** Without the newline; null where the bytes are no UTF-8, and so no text. */
  readonly text: string | null
  readonly startByte: number
  /** Behind the newline. */
  readonly endByte: number
  /** False for what stands behind the last newline. */
  readonly isWhole: boolean
}

const NEWLINE = 0x0a
const BLOCK_BYTES = 1_048_576

/** Runs `read` on the open file; `absent` is the answer where there is none. */
export function readingFile<Result>(path: string, absent: Result, read: (fd: number) => Result): Result {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return absent
    throw fileError('reading', path, error)
  }
  try {
    return read(fd)
  } finally {
    closeSync(fd)
  }
}

export function sizeOf(fd: number): number {
  return fstatSync(fd).size
}

/** Whole lines, or what stands behind the last newline; `isText` says whether all of it is UTF-8. */
export type StoredBlock = {
  readonly bytes: Buffer
  readonly startByte: number
  readonly isText: boolean
  readonly isWhole: boolean
}

/**
 * What stands between two bytes, the first of which begins a line, in blocks of lines. Holds one block, or a
 * line that is longer than one. What was appended behind `toByte` meanwhile is not looked at.
 */
export function* storedBlocks(
  fd: number,
  fromByte: number,
  toByte: number,
): Generator<StoredBlock, void, void> {
  let rest: Buffer = Buffer.alloc(0)
  let startByte = fromByte
  while (startByte + rest.length < toByte) {
    const block = readOn(fd, rest, startByte, toByte)
    const bytes = block.subarray(0, block.lastIndexOf(NEWLINE) + 1)
    if (bytes.length > 0) yield { bytes, startByte, isText: isUtf8(bytes), isWhole: true }
    rest = block.subarray(bytes.length)
    startByte += bytes.length
  }
  if (rest.length > 0) yield { bytes: rest, startByte, isText: isUtf8(rest), isWhole: false }
}

/** The same, line by line. */
export function* storedLines(
  fd: number,
  fromByte: number,
  toByte: number,
): Generator<StoredLine, void, void> {
  for (const block of storedBlocks(fd, fromByte, toByte)) {
    let line: StoredLine
    for (let at = 0; at < block.bytes.length; at = line.endByte - block.startByte) {
      line = lineOfBlock(block, at)
      yield line
    }
  }
}

/** The line that begins at `at` of a block. */
export function lineOfBlock({ bytes, startByte, isText, isWhole }: StoredBlock, at: number): StoredLine {
  const end = isWhole ? bytes.indexOf(NEWLINE, at) : bytes.length
  // Only a block with foreign bytes is looked at line by line.
  const text = isText ? bytes.toString('utf8', at, end) : textOf(bytes.subarray(at, end))
  const endByte = startByte + end + (isWhole ? 1 : 0)
  return { text, startByte: startByte + at, endByte, isWhole }
}

/** What was left over of the block before, and what the file has behind it. */
function readOn(fd: number, rest: Buffer, restByte: number, toByte: number): Buffer {
  const wanted = Math.min(Math.max(BLOCK_BYTES, rest.length), toByte - restByte - rest.length)
  const block = Buffer.allocUnsafe(rest.length + wanted)
  rest.copy(block)
  const readCount = readSync(fd, block, rest.length, wanted, restByte + rest.length)
  if (readCount < wanted && readCount === 0)
    throw new Error('reading a chain: the file became shorter meanwhile')
  return block.subarray(0, rest.length + readCount)
}

function textOf(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString('utf8') : null
}

/** The line that ends with the newline before `endByte`; null where none ends there. */
export function lineEndingAt(fd: number, endByte: number): StoredLine | null {
  let wanted = 4_096
  while (endByte > 0) {
    const fromByte = Math.max(0, endByte - wanted)
    const block = Buffer.alloc(endByte - fromByte)
    if (readSync(fd, block, 0, block.length, fromByte) < block.length || block.at(-1) !== NEWLINE) return null
    const newline = block.length < 2 ? -1 : block.lastIndexOf(NEWLINE, block.length - 2)
    if (newline >= 0 || fromByte === 0) {
      const text = textOf(block.subarray(newline + 1, -1))
      return { text, startByte: fromByte + newline + 1, endByte, isWhole: true }
    }
    wanted *= 4
  }
  return null
}

/** Where the last newline ends: everything behind it is the trace of an interrupted write. */
export function wholeBytesOf(fd: number): number {
  const BACK_BYTES = 65_536
  for (let endByte = sizeOf(fd); endByte > 0; ) {
    const fromByte = Math.max(0, endByte - BACK_BYTES)
    const block = Buffer.alloc(endByte - fromByte)
    const readCount = readSync(fd, block, 0, block.length, fromByte)
    const newline = block.subarray(0, readCount).lastIndexOf(NEWLINE)
    if (newline >= 0) return fromByte + newline + 1
    endByte = fromByte
  }
  return 0
}
