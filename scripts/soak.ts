/**
 * Does it run for weeks? Ten accelerated sessions in a row through one daemon, with random faults. By hand:
 *
 *     npm run soak -- --days 10 --seed 1
 *
 * prints one line of JSON and ends with status 1 if a promise was broken. A day takes three minutes.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runSoak, type SoakDay, type SoakSummary } from '../test/simulation/soak.ts'

/** Of the memory, last day against first. */
const GROWTH_MAX_PERCENT = 5

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '10' },
    speed: { type: 'string', default: '480' },
    seed: { type: 'string', default: '1' },
    instruments: { type: 'string', default: '40' },
    rate: { type: 'string', default: '4' },
    /** Where the lake is kept to look at; without it it is removed when all is well. */
    dir: { type: 'string' },
  },
})

/** Passed, held back for a stated reason, or waiting behind a session that is: the gate judges in order. */
function isJudged({ date, verdict, why }: SoakDay, days: readonly SoakDay[]): boolean {
  const isBehind = days.some((other) => other.date < date && other.verdict !== 'pass' && other.why !== '')
  return verdict === 'pass' || why !== '' || (verdict === 'none' && isBehind)
}

function brokenPromises(summary: SoakSummary): readonly string[] {
  const { days, verifyStatus, replayStatuses, daemonStatus } = summary
  return [
    ...days.flatMap((day) => [
      ...(day.settled ? [] : [`${day.date} is not settled`]),
      ...(isJudged(day, days) ? [] : [`${day.date}: ${day.verdict} without a reason`]),
      ...(day.lostCount === 0 ? [] : [`${day.date}: ${day.lostCount} traded minutes have no candle`]),
      ...(day.untrueCount === 0 ? [] : [`${day.date}: ${day.untrueCount} candles are not true`]),
      ...(day.isBalanced ? [] : [`${day.date}: volume does not add up`]),
      ...day.unexplainedGaps.map((gap) => `${day.date}: unexplained gap ${gap}`),
    ]),
    ...(verifyStatus === 0 ? [] : ['verify found something']),
    ...replayStatuses.flatMap((status, at) => (status === 0 ? [] : [`replay of day ${at} differs`])),
    ...(daemonStatus === 0 ? [] : [`the daemon ended with status ${daemonStatus}`]),
    ...(summary.workerGrowthPercent <= GROWTH_MAX_PERCENT ? [] : ['the worker grew']),
    ...(summary.daemonGrowthPercent <= GROWTH_MAX_PERCENT ? [] : ['the daemon grew']),
  ]
}

const dir = values.dir === undefined ? mkdtempSync(join(tmpdir(), 'chandler-soak-')) : resolve(values.dir)
mkdirSync(dir, { recursive: true })
const summary = await runSoak({
  dir,
  dayCount: Number(values.days),
  speed: Number(values.speed),
  seed: Number(values.seed),
  instrumentCount: Number(values.instruments),
  packetsPerSecond: Number(values.rate),
  onProgress: (text) => void process.stderr.write(`${text}\n`),
})
process.stdout.write(`${JSON.stringify(summary)}\n`)
const broken = brokenPromises(summary)
for (const one of broken) process.stderr.write(`broken: ${one}\n`)
if (broken.length > 0) process.stderr.write(`the lake is kept in ${dir}\n`)
else if (values.dir === undefined) rmSync(dir, { recursive: true })
process.exitCode = broken.length === 0 ? 0 : 1
