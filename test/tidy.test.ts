/**
 * Does the source keep the rules of the house? Rows and arrows, what may be called where and what to call
 * instead, sizes, words. Every rule reports all its offenders at once, as `path:line: what, use this`.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { blankSource, codeBlocks } from './support/source-text.ts'

const ROOMS = [
  'batch',
  'bus',
  'calendars',
  'candles',
  'curation',
  'dashboard',
  'gates',
  'journal',
  'monitors',
  'scheduler',
  'sim',
  'store',
  'stream',
  'terminal',
  'venues',
]

/** What the program was told. Like a room: it knows no other, and only app and cli know it. */
const SETTINGS: readonly string[] = ['config.ts', 'config-shape.ts', 'credentials.ts']

/** An import points to a lower row or stays in its own place: rooms do not know each other. */
const ROWS: readonly (readonly string[])[] = [
  ['domain'],
  ['platform'],
  [...ROOMS, 'settings'],
  ['app'],
  ['cli'],
]

const LINE_COLUMNS_MAX = 110
const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70

type Ban = {
  readonly pattern: RegExp
  /** Files in which it is allowed. */
  readonly allowed: RegExp
  readonly instead: string
  /** `code` has no comments and no literals; `literals` no comments; `text` is everything. */
  readonly part: 'code' | 'literals' | 'text'
}

const NOWHERE = /^$/
const PLATFORM = /^src\/platform\//

