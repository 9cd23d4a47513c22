/**
 * Which recorded answers are there? A folder of bodies, served as they are. Either an `index.json` names
 * them, a list of `{ID, path, url}` with the URL that was asked and the body under the ID or the path's
 * last name; or each file's name does: `FUNCTION_SYMBOL_variant.csv`, `LISTING_STATUS_active.csv`,
 * `SPLITS_IBM.json`. A recording without a variant answers every variant.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { BATCH_FUNCTIONS } from '../../domain/batch.ts'
import { messageOf, OperatingError } from '../../domain/error.ts'
import { readTextFile } from '../../platform/text-file.ts'
import { type Question, questionText, readQuestion, variantOf } from './question.ts'

export class Recordings {
  /** `csv TIME_SERIES_DAILY IBM compact` to the file. */
  readonly #files: ReadonlyMap<string, string>

  constructor(files: ReadonlyMap<string, string>) {
    this.#files = files
  }

  /** The body as recorded; null for what was not. */
  find(question: Question): string | null {
    const format = question.function === 'LISTING_STATUS' ? 'csv' : question.format
    const text = questionText(question)
    const variant = variantOf(question)
    const bare = variant === '' ? text : text.slice(0, -variant.length).trimEnd()
    const path = this.#files.get(`${format} ${text}`) ?? this.#files.get(`${format} ${bare}`)
    return path === undefined ? null : readTextFile(path)
  }

  get count(): number {
    return this.#files.size
  }
}

/** Throws RECORDING_INVALID. */
export function openRecordings(dir: string): Recordings {
  try {
    const index = join(dir, 'index.json')
    const files = existsSync(index) ? filesOfIndex(dir, readTextFile(index)) : filesOfNames(dir)
    if (files.size === 0) throw new Error('no answer to any question is in it')
    return new Recordings(files)
  } catch (error) {
    throw new OperatingError(
      `reading the recording ${dir}: ${messageOf(error)}; give a folder of answers ` +
        'named FUNCTION_SYMBOL.csv, or one with an index.json',
      { code: 'RECORDING_INVALID', cause: error },
    )
  }
}

type IndexEntry = { readonly ID?: unknown; readonly path?: unknown; readonly url?: unknown }

/** Entries whose file is not there, or that we never ask for, are left out. */
function filesOfIndex(dir: string, text: string): Map<string, string> {
  const entries: unknown = JSON.parse(text)
  if (!Array.isArray(entries)) throw new Error('index.json is not a list')
  const files = new Map<string, string>()
  for (const { path, url } of entries as readonly IndexEntry[]) {
    const file = typeof path === 'string' ? join(dir, basename(path)) : null
    if (file === null || typeof url !== 'string' || !existsSync(file)) continue
    const { searchParams } = new URL(url)
    const question = readQuestion(searchParams)
    // The recorded URLs do not say in which format: the file's name does.
    if (question !== null) files.set(`${extname(file).slice(1)} ${questionText(question)}`, file)
  }
  return files
}

function filesOfNames(dir: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const name of readdirSync(dir)) {
    const format = extname(name).slice(1)
    const stem = basename(name, extname(name))
    const known = BATCH_FUNCTIONS.toSorted((left, right) => right.length - left.length).find(
      (one) => stem === one || stem.startsWith(`${one}_`),
    )
    if (known === undefined || (format !== 'csv' && format !== 'json')) continue
    const words = [known, ...stem.slice(known.length + 1).split('_')].filter((word) => word !== '')
    files.set(`${format} ${words.join(' ')}`, join(dir, name))
  }
  return files
}
