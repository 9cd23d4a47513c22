/**
 * Plays all four recorded symbol-days through the worker and lists every candle that differs, with its
 * reason: live, as finalised; and one day once more at five times the speed, where only what settle makes of
 * it is compared, which does not depend on how loaded this machine is, and of which no difference may be
 * ours.
 */
import { existsSync } from 'node:fs'
import { compareDay, DAYS, type Difference, TRADES_DIR } from '../test/acceptance/recorded-trades.ts'

const WANTED_SHARE = 0.994

if (!existsSync(TRADES_DIR)) {
  process.stdout.write(`skipped: the recorded trades are not on this machine (${TRADES_DIR})\n`)
  process.exit(0)
}

let comparedCount = 0
let equalCount = 0
let isGood = true
for (const day of Object.keys(DAYS)) {
  const result = await compareDay(day, { speed: 200, graceMs: 20_000, compared: 'live' })
  const { differences, ...figures } = result
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  for (const { symbol, minute, vendor, ours, reason } of differences) {
    process.stdout.write(
      `  ${symbol} minute ${minute}: vendor ${vendor}, ours ${ours ?? 'none'}: ${reason}\n`,
    )
  }
  comparedCount += result.comparedCount
  equalCount += result.equalCount
  isGood &&= result.wrongVolumes.length + result.unbalanced.length + result.replayDifferentCount === 0
}
const share = equalCount / comparedCount
process.stdout.write(`${equalCount} of ${comparedCount} candles equal: ${(share * 100).toFixed(2)} %\n`)

const settled = await compareDay('20131008', { speed: 1_000, graceMs: 120_000, compared: 'settled' })
const { differences, ...figures } = settled
process.stdout.write(`settled: ${JSON.stringify({ ...figures, ours: differences.filter(isOurs) })}\n`)
const isSettledGood =
  !differences.some(isOurs) &&
  settled.equalCount / settled.comparedCount >= WANTED_SHARE &&
  settled.wrongVolumes.length + settled.unbalanced.length === 0 &&
  settled.replayDifferentCount + settled.rejectedCount === 0
process.exit(isGood && isSettledGood && share >= WANTED_SHARE ? 0 : 1)

function isOurs({ reason }: Difference): boolean {
  return reason === 'the prices are in the trades; the difference is ours'
}
