/** The commands of truth on a lake on disk, within the test's own process. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chainDir, openMarketChain } from '../../src/app/chain.ts'
import {
  advanceEpoch,
  type Confirmed,
  epochStatus,
  overrideEpoch,
  rollBackEpoch,
} from '../../src/app/epoch.ts'
import { runEpochGate } from '../../src/app/gate-epoch.ts'
import { runSyncGate } from '../../src/app/gate-sync.ts'
import { clearHalt, raiseHalt, setInspection } from '../../src/app/halt.ts'
import { decideReview, resolveAlert, waitingIn } from '../../src/app/review.ts'
import { marketOf, policyOf, proxySetOf } from '../../src/app/truth-market.ts'
import { withTruth } from '../../src/app/truth-status.ts'
import { exitStatusOf } from '../../src/cli/errors.ts'
import { OperatingError } from '../../src/domain/error.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { requireContinuity } from '../../src/gates/continuity.ts'
import { renderStatus } from '../../src/terminal/status-screen.ts'
import { SESSIONS, TruthLake } from '../gates/truth-lake.ts'
import { tempDir } from '../simulation/processes.ts'
import { statusReport } from '../terminal/samples.ts'

const BY = { operator: 'asha', reason: 'the vendor confirmed the figures by mail' }
const [FIRST, SECOND, THIRD, FOURTH] = SESSIONS as readonly string[]
let dir: string
let lake: TruthLake

/** Made once and copied: every event of it was waited for until it was durable. */
let template: string

beforeAll(() => {
  template = tempDir('truth-template')
  const made = new TruthLake(template)
  for (const at of [0, 1, 2]) {
    made.receive(at)
    made.ingest(at)
  }
})

afterAll(() => rmSync(template, { recursive: true }))

beforeEach(() => {
  dir = tempDir('truth')
  cpSync(template, dir, { recursive: true })
  lake = new TruthLake(dir)
})

afterEach(() => rmSync(dir, { recursive: true }))

function refusal(work: () => unknown): string {
  const before = lake.chainText()
  try {
    work()
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    expect(lake.chainText()).toBe(before)
    return `${exitStatusOf(error)} ${error.message}`
  }
  throw new Error('it was allowed')
}

function confirmed(to: string, change: Partial<Confirmed> = {}): Confirmed {
  return { ...BY, isUnderstood: true, confirmed: to, ...change }
}

