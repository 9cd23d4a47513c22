/**
 * Rows 7 to 9, 24, 25 and 29: what is tested elsewhere, exhaustively or by seeds, is run here and not written
 * twice. A test that this machine skips is counted, and named in the figures.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Place } from '../../test/faults/place.ts'
import type { FaultRow, Figures, Outcome } from '../../test/faults/row.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

type Report = {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

async function nodeRun(
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly stdout: string }> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { status, stdout }
}

/** `only` is a pattern over the tests' names. */
async function suite(place: Place, files: readonly string[], only?: string): Promise<Outcome> {
  const file = join(place.dir, 'report.json')
  const filter = only === undefined ? [] : ['-t', only]
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  await nodeRun([vitest, 'run', ...files, ...filter, '--reporter=json', `--outputFile=${file}`])
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = tests.filter(({ status }) => status === 'failed').map(({ title }) => title)
  const figures = { tests: report.numPassedTests, failed: report.numFailedTests }
  const isEmpty = report.numPassedTests === 0
  return { figures, broken: isEmpty ? ['no test ran', ...failed] : failed }
}

/** A script that prints one line of JSON and ends with status 1 where something is wrong. */
async function script(args: readonly string[]): Promise<Outcome> {
  const { status, stdout } = await nodeRun(args)
  const lastLine = stdout.trim().split('\n').at(-1) ?? ''
  const told = lastLine.startsWith('{') ? (JSON.parse(lastLine) as Record<string, unknown>) : {}
  const figures: Record<string, number | string | boolean> = {}
  for (const [name, value] of Object.entries(told)) {
    if (['number', 'string', 'boolean'].includes(typeof value)) figures[name] = value as number
    else figures[name] = JSON.stringify(value).slice(0, 200)
  }
  return { figures, broken: status === 0 ? [] : [`${args[0]} ended with status ${status}`] }
}

function both(...outcomes: readonly Outcome[]): Outcome {
  const figures: Figures = Object.assign({}, ...outcomes.map((one) => one.figures))
  return { figures, broken: outcomes.flatMap(({ broken }) => broken) }
}

export const SUITE_ROWS: readonly FaultRow[] = [
  {
    row: 7,
    name: 'torn and reordered sectors',
    injects: 'a model of a disk: each unsynced sector kept, zeroed, garbled or cut, by 300 seeds and more',
    mustHold: 'every durable entry, nothing invented, no false alarm; recovering twice is recovering once',
    needs: [],
    isQuick: true,
    run: (place) => suite(place, ['test/journal/recovery-model.test.ts']),
  },
  {
    row: 8,
    name: 'every cut, every flipped bit',
    injects: 'a journal, a manifest, a compressed segment: cut at each byte, each bit flipped',
    mustHold: 'costs the entry that it lies in; never a crash, never accepted',
    needs: [],
    isQuick: true,
    run: (place) =>
      suite(
        place,
        ['test/journal/damage.test.ts', 'test/journal/threads.test.ts', 'test/store/manifest.test.ts'],
        'cut|bit|byte|torn|damaged',
      ),
  },
  {
    row: 9,
    name: 'segments exchanged',
    injects: 'a segment removed, swapped, copied, taken from another journal, from an older run',
    mustHold: 'refused, or told as missing; never accepted',
    needs: [],
    isQuick: true,
    run: (place) => suite(place, ['test/journal/damage.test.ts'], 'segment'),
  },
  {
    row: 24,
    name: 'a feed that misbehaves',
    injects:
      'duplicates, disorder, drops, lateness, falling volume, stalls, refusals, over real sockets for a session',
    mustHold: 'candles that say complete are those of a feed without faults; what is dropped is counted',
    needs: [],
    isQuick: false,
    run: (place) => suite(place, ['test/simulation/faults.test.ts']),
  },
  {
    row: 25,
    name: 'corrupt frames',
    injects:
      'a million damaged packets against a second decoder; messages beyond every limit on a real socket',
    mustHold: 'every packet gives ticks or a counted rejection; bounded memory',
    needs: [],
    isQuick: false,
    run: async (place) =>
      both(
        await script(['scripts/fuzz.ts']),
        await suite(place, ['test/stream/websocket.test.ts', 'test/venues/decode.test.ts']),
      ),
  },
  {
    row: 29,
    name: 'a chain that was tampered with',
    injects: 'another byte, deletions, insertions, swaps, cuts at every byte, a rewritten chain, a fork',
    mustHold: 'found and named, with the index; a cut or a rewriting through any anchor',
    needs: [],
    isQuick: false,
    run: async (place) =>
      both(
        await suite(place, ['test/bus/verify-chain.test.ts']),
        await script([
          'scripts/chain-tamper.ts',
          '--events',
          '200',
          '--parts',
          '8',
          '--part',
          '3',
          '--samples',
          '4',
        ]),
      ),
  },
]
