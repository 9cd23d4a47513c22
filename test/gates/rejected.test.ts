/** What was canonical once, and is not what lies there now: may it still be evaluated? */
import { rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { advanceEpoch } from '../../src/app/epoch.ts'
import { decideReview } from '../../src/app/review.ts'
import { proxySetOf, truthOf } from '../../src/app/truth-market.ts'
import type { VerdictWord } from '../../src/domain/verdict.ts'
import { reviewIdOf } from '../../src/gates/state.ts'
import { tempDir } from '../simulation/processes.ts'
import { SESSIONS, TruthLake } from './truth-lake.ts'

const BY = { operator: 'asha', reason: 'the vendor confirmed the figures by mail' }
const [FIRST, SECOND] = SESSIONS as [(typeof SESSIONS)[0], (typeof SESSIONS)[0]]

let lake: TruthLake
beforeEach(() => {
  lake = new TruthLake(tempDir('rejected'))
  for (const at of [0, 1]) {
    lake.receive(at)
    lake.ingest(at)
  }
})
afterEach(() => rmSync(lake.dir, { recursive: true }))

/** Another verdict on the second session, whose data were settled again. */
function judgeAgain(verdict: VerdictWord, evidence: string): string {
  const set = proxySetOf(lake.context.config, 'us')
  const { version, sha256, required } = set
  const evidenceSha256 = evidence.repeat(64)
  truthOf(lake.context, 'us').decide(set, (desk) =>
    desk.record('gate.ingest', 'system:gate', {
      session: SECOND,
      previousSession: FIRST,
      verdict,
      checks: [{ check: 'integrity.ohlc', outcome: verdict, says: 'open outside [low, high]' }],
      symbols: verdict === 'fail' ? [] : required,
      evidenceSha256,
      proxySet: { version, sha256, required },
    }),
  )
  return evidenceSha256
}

const advance = (): string => advanceEpoch(lake.context, 'us', SECOND, 'asha').session
const AGAIN = /the newest verdict on 2026-01-06 does not hold it canonical/

test('a session that was rejected after it had passed is not evaluated, and CTT stays', () => {
  judgeAgain('fail', 'f')
  expect(lake.state().ctt).toBe(SECOND)
  expect(advance).toThrow(AGAIN)
  expect(lake.state()).toMatchObject({ epoch: null, rejected: [SECOND] })
})

test('mended and judged again, it is', () => {
  judgeAgain('fail', 'f')
  judgeAgain('pass', 'e')
  expect(lake.state().rejected).toEqual([])
  expect(advance()).toBe(SECOND)
})

test('where the gate asks about it anew, it waits for the answer', async () => {
  const evidenceSha256 = judgeAgain('review', 'f')
  expect(lake.state().rejected).toEqual([SECOND])
  await decideReview(lake.context, 'us', reviewIdOf(SECOND, evidenceSha256), 'accept', BY)
  expect(advance()).toBe(SECOND)
})
