/** What does an operator meet at the audit? One process for each way that it can end. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { chainDir, openMarketChain } from '../../src/app/chain.ts'
import { AT, draftOf } from '../bus/lines.ts'
import { type Ended, fileIn, run, tempDir } from '../simulation/processes.ts'
import { ManualClock } from '../support/manual-clock.ts'

let dir: string
let events: string

beforeEach(() => {
  dir = tempDir('audit')
  onTestFinished(() => rmSync(dir, { recursive: true }))
  fileIn(dir, 'chandler.json', { dataDir: join(dir, 'lake') })
  const chain = openMarketChain({
    dataDir: join(dir, 'lake'),
    market: 'in',
    clock: new ManualClock(AT),
    note: () => {},
  })
  for (let i = 0; i < 5; i++) chain.append(draftOf(i))
  events = join(chainDir(join(dir, 'lake'), 'in'), 'events.jsonl')
})

function audit(...args: readonly string[]): Promise<Ended> {
  return run(['--config', join(dir, 'chandler.json'), 'audit', ...args], {}, dir)
}

test('an anchor is kept elsewhere, and its age is told', async () => {
  const before = await audit('verify')
  expect(before).toMatchObject({ status: 0, stderr: '' })
  expect(before.stdout).toMatch(/^VERIFIED: in, 6 events.*anchors: none; 6 events behind them; none was kept/)
  const to = join(dir, 'stick', 'note')
  expect(await audit('anchor', '--to', to)).toMatchObject({
    status: 0,
    stdout: `anchored 6 events of in in ${to}\n`,
  })
  const { stdout } = await audit('verify', '--json', '--anchors', to)
  expect(JSON.parse(stdout)).toMatchObject({ status: 'VERIFIED', keptElsewhere: { to, eventIndex: 5 } })
  expect(JSON.parse(stdout).keptElsewhere.ageMs).toBeGreaterThanOrEqual(0)
})

test('a changed event ends with 1 and its index; renewed by name and reason, all is VERIFIED', async () => {
  writeFileSync(events, readFileSync(events, 'utf8').replace('"count":3', '"count":4'))
  const broken = await audit('verify')
  expect(broken.status).toBe(1)
  expect(broken.stderr).toMatch(/^chandler: verifying the chain: BROKEN: in, event 4, mutation/)
  const reason = 'a stray editor changed the file on the desk'
  const asked = await audit('renew', '--operator', 'asha', '--reason', reason)
  expect(asked.status).not.toBe(0)
  expect(asked.stderr).toMatch(/--yes-i-understand, nothing was changed/)
  expect(existsSync(`${events}.generation-1`)).toBe(false)
  const renewed = await audit('renew', '--operator', 'asha', '--reason', reason, '--yes-i-understand')
  expect(renewed).toMatchObject({ status: 0, stderr: '' })
  expect(renewed.stdout).toMatch(/^generation 2 .*events\.jsonl\.generation-1\nCTT and TE are empty/)
  const verified = await run(['--config', join(dir, 'chandler.json'), 'verify'], {}, dir)
  expect(verified.stdout).toMatch(/^event chain of in: VERIFIED, 1 events$/m)
  expect(verified.status).toBe(0)
})