test.each([
  ['a text that is no date', () => advanceEpoch(lake.context, 'us', 'soon', 'asha'), /^2 .*not a date/],
  ['a nameless operator', () => advanceEpoch(lake.context, 'us', SECOND!, ' '), /^2 .*--operator/],
  [
    'a date of the future',
    () => runEpochGate(lake.context, 'us', '2031-01-06'),
    /^3 .*nothing was received of 2031/,
  ],
  [
    'a weekend',
    () => runEpochGate(lake.context, 'us', '2026-01-04'),
    /^3 .*no session \(weekend\).*2026-01-05/,
  ],
  ['a holiday', () => advanceEpoch(lake.context, 'us', '2026-01-01', 'asha'), /^3 .*no session \(/],
  [
    'a market without data',
    () => runEpochGate(lake.context, 'in', undefined),
    /^3 .*no session is canonical yet/,
  ],
  ['a market that is none', () => marketOf('IN'), /^2 .*"IN" is no market/],
  ['an alert that was not raised', () => resolveAlert(lake.context, 'us', 'A-1', BY), /^1 .*no alerts wait/],
  ['a halt that is not in force', () => clearHalt(lake.context, 'us', BY), /^1 .*it is not halted/],
  [
    'a rollback to nowhere',
    () => rollBackEpoch(lake.context, 'us', FIRST!, confirmed(FIRST!)),
    /^3 .*there is none/,
  ],
  [
    'an override of nothing',
    () => overrideEpoch(lake.context, 'us', FIRST!, confirmed(FIRST!)),
    /^3 .*nothing to override/,
  ],
])('%s gets one clear line, and nothing is moved', (_name, work, words) => {
  const line = refusal(work)
  expect(line).toMatch(words)
  expect(line).not.toContain('\n')
})

test('a proxy set or a policy that cannot be read ends the command before the gate', () => {
  writeFileSync(join(dir, 'set.json'), '{')
  expect(refusal(() => advanceEpoch(lake.context, 'us', SECOND!, 'asha'))).toMatch(
    /^1 reading the proxy set .*not JSON/,
  )
  rmSync(join(dir, 'set.json'))
  expect(refusal(() => runEpochGate(lake.context, 'us', undefined))).toMatch(
    /^1 reading the proxy set .*ENOENT/,
  )
  expect(epochStatus(lake.context, 'us').proxySetFault).toMatch(/ENOENT/)
  lake.defineProxies(['SPY', 'QQQ'])
  writeFileSync(join(dir, 'policy.us.json'), 'policy')
  expect(refusal(() => runEpochGate(lake.context, 'us', undefined))).toMatch(
    /^1 reading the policy .*not JSON/,
  )
})

test('without files of one’s own the shipped definitions hold, and a verdict names the policy', () => {
  const { config } = lake.context
  expect(proxySetOf(config, 'in').required).toContain('Nifty 50')
  expect(policyOf(config, 'us').policy?.dependsOn).toEqual([])
  expect(runEpochGate(lake.context, 'us', undefined).verdict.policyFile).toMatch(/policies\/us\.json$/)
})

test('a policy that forbids is a failed gate: it is recorded, and it halts', () => {
  const shipped = JSON.parse(readFileSync('policies/us.json', 'utf8'))
  writeFileSync(join(dir, 'policy.us.json'), JSON.stringify({ ...shipped, strategies: [] }))
  const { verdict, haltId } = runEpochGate(lake.context, 'us', undefined)
  expect(verdict.verdict).toBe('fail')
  expect(lake.state().halt).toMatchObject({ id: haltId, failedChecks: ['policy.strategies'] })
})

test('an epoch moves forward, by override, and back, and every step can be read from the snapshot', () => {
  const { context } = lake
  expect(advanceEpoch(context, 'us', FIRST!, 'asha').epochId).toBe(`TE-${FIRST}`)
  expect(refusal(() => advanceEpoch(context, 'us', FIRST!, 'asha'))).toMatch(/^3 .*does not lie after TE/)
  setInspection(context, 'us', true, BY)
  const override = (change: Partial<Confirmed>): unknown =>
    overrideEpoch(context, 'us', THIRD!, confirmed(THIRD!, change), 2)
  expect(refusal(() => override({ reason: 'x'.repeat(40) }))).toMatch(/^2 .*--reason/)
  expect(refusal(() => override({ isUnderstood: false }))).toMatch(/^2 .*--yes-i-understand/)
  expect(refusal(() => override({ confirmed: SECOND! }))).toMatch(/^2 .*--confirm 2026-01-07/)
  override({})
  expect(lake.state().overrides).toMatchObject([
    { to: THIRD, expiresAfter: SESSIONS[4], failedChecks: ['health.inspection'] },
  ])
  expect(JSON.parse(lake.file('truth_epoch.json')!)).toMatchObject({ overridden: true, generation: 1 })
  expect(rollBackEpoch(context, 'us', FIRST!, confirmed(FIRST!)).epochId).toBe(`TE-${FIRST}.g2`)
  expect(JSON.parse(lake.file('truth_epoch.json')!)).toMatchObject({ overridden: false, generation: 2 })
  expect(lake.state().epochs).toHaveLength(3)
})

test('an override beyond CTT is refused however well it is justified', () => {
  lake.receive(3)
  expect(refusal(() => overrideEpoch(lake.context, 'us', FOURTH!, confirmed(FOURTH!)))).toMatch(
    /^3 .*it lies beyond CTT/,
  )
})

test('snapshots that were lost or changed are made again by the next command, from the chain alone', () => {
  advanceEpoch(lake.context, 'us', FIRST!, 'asha')
  writeFileSync(join(dir, 'data', 'truth', 'us', 'truth_epoch.json'), '{"epoch":"2031"}')
  rmSync(join(dir, 'data', 'truth', 'us', 'ctt.json'))
  expect(lake.staleSnapshots()).toEqual(['ctt.json', 'truth_epoch.json'])
  expect(epochStatus(lake.context, 'us').state.epoch?.session).toBe(FIRST)
  setInspection(lake.context, 'us', false, BY)
  expect(lake.staleSnapshots()).toEqual([])
})

test('another definition invalidates the epoch, and the old one stays readable by its hash', () => {
  advanceEpoch(lake.context, 'us', FIRST!, 'asha')
  const before = proxySetOf(lake.context.config, 'us')
  lake.defineProxies(['SPY'], '1.1.0')
  const after = proxySetOf(lake.context.config, 'us')
  expect(() => requireContinuity(lake.state(), after)).toThrow(/advance a new epoch/)
  runEpochGate(lake.context, 'us', undefined)
  expect(lake.state().epoch?.status).toBe('INVALIDATED')
  expect(JSON.parse(lake.file(`proxy-sets/${before.sha256}.json`)!)).toMatchObject({ version: '1.0.0' })
  advanceEpoch(lake.context, 'us', FIRST!, 'asha')
  expect(requireContinuity(lake.state(), after).epochId).toBe(`TE-${FIRST}.g2`)
})

test('what was judged and is not there any more cannot be accepted, only rejected', async () => {
  lake.receive(3)
  lake.ingest(3, 'review', undefined, [{ path: 'analytics', sha256: 'a'.repeat(64), rowCount: 2 }])
  const { id } = lake.state().reviews[0]!
  const before = lake.chainText()
  const accepted = decideReview(lake.context, 'us', id, 'accept', BY)
  await expect(accepted).rejects.toMatchObject({
    code: 'GATE_REFUSED',
    message: expect.stringMatching(/not those that were judged; nothing was moved, run the gate again/),
  })
  expect(lake.chainText()).toBe(before)
  expect((await decideReview(lake.context, 'us', id, 'reject', BY)).ctt).not.toBe(FOURTH)
})

test('what waits for a person is listed, decided once, and moves CTT when accepted', async () => {
  lake.receive(3)
  lake.ingest(3, 'review')
  lake.chain().append({
    type: 'alert.raised',
    atMs: 0 as UnixMs,
    actor: 'system:feed',
    payload: { id: 'A-1', text: 'mute' },
  })
  const { reviews, alerts } = waitingIn(lake.context, 'us')
  expect(alerts).toMatchObject([{ id: 'A-1', severity: 'critical' }])
  const accept = () => decideReview(lake.context, 'us', reviews[0]!.id, 'accept', BY)
  expect((await accept()).ctt).toBe(FOURTH)
  await expect(accept()).rejects.toThrow(/no reviews wait/)
  expect(runEpochGate(lake.context, 'us', undefined).verdict.verdict).toBe('fail')
  resolveAlert(lake.context, 'us', 'A-1', BY)
  expect(runEpochGate(lake.context, 'us', undefined).verdict.verdict).toBe('pass')
  expect(lake.state().halt).not.toBe(null)
})

describe('the other market', () => {
  test('is untouched by whatever one does, down to its files', () => {
    advanceEpoch(lake.context, 'us', FIRST!, 'asha')
    raiseHalt(lake.context, 'us', BY)
    expect(existsSync(chainDir(join(dir, 'data'), 'in'))).toBe(false)
    expect(existsSync(join(dir, 'data', 'truth', 'in'))).toBe(false)
  })

  test('is only compared: nothing is recorded while it has no epoch', () => {
    advanceEpoch(lake.context, 'us', FIRST!, 'asha')
    const before = lake.chainText()
    expect(runSyncGate(lake.context, 'us')).toMatchObject([{ isNew: false, verdict: { verdict: 'wait' } }])
    expect(lake.chainText()).toBe(before)
  })

  test('holds this one back only where the policy declares that it depends on it', () => {
    const shipped = JSON.parse(readFileSync('policies/us.json', 'utf8'))
    writeFileSync(join(dir, 'policy.us.json'), JSON.stringify({ ...shipped, dependsOn: ['in'] }))
    expect(() => advanceEpoch(lake.context, 'us', FIRST!, 'asha')).toThrow(/in has no epoch yet/)
    expect(lake.state().halt?.failedChecks).toEqual(['sync.in'])
  })
})

test('a torn line never became an event: the next command sets it aside and goes on', () => {
  const path = join(chainDir(join(dir, 'data'), 'us'), 'events.jsonl')
  writeFileSync(path, `${lake.chainText()}{"actor":"system:gate","event_`)
  expect(advanceEpoch(lake.context, 'us', FIRST!, 'asha').session).toBe(FIRST)
  const types = [
    ...openMarketChain({
      ...lake.context,
      dataDir: join(dir, 'data'),
      market: 'us',
      note: () => {},
    }).events(),
  ]
  expect(types.map(({ event_type }) => event_type)).toContain('chain.repaired')
})

test('status shows CTT, TE, the state and the halt of the chain, and a chain that cannot be read', () => {
  advanceEpoch(lake.context, 'us', FIRST!, 'asha')
  raiseHalt(lake.context, 'us', BY)
  const { us } = statusReport().markets
  const shown = withTruth(lake.context, { us: us! })
  expect(shown.us).toMatchObject({
    times: { canonicalTruthTime: THIRD, truthEpoch: FIRST, state: 'PENDING_EVALUATION' },
    truth: { halt: { reason: BY.reason }, epochId: `TE-${FIRST}`, isEpochInvalidated: false },
  })
  const screen = renderStatus(
    { ...statusReport(), markets: shown },
    { widthColumns: 100, color: false, unicode: true },
  )
  expect(screen).toMatch(/HALT +H-\d+: the vendor confirmed/)
  const path = join(chainDir(join(dir, 'data'), 'us'), 'events.jsonl')
  writeFileSync(path, lake.chainText().replace('SPY moved', 'SPY fell'))
  const broken = withTruth(lake.context, { us: us! }).us!
  expect(broken.truth?.chainFault).toMatch(/chandler audit verify/)
  expect(broken.times).toEqual(us!.times)
})
