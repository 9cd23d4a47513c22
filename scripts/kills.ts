/**
 * How often may the worker be killed before something is lost? By hand:
 *
 *     npm run kills -- --count 200 --seed 1
 *
 * prints one line of JSON and ends with status 1 if a promise was broken.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { brokenPromises, runKillLoop } from '../test/simulation/kill-loop.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    speed: { type: 'string', default: '60' },
    'grace-ms': { type: 'string', default: '20000' },
    instruments: { type: 'string', default: '24' },
    rate: { type: 'string', default: '12' },
    'interval-ms': { type: 'string', default: '3500' },
    /** Where the lakes are kept to look at; without it they are removed when all is well. */
    dir: { type: 'string' },
  },
})

const dir = values.dir === undefined ? mkdtempSync(join(tmpdir(), 'chandler-kills-')) : resolve(values.dir)
mkdirSync(dir, { recursive: true })
const summary = await runKillLoop({
  dir,
  count: Number(values.count),
  seed: Number(values.seed),
  speed: Number(values.speed),
  graceMs: Number(values['grace-ms']),
  instrumentCount: Number(values.instruments),
  packetsPerSecond: Number(values.rate),
  intervalMs: Number(values['interval-ms']),
  onProgress: (text) => void process.stderr.write(`${text}\n`),
})
process.stdout.write(`${JSON.stringify(summary)}\n`)
const broken = brokenPromises(summary)
for (const one of broken) process.stderr.write(`broken: ${one}\n`)
if (broken.length > 0) process.stderr.write(`the lakes are kept in ${dir}\n`)
else if (values.dir === undefined) rmSync(dir, { recursive: true })
process.exitCode = broken.length === 0 && summary.kills === Number(values.count) ? 0 : 1
