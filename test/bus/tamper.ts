/**
 * Which harm can be done to a chain, and is each found? Every change of a byte, every deletion, swap and
 * insertion of a line, every cut. Used by the suite on a sample and by `scripts/chain-tamper.ts` on all.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type ChainStatus, type VerifyOptions, verifyChain } from '../../src/bus/verify-chain.ts'

export type TamperCounts = {
  tried: number
  /** Not VERIFIED, and the index is that of the harm. */
  found: number
  readonly missed: string[]
}

export function newCounts(): TamperCounts {
  return { tried: 0, found: 0, missed: [] }
}

/** Judges the chain as it lies there. `where` are the indexes that name the harm rightly. */
export function judgeStored(
  counts: TamperCounts,
  options: VerifyOptions,
  where: readonly number[],
  what: string,
  status?: ChainStatus,
): void {
  const report = verifyChain(options)
  counts.tried += 1
  const isNamed = report.status !== 'VERIFIED' && where.includes(report.flaw!.index)
  if (isNamed && (status === undefined || report.status === status)) counts.found += 1
  else if (counts.missed.length < 20) {
    counts.missed.push(`${what}: ${report.status} ${report.flaw?.kind} at ${report.flaw?.index}`)
  }
}

/** Writes the harmed chain and judges it. */
export function judge(
  counts: TamperCounts,
  options: VerifyOptions,
  harmed: readonly Buffer[],
  where: readonly number[],
  what: string,
): void {
  overwrite(join(options.dir, 'events.jsonl'), Buffer.concat(harmed))
  judgeStored(counts, options, where, what)
}

/** Each byte of line `at` becomes what `values` make of it. `lines` end with their newline. */
export function changeBytes(
  counts: TamperCounts,
  options: VerifyOptions,
  lines: readonly Buffer[],
  at: number,
  values: (byte: number) => readonly number[],
): void {
  const path = join(options.dir, 'events.jsonl')
  overwrite(path, Buffer.concat(lines))
  const startByte = lines.slice(0, at).reduce((sum, { length }) => sum + length, 0)
  const fd = openSync(path, 'r+')
  try {
    for (const [i, original] of lines[at]!.entries()) {
      for (const value of values(original)) {
        if (value === original) continue
        writeSync(fd, Buffer.of(value), 0, 1, startByte + i)
        judgeStored(counts, options, [at], `byte ${i} of line ${at}: ${original} to ${value}`)
      }
      writeSync(fd, Buffer.of(original), 0, 1, startByte + i)
    }
  } finally {
    closeSync(fd)
  }
}

/** Every deletion, every swap of neighbours, a far swap and three insertions at every place. */
export function changeLines(counts: TamperCounts, options: VerifyOptions, lines: readonly Buffer[]): void {
  for (let at = 0; at < lines.length - 1; at++) {
    judge(counts, options, lines.toSpliced(at, 1), [at], `deletion of ${at}`)
    const swapped = lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!)
    judge(counts, options, swapped, [at], `swap of ${at} and the next`)
    judge(counts, options, lines.toSpliced(at, 0, Buffer.from('{}\n')), [at], `{} at ${at}`)
    judge(counts, options, lines.toSpliced(at, 0, Buffer.from('\n')), [at], `an empty line at ${at}`)
    const other = (at * 7 + 3) % lines.length
    if (other === at) continue
    const low = Math.min(at, other)
    const far = lines.with(at, lines[other]!).with(other, lines[at]!)
    judge(counts, options, far, [low], `swap of ${at} and ${other}`)
    judge(counts, options, lines.toSpliced(at, 0, lines[other]!), [at], `copy of ${other} at ${at}`)
  }
}

/**
 * In place: a file that is emptied first is flushed by some file systems, and there are thousands of
 * them.
 */
export function overwrite(path: string, bytes: Buffer): void {
  const fd = openSync(path, 'a')
  closeSync(fd)
  const inPlace = openSync(path, 'r+')
  try {
    writeSync(inPlace, bytes, 0, bytes.length, 0)
    ftruncateSync(inPlace, bytes.length)
  } finally {
    closeSync(inPlace)
  }
}
