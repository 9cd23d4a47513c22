/**
 * What becomes of every bad body that a batch vendor can send? By hand:
 *
 *     npm run bad-bodies                      every kind alone, then all together
 *     npm run bad-bodies -- --kinds empty,all
 *
 * tells one line for each kind on stderr, prints one line of JSON and ends with status 1 if a row was wrong
 * or missing, or a fault left no trace.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import {
  BAD_BODY_KINDS,
  type BadBodiesCase,
  brokenBadBodies,
  type CaseResult,
  fillLake,
  JOBS_OF_A_DAY,
  runBadBodies,
} from '../test/simulation/bad-bodies.ts'

const { values } = parseArgs({
  options: {
    kinds: { type: 'string' },
    /** Where the lakes are kept to look at; without it they are removed when all is well. */
    dir: { type: 'string' },
  },
})

/** The daily job has nothing to add to a history that was fetched a moment ago. */
const FILLING = JOBS_OF_A_DAY.filter((job) => job !== 'batch daily')

const known: readonly string[] = [...BAD_BODY_KINDS, 'all']
const kinds = values.kinds?.split(',') ?? known
const strange = kinds.filter((kind) => !known.includes(kind))
if (strange.length > 0) throw new Error(`no such kind: ${strange.join(', ')}; known are ${known.join(', ')}`)

const dir = values.dir === undefined ? mkdtempSync(join(tmpdir(), 'chandler-bad-')) : resolve(values.dir)
mkdirSync(dir, { recursive: true })
const [alone, together] = [join(dir, 'filled'), join(dir, 'filled-all')]
if (kinds.some((kind) => kind !== 'all')) await fillLake(alone, '502_html', FILLING)
if (kinds.includes('all')) await fillLake(together, 'all', FILLING)
const results: CaseResult[] = []
for (const kind of kinds) {
  const result = await runBadBodies(
    kind === 'all' ? together : alone,
    join(dir, `case-${kind}`),
    kind as BadBodiesCase,
    JOBS_OF_A_DAY,
  )
  results.push(result)
  process.stderr.write(`${lineOf(result)}\n`)
}
const broken = brokenBadBodies(results)
const sum = (name: 'met' | 'rowsCompared' | 'wrong' | 'missing'): number =>
  results.reduce((total, result) => total + result[name], 0)
const totals = {
  met: sum('met'),
  rowsCompared: sum('rowsCompared'),
  wrong: sum('wrong'),
  missing: sum('missing'),
}
process.stdout.write(`${JSON.stringify({ cases: results.length, ...totals, results })}\n`)
for (const one of broken) process.stderr.write(`broken: ${one}\n`)
if (broken.length > 0) process.stderr.write(`the lakes are kept in ${dir}\n`)
else if (values.dir === undefined) rmSync(dir, { recursive: true })
process.exitCode = broken.length === 0 ? 0 : 1

function lineOf(result: CaseResult): string {
  const { kind, met, again, refused, doubted, queued, parked, findings, restated } = result
  const found = Object.entries(findings).map(([name, count]) => `${name} ${count}`)
  return (
    `${kind.padEnd(15)} met ${met}: retried ${again}, refused ${refused}, doubted ${doubted}, ` +
    `queued ${queued}, parked ${parked}, findings ${found.join(' ') || 0}, restated ${restated}; ` +
    `${result.rowsCompared} rows, ${result.wrong} wrong, missing ${result.missingThen} then ${result.missing}`
  )
}
