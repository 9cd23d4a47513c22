/** What does an operator meet at the gates? One process for each way that a command of truth can end. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SESSIONS, TruthLake } from '../gates/truth-lake.ts'
import { type Ended, run, tempDir } from '../simulation/processes.ts'

let dir: string
let lake: TruthLake

beforeEach(() => {
  dir = tempDir('truth')
  lake = new TruthLake(dir)
  for (const at of [0, 1, 2]) {
    lake.receive(at)
    lake.ingest(at)
  }
})

afterEach(() => rmSync(dir, { recursive: true }))

function chandler(...args: readonly string[]): Promise<Ended> {
  return run([...lake.args, ...args], {}, dir)
}

test('an operator advances the epoch, and the snapshot has the form of the contract', async () => {
  const ended = await chandler(
    'epoch',
    'advance',
    '--market',
    'us',
    '--to',
    SESSIONS[1]!,
    '--operator',
    'asha',
  )
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  expect(JSON.parse(lake.file('truth_epoch.json')!)).toMatchObject({
    schema: 'chandler.truth_epoch.v1',
    market: 'US',
    epoch: { epoch_id: `TE-${SESSIONS[1]}`, timestamp: SESSIONS[1] },
    validity_context: { proxy_set_version: '1.0.0', proxy_status: 'CANONICAL' },
    event_seq: lake.state().epoch!.eventIndex,
  })
  expect(lake.staleSnapshots()).toEqual([])
})

test('a gate that fails ends with 3 and halts the market, and status shows the halt', async () => {
  lake.receive(3)
  const failed = await chandler('gate', 'epoch', '--market', 'us', '--date', SESSIONS[3]!)
  expect(failed.status).toBe(3)
  expect(failed.stdout).toMatch(/^fail +completeness\.ctt/m)
  expect(failed.stderr).toMatch(/^chandler: .*lies beyond CTT \(2026-01-07\).*us is halted/)
  const { stdout } = await chandler('epoch', 'status', '--json')
  const us = JSON.parse(stdout).markets.find(({ market }: { market: string }) => market === 'us')
  expect(us.state.halt.reason).toMatch(/^the intelligence gate failed on/)
})

test('lifting a halt is a command with a name and a reason', async () => {
  lake.receive(3)
  lake.failGate(3)
  const lifted = await chandler(
    'halt',
    'clear',
    '--market',
    'us',
    '--operator',
    'asha',
    '--reason',
    'the data came',
  )
  expect(lifted).toMatchObject({ status: 0, stderr: '' })
  expect(lake.state().halt).toBe(null)
})

test('an unknown market is one line and status 2', async () => {
  const ended = await chandler('gate', 'epoch', '--market', 'jp')
  expect(ended).toMatchObject({ status: 2, stdout: '' })
  expect(ended.stderr).toBe('chandler: reading --market: "jp" is no market; use in or us')
})

test('a broken chain is one line with its index and status 3', async () => {
  const path = join(dir, 'data', 'events', 'us', 'events.jsonl')
  const changed = readFileSync(path, 'utf8').replace('SPY moved', 'SPY fell')
  writeFileSync(path, changed)
  const ended = await chandler(
    'epoch',
    'advance',
    '--market',
    'us',
    '--to',
    SESSIONS[1]!,
    '--operator',
    'asha',
  )
  expect(ended).toMatchObject({ status: 3, stdout: '' })
  expect(ended.stderr).toMatch(/^chandler: .*the event chain is BROKEN: us, event 1.*nothing was moved.*$/)
  expect(readFileSync(path, 'utf8')).toBe(changed)
})

test('an override without the target typed again is status 2, and nothing is moved', async () => {
  const flags = ['--operator', 'asha', '--reason', 'the vendor confirmed the figures', '--yes-i-understand']
  const ended = await chandler('epoch', 'override', '--market', 'us', '--to', SESSIONS[1]!, ...flags)
  expect(ended).toMatchObject({ status: 2, stdout: '' })
  expect(ended.stderr).toMatch(/type --confirm 2026-01-06; nothing was moved$/)
  expect(lake.state().epoch).toBe(null)
})

test('a review is accepted by its id', async () => {
  lake.receive(3)
  lake.ingest(3, 'review')
  const { id } = lake.state().reviews[0]!
  const by = ['--market', 'us', '--operator', 'asha', '--reason', 'the move was traded']
  expect(await chandler('review', 'accept', id, ...by)).toMatchObject({ status: 0, stderr: '' })
  expect(lake.state()).toMatchObject({ ctt: SESSIONS[3], reviews: [] })
})
