/**
 * Plays all four recorded symbol-days through the worker and lists every candle that differs, with its
 * reason.
 */
import { existsSync } from 'node:fs'
import { compareDay, DAYS, TRADES_DIR } from '../test/acceptance/recorded-trades.ts'

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
process.exit(isGood && share >= WANTED_SHARE ? 0 : 1)
