/**
 * Does the ingestion gate catch every kind of corruption in every recorded session, and reject no clean one?
 *
 *     node scripts/corruptions.ts [--seed 1] [--rounds 1]
 *
 * Needs the recorded sessions beside the repository. Progress and misses on stderr, the result as one line of
 * JSON on stdout; exit status 1 where a clean session was rejected or a corruption passed.
 */
import { existsSync } from 'node:fs'
import type { CandleTable } from '../src/domain/candle.ts'
import { judgeSession } from '../src/gates/ingest.ts'
import { Prng } from '../src/sim/prng.ts'
import { CORRUPTIONS, comparesDays, missOf } from '../test/gates/corruption.ts'
import { asTicks, evidenceOf, RECORDING, recordedSessions } from '../test/gates/corruption-sessions.ts'

function flag(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? byDefault : Number(process.argv[at + 1])
}

/** Three weeks after the others and without indices: judged, follows nothing, and stays uncorrupted. */
const ALONE = '2016-09-30'

if (!existsSync(RECORDING)) {
  process.stderr.write(`there is no ${RECORDING}: nothing to judge\n`)
  process.exit(1)
}

const seed = flag('seed', 1)
const rounds = flag('rounds', 1)
const verdicts: Record<string, string> = {}
const reviewed: Record<string, readonly string[]> = {}
const misses: string[] = []
let rejectedCount = 0
let corruptedCount = 0
let previous: CandleTable | undefined

for (const [date, table] of recordedSessions()) {
  const follows = previous !== undefined && date !== ALONE ? { previous } : {}
  const evidence = evidenceOf(table, { date, ...follows })
  const clean = judgeSession(evidence)
  const ticks = judgeSession(evidenceOf(asTicks(table), { date, ...follows }))
  verdicts[date] = clean.verdict
  const reviews = clean.checks.filter(({ outcome }) => outcome === 'review')
  if (reviews.length > 0)
    reviewed[date] = reviews.flatMap(({ check, symbols }) => symbols.map((one) => `${check} ${one}`))
  for (const { verdict } of [clean, ticks]) if (verdict === 'fail' || verdict === 'wait') rejectedCount++
  for (let round = 0; round < rounds && date !== ALONE; round++) {
    for (const [at, corruption] of CORRUPTIONS.entries()) {
      if (previous === undefined && comparesDays(corruption)) continue
      const miss = missOf(
        corruption,
        corruption.apply(evidence, new Prng(seed, round, at, Date.parse(date) / 86_400_000)),
      )
      corruptedCount++
      if (miss !== null) misses.push(`${date} ${corruption.kind}: ${miss}`)
    }
  }
  process.stderr.write(`  ${date} ${clean.verdict}, ${misses.length} misses so far\n`)
  previous = table
}

for (const miss of misses) process.stderr.write(`  missed: ${miss}\n`)
const result = {
  sessions: Object.keys(verdicts).length,
  kinds: CORRUPTIONS.length,
  seed,
  rounds,
  corrupted: corruptedCount,
  missed: misses.length,
  cleanRejected: rejectedCount,
  verdicts,
  reviewed,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exitCode = misses.length === 0 && rejectedCount === 0 ? 0 : 1
