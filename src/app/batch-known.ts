/**
 * What need not be asked again? Kept answers tell it by their names. What remains is the answer that there is
 * nothing, no splits, no dividends, which is most companies' answer and leaves no raw file; it is noted here,
 * one line each, so that a run that was cut down does not spend a permit on it twice.
 *
 *     jobs/us/empty-answers.jsonl   {"wish":"SPLITS KO","atMs":1790000000000}
 *
 * A line is durable before its permit counts as well spent. A torn last line is forgotten, which costs one
 * request.
 */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { BatchWish, RawAnswer } from '../domain/batch.ts'
import { systemCodeOf } from '../domain/error.ts'
import type { UnixMs } from '../domain/time.ts'
import { fileError, makeDir, syncData, writeFully } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'

const NAME = 'empty-answers.jsonl'

export class KnownAnswers {
  readonly #path: string
  readonly #fetchedMs = new Map<string, number>()
  /** By series: daily answers of one symbol are about the same days, in whatever size. */
  readonly #newest = new Map<string, RawAnswer>()
  #fd: number | null = null

  /** `answers`: every kept one. The caller holds the market's lock. */
  constructor(dir: string, answers: readonly RawAnswer[]) {
    makeDir(dir)
    this.#path = join(dir, NAME)
    for (const { wish, atMs } of readEmpty(this.#path)) this.#note(wish, atMs)
    for (const answer of answers) this.add(answer)
  }

  /** When the newest answer to the wish was fetched, in whatever format; -Infinity: never. */
  fetchedMs(wish: BatchWish): number {
    return this.#fetchedMs.get(keyOf(wish)) ?? Number.NEGATIVE_INFINITY
  }

  /** The newest kept answer that is about the same as the wish; null: none is. */
  newestLike(wish: BatchWish): RawAnswer | null {
    return this.#newest.get(seriesOf(wish)) ?? null
  }

  add(answer: RawAnswer): void {
    const { wish, fetchedAtMs } = answer
    this.#note(keyOf(wish), fetchedAtMs)
    const series = seriesOf(wish)
    const before = this.#newest.get(series)
    if (before === undefined || before.fetchedAtMs <= fetchedAtMs) this.#newest.set(series, answer)
  }

  /** Durable when it returns. */
  addEmpty(wish: BatchWish, atMs: UnixMs): void {
    const key = keyOf(wish)
    try {
      this.#fd ??= this.#open()
      writeFully(this.#fd, Buffer.from(`${JSON.stringify({ wish: key, atMs })}\n`))
      syncData(this.#fd)
    } catch (error) {
      throw fileError('noting an empty answer in', this.#path, error)
    }
    this.#note(key, atMs)
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  /** Ends the line that a crash may have left without its end: it must not swallow the next one. */
  #open(): number {
    const fd = openSync(this.#path, 'a', 0o644)
    writeFully(fd, Buffer.from('\n'))
    return fd
  }

  #note(key: string, atMs: number): void {
    this.#fetchedMs.set(key, Math.max(atMs, this.#fetchedMs.get(key) ?? Number.NEGATIVE_INFINITY))
  }
}

function keyOf({ function: name, symbol, variant }: BatchWish): string {
  return `${name} ${symbol} ${variant}`.trim()
}

function seriesOf({ function: name, symbol, variant }: BatchWish): string {
  return name.startsWith('TIME_SERIES_DAILY') ? `DAILY ${symbol}` : `${name} ${symbol} ${variant}`
}

type EmptyAnswer = { readonly wish: string; readonly atMs: number }

function readEmpty(path: string): readonly EmptyAnswer[] {
  let text: string
  try {
    text = readTextFile(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('reading', path, error)
  }
  return text.split('\n').flatMap((line) => emptyAnswerOf(line) ?? [])
}

/** Null for a line that a crash left half written, or the end of one with the next line behind it. */
function emptyAnswerOf(line: string): EmptyAnswer | null {
  try {
    const { wish, atMs } = JSON.parse(line) as Partial<EmptyAnswer>
    return typeof wish === 'string' && typeof atMs === 'number' ? { wish, atMs } : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
