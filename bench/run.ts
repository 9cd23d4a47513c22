/**
 * `npm run bench`: every benchmark, one after the other, each in a process of its own.
 * `npm run bench -- replay` runs one; `--runs 9` is handed on. Their JSON lines go to stdout, progress to
 * stderr. The peers are installed first where they are missing, from this folder's own lock file.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BENCHMARKS = [
  'decode-fold',
  'whole-path',
  'replay',
  'tardis',
  'worker',
  'start',
  'curation',
  'gate',
  'bus',
]
const FLAGS = ['--disable-warning=ExperimentalWarning']
/** The whole path runs as the command itself does: see the first line of src/cli/main.ts. */
const MORE_FLAGS: Readonly<Record<string, readonly string[]>> = { 'whole-path': ['--max-semi-space-size=2'] }
const here = fileURLToPath(new URL('.', import.meta.url))
const args = process.argv.slice(2)
const named = args.filter((arg) => BENCHMARKS.includes(arg))
const passedOn = args.filter((arg) => !BENCHMARKS.includes(arg))

if (!existsSync(`${here}node_modules`)) {
  process.stderr.write('installing the peers into bench/node_modules\n')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
}
let isGood = true
for (const name of named.length > 0 ? named : BENCHMARKS) {
  process.stderr.write(`${name}\n`)
  isGood = run(process.execPath, [...FLAGS, ...(MORE_FLAGS[name] ?? []), `${name}.ts`, ...passedOn]) && isGood
}
process.exitCode = isGood ? 0 : 1

function run(command: string, commandArgs: readonly string[]): boolean {
  const { status } = spawnSync(command, commandArgs, { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] })
  return status === 0
}
