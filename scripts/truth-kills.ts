/**
 * How often may commands of truth be killed before CTT or TE is half moved? By hand:
 *
 *     npm run truth-kills -- --count 200 --seed 1
 *
 * prints one line of JSON and ends with status 1 if a promise was broken.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runTruthKills } from '../test/simulation/truth-kills.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    /** Where the lake is kept to look at; without it, it is removed when all is well. */
    dir: { type: 'string' },
  },
})

const dir =
  values.dir === undefined ? mkdtempSync(join(tmpdir(), 'chandler-truth-kills-')) : resolve(values.dir)
mkdirSync(dir, { recursive: true })
const summary = await runTruthKills({
  dir,
  count: Number(values.count),
  seed: Number(values.seed),
  onProgress: (text) => void process.stderr.write(`${text}\n`),
})
process.stdout.write(`${JSON.stringify(summary)}\n`)
const isKept = summary.broken.length === 0
if (!isKept) process.stderr.write(`the lake is kept in ${dir}\n`)
else if (values.dir === undefined) rmSync(dir, { recursive: true })
process.exitCode = isKept && summary.kills === Number(values.count) ? 0 : 1
