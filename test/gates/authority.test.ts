/**
 * Who may move truth? Read from the source, so that a new file which takes the authority is found at once.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { blankSource } from '../support/source-text.ts'

const sources = globSync('src/**/*.ts').map((path) => ({
  path,
  code: blankSource(readFileSync(path, 'utf8'), { keepLiterals: true }),
}))

/** Files that name the word as a literal in code, comments not counted. */
function naming(literal: string): readonly string[] {
  return sources
    .filter(({ code }) => code.includes(`'${literal}'`))
    .map(({ path }) => path)
    .toSorted()
}

function importing(target: string): readonly string[] {
  return sources
    .filter(({ path, code }) =>
      [...code.matchAll(/from '(\.[^']+)'/g)].some((match) => join(dirname(path), match[1]!) === target),
    )
    .map(({ path }) => path)
    .toSorted()
}

/** What folds, what appends, and where the words stand as vocabulary; `bus` signs some of them at once. */
const VOCABULARY = ['src/bus/', 'src/domain/event.ts', 'src/gates/payloads.ts', 'src/gates/state.ts']

/** What only looks for the words among events that are there: it is not given anything to append with. */
const READERS = ['src/app/eod.ts', 'src/app/eod-items.ts']

test.each(READERS)('%s looks and appends nothing', (reader) => {
  const { code } = sources.find(({ path }) => path === reader)!
  expect(code).not.toMatch(/\bappend\b|\.record\(|\bdecide\(|\bexclusively\b/)
})

test.each([
  ['gate.epoch', ['src/app/gate-epoch.ts']],
  ['epoch.advanced', ['src/app/epoch-moves.ts']],
  ['epoch.overridden', ['src/app/epoch-moves.ts']],
  ['epoch.rolled_back', ['src/app/epoch-moves.ts']],
  ['epoch.invalidated', ['src/app/truth.ts']],
  ['review.decided', ['src/app/review.ts', 'src/gates/ingest-history.ts']],
  ['halt.cleared', ['src/app/halt.ts']],
  ['gate.ingest', ['src/app/gate-ingest.ts', 'src/app/truth-ingest.ts', 'src/gates/ingest-history.ts']],
])('%s is written by nobody else', (type, expected) => {
  const writers = naming(type).filter((path) => !VOCABULARY.some((place) => path.startsWith(place)))
  expect(writers.filter((path) => !expected.includes(path) && !READERS.includes(path))).toEqual([])
})

test('TE is moved by the command of an operator alone: no job, scheduler or server can call it', () => {
  expect(importing('src/app/epoch.ts')).toEqual(['src/cli/epoch.ts'])
  expect(importing('src/app/epoch-moves.ts')).toEqual([
    'src/app/epoch.ts',
    'src/app/halt.ts',
    'src/app/review.ts',
  ])
  for (const path of ['src/app/halt.ts', 'src/app/review.ts']) {
    const { code } = sources.find((each) => each.path === path)!
    expect(code).toContain("import type { Justified } from './epoch-moves.ts'")
  }
})

test('CTT and TE are computed by gates alone: nobody else builds the records or the line of epochs', () => {
  expect(importing('src/gates/records.ts')).toEqual(['src/gates/state.ts'])
  const line = sources.filter(({ code }) => code.includes('new EpochLine(')).map(({ path }) => path)
  expect(line).toEqual(['src/gates/state.ts'])
})

test('no decision reads a clock or the moment at which an event was written', () => {
  const reading = sources
    .filter(({ path }) => path.startsWith('src/gates/'))
    .filter(({ code }) => /recorded_at|event_time|wallMs|platform\//.test(code))
  expect(reading.map(({ path }) => path)).toEqual([])
})