const BANS: readonly Ban[] = [
  ban('code', /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b/, PLATFORM, 'a Clock'),
  ban('code', /\b(setTimeout|setInterval)\(/, PLATFORM, 'clock.after, every, sleep'),
  ban('literals', /from '(node:)?timers(\/promises)?'/, PLATFORM, 'a Clock'),
  ban('code', /\bprocess\.(env|exit)\b/, /^src\/(config\.ts$|cli\/)/, 'config.ts, or an error'),
  ban('code', /(?<![.\w])(fetch|WebSocket)\(/, PLATFORM, 'createSender or a socket of platform'),
  ban('literals', /from 'ws'|from '(node:)?(https?|net|tls|dgram)'/, PLATFORM, 'platform/http, platform/…'),
  ban(
    'code',
    /\b(fsync|fdatasync|link|rename)Sync\b|\bdatasync\(/,
    /^src\/platform\/durable\.ts$/,
    'platform/durable.ts',
  ),
  ban('literals', /from '(node:)?fs\/promises'/, PLATFORM, 'node:fs for reading, platform/durable.ts'),
  ban('code', /\bconsole\./, NOWHERE, 'a Log, or the output that the command was given'),
  ban('code', /(:|\bas|<|\|)\s*any\b|\bany\[\]/, NOWHERE, 'unknown and a check'),
  ban('text', /@ts-(ignore|expect-error|nocheck)|biome-ignore(?! [^:]+: \S)/, NOWHERE, 'a type that is true'),
  ban('code', /\brejectUnauthorized(?!: true\b)|\bcheckServerIdentity\b/, NOWHERE, 'TLS as it is'),
  ban('code', /\bMath\.random\(/, PLATFORM, 'a seed that was passed in'),
  ban('code', /^\s*(export )?(declare )?(const )?(enum|namespace) /m, NOWHERE, 'a union, a module'),
  ban('text', /\bcatch\s*(\([^)]*\))?\s*\{\s*\}/, NOWHERE, 'a catch that does something, or says why not'),
  ban('text', /\b(TODO|FIXME|XXX|HACK)\b/, NOWHERE, 'doing it, or saying what is not done'),
  ban('text', /\blatest|Latest/, NOWHERE, 'the time it is the last of: raw, canonical, evaluated'),
  ban('text', /\bcurrent(?![a-z])|\bCurrent(?![a-z])/, NOWHERE, 'which one it is: open, running, today'),
  ban('code', /\b(kline|ticker)|Kline|Ticker/, NOWHERE, 'candle, symbol'),
]

/** Roots of file systems of people and machines; nothing in the project may name one. */
const MACHINE_PATH = new RegExp(`(?<![\\w.~-])/(?:${['work', 'home', 'root', 'Users'].join('|')})/`)

const VAGUE_NAME = /\b(utils?|helpers?|common|misc|managers?)\b/

type SourceFile = { readonly path: string; readonly text: string }

function filesOf(...patterns: readonly string[]): readonly SourceFile[] {
  return globSync([...patterns])
    .filter((path) => !path.includes('node_modules/'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
}

const sources = filesOf('src/**/*.ts')

function ban(part: Ban['part'], pattern: RegExp, allowed: RegExp, instead: string): Ban {
  return { pattern, allowed, instead, part }
}

function placeOf(path: string): string {
  const name = path.split('/')[1]!
  return SETTINGS.includes(name) ? 'settings' : name
}

function rowOf(path: string): number {
  return ROWS.findIndex((places) => places.includes(placeOf(path)))
}

/** Paths of the files that a file names: imports of values and of types, static and dynamic. */
function importsOf({ path, text }: SourceFile): readonly string[] {
  const code = blankSource(text, { keepLiterals: true })
  const targets = [...code.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.[^']+)'/g)].map(
    (match) => match[1]!,
  )
  return targets.map((target) => normalize(join(dirname(path), target)))
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

test('there is source to judge', () => {
  expect(sources.length).toBeGreaterThan(20)
})

test('every file lies in a place of the house, under a name that says something', () => {
  const offenders = sources
    .map(({ path }) => path)
    .filter((path) => rowOf(path) < 0 || VAGUE_NAME.test(path))
    .map((path) => `${path}: no place for this folder in ROWS, or a vague name`)
  expect(offenders).toEqual([])
})

test('imports point down, never up and never sideways', () => {
  const offenders = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => placeOf(target) !== placeOf(file.path) && rowOf(target) >= rowOf(file.path))
      .map((target) => `${file.path} must not import ${target}: what two rooms share is a word in domain`),
  )
  expect(offenders).toEqual([])
})

test('the words import nothing but words', () => {
  const offenders = sources
    .filter(({ path }) => placeOf(path) === 'domain')
    .filter(({ text }) => /\bfrom '[^.]/.test(blankSource(text, { keepLiterals: true })))
  expect(offenders.map(({ path }) => path)).toEqual([])
})

test('no circle of imports', () => {
  const graph = new Map(sources.map((file) => [file.path, importsOf(file)]))
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
  expect(circles).toEqual([])
})

test('every import names a file that exists', () => {
  const known = new Set([...sources.map(({ path }) => path), ...globSync('src/**/*.json')])
  const offenders = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => !known.has(target))
      .map((target) => `${file.path} -> ${target}`),
  )
  expect(offenders).toEqual([])
})

test('nothing is called that has a better home, and no word is used that means two things', () => {
  const offenders = sources.flatMap(({ path, text }) => {
    const parts = { text, literals: blankSource(text, { keepLiterals: true }), code: blankSource(text) }
    return BANS.filter(({ allowed }) => !allowed.test(path)).flatMap(({ pattern, part, instead }) =>
      [...parts[part].matchAll(new RegExp(pattern, `${pattern.flags}g`))].map(
        (match) => `${path}:${lineAt(text, match.index)}: "${match[0].trim()}", use ${instead}`,
      ),
    )
  })
  expect(offenders).toEqual([])
})

test(`no file over ${FILE_LINES_MAX} lines, no function over ${FUNCTION_LINES_MAX}`, () => {
  const long = sources.flatMap(({ path, text }) => {
    const lineCount = text.trimEnd().split('\n').length
    const blocks = codeBlocks(text).filter((block) => block.lineCount > FUNCTION_LINES_MAX)
    return [
      ...(lineCount > FILE_LINES_MAX ? [`${path}: ${lineCount} lines`] : []),
      ...blocks.map((block) => `${path}:${block.line}: a function of ${block.lineCount} lines`),
    ]
  })
  expect(long).toEqual([])
})

test('every file says first, in a comment, which question it answers', () => {
  const silent = sources.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text))
  expect(silent.map(({ path }) => path)).toEqual([])
})

test(`no line over ${LINE_COLUMNS_MAX} columns`, () => {
  const wide = filesOf('src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', '*.ts').flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ where: `${path}:${index + 1}`, columns: [...line].length }))
      .filter(({ columns }) => columns > LINE_COLUMNS_MAX)
      .map(({ where, columns }) => `${where}: ${columns} columns`),
  )
  expect(wide).toEqual([])
})

test('the project names no place on the machine of whoever wrote it', () => {
  const texts = ['src', 'test', 'bench', 'runbooks', '.ci'].map(
    (dir) => `${dir}/**/*.{ts,json,md,yaml,yml,sh}`,
  )
  const offenders = filesOf(...texts, '*.{ts,json,md,yaml,yml}', '.ci/*').flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (MACHINE_PATH.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  )
  expect(offenders).toEqual([])
})
