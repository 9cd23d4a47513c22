/**
 * What need not be asked again? Kept answers tell it by their names. What remains is the answer that there is
 * nothing, no splits, no dividends, which is most companies' answer and leaves no raw file; it is noted here,
 * one line each, so that a run that was cut down does not spend a permit on it twice.
 *
 *     jobs/us/empty-answers.jsonl   {"wish":"SPLITS KO","atMs":1790000000000}
 *
 * Nor does the name tell that an answer ended before the session it was asked for: a vendor that is late,
 * or a stock without a trade. Such an answer is noted too, before it is kept, and does not count for it.
 *
 *     jobs/us/without-session.jsonl   {"wish":{"function":…},"session":"2026-05-15","atMs":1790000000000}
 *
 * A line is durable before its permit counts as well spent. A torn last line is forgotten, which costs one
 * request.
 */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { BatchWish, RawAnswer } from '../domain/batch.ts'
import { systemCodeOf } from '../domain/error.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { fileError, makeDir, syncData, writeFully } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'

const NAME = 'empty-answers.jsonl'
const WITHOUT_NAME = 'without-session.jsonl'

export class KnownAnswers {
  readonly #path: string
  readonly #fetchedMs = new Map<string, number>()
  /** By series: daily answers of one symbol are about the same days, in whatever size. */
  readonly #newest = new Map<string, RawAnswer>()
  readonly #withoutPath: string
  readonly #without = new Map<string, WithoutSession[]>()
  #fd: number | null = null
  #withoutFd: number | null = null

  /** `answers`: every kept one. The caller holds the market's lock. */
  constructor(dir: string, answers: readonly RawAnswer[]) {
    makeDir(dir)
    this.#path = join(dir, NAME)
    for (const { wish, atMs } of readLines(this.#path, emptyAnswerOf)) this.#note(wish, atMs)
    this.#withoutPath = join(dir, WITHOUT_NAME)
    for (const note of readLines(this.#withoutPath, withoutOf)) this.#noteWithout(note)
    for (const answer of answers) this.add(answer)
  }

  /** When the newest answer to the wish was fetched, in whatever format; -Infinity: never. */
  fetchedMs(wish: BatchWish): number {
    return this.#fetchedMs.get(keyOf(wish)) ?? Number.NEGATIVE_INFINITY
  }

  /** Whether an answer that is not older will do, for `session` where one is named. */
  has(wish: BatchWish, sinceMs: UnixMs, session?: MarketDate): boolean {
    if (this.fetchedMs(wish) < sinceMs) return false
    return session === undefined || !this.isWithout(wish, session)
  }

  /** The newest answer to the wish was noted as one without the session. */
  isWithout(wish: BatchWish, session: MarketDate): boolean {
    const last = this.#without.get(keyOf(wish))?.at(-1)
    return last !== undefined && last.session === session && last.atMs >= this.fetchedMs(wish)
  }

  /** Wishes that were answered once, and without the session: whether it has come is asked once more. */
  onceWithout(session: MarketDate): readonly BatchWish[] {
    return [...this.#without.values()].flatMap((notes) => {
      const [first, second] = notes.filter((note) => note.session === session)
      return first !== undefined && second === undefined && this.isWithout(first.wish, session)
        ? [first.wish]
        : []
    })
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
      this.#fd ??= opened(this.#path)
      writeLine(this.#fd, { wish: key, atMs })
    } catch (error) {
      throw fileError('noting an empty answer in', this.#path, error)
    }
    this.#note(key, atMs)
  }

  /** An answer of `atMs` does not have the session. Durable when it returns. */
  addWithout(wish: BatchWish, session: MarketDate, atMs: UnixMs): void {
    const note = { wish, session, atMs }
    try {
      this.#withoutFd ??= opened(this.#withoutPath)
      writeLine(this.#withoutFd, note)
    } catch (error) {
      throw fileError('noting an answer without the session in', this.#withoutPath, error)
    }
    this.#noteWithout(note)
  }

  close(): void {
    for (const fd of [this.#fd, this.#withoutFd]) if (fd !== null) closeSync(fd)
    this.#fd = null
    this.#withoutFd = null
  }

  #noteWithout(note: WithoutSession): void {
    const key = keyOf(note.wish)
    this.#without.set(key, [...(this.#without.get(key) ?? []), note])
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

type WithoutSession = { readonly wish: BatchWish; readonly session: MarketDate; readonly atMs: number }

/** Ends the line that a crash may have left without its end: it must not swallow the next one. */
function opened(path: string): number {
  const fd = openSync(path, 'a', 0o644)
  writeFully(fd, Buffer.from('\n'))
  return fd
}

function writeLine(fd: number, line: EmptyAnswer | WithoutSession): void {
  writeFully(fd, Buffer.from(`${JSON.stringify(line)}\n`))
  syncData(fd)
}

function readLines<Line>(path: string, lineOf: (text: string) => Line | null): readonly Line[] {
  let text: string
  try {
    text = readTextFile(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('reading', path, error)
  }
  return text.split('\n').flatMap((line) => lineOf(line) ?? [])
}

function withoutOf(line: string): WithoutSession | null {
  const read = jsonOf(line) as Partial<WithoutSession> | null
  const isWhole =
    typeof read?.atMs === 'number' &&
    typeof read.session === 'string' &&
    typeof read.wish?.symbol === 'string'
  return isWhole ? (read as WithoutSession) : null
}

function emptyAnswerOf(line: string): EmptyAnswer | null {
  const read = jsonOf(line) as Partial<EmptyAnswer> | null
  return typeof read?.wish === 'string' && typeof read.atMs === 'number' ? (read as EmptyAnswer) : null
}

/** Null for a line that a crash left half written, or the end of one with the next line behind it. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
