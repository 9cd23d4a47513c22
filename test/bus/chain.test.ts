import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openChain } from '../../src/bus/chain.ts'
import { verifyChain } from '../../src/bus/verify-chain.ts'
import type { EventDraft } from '../../src/domain/event.ts'
import { takeLock } from '../../src/platform/lock.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { chainAt, eventsText, tempDir, writeEvents } from './kit.ts'
import { AT, draftOf } from './lines.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
const isMounted = canMount()
const mountNote = isMounted ? '' : ' (skipped: needs the right to mount a tmpfs)'

type Said = {
  readonly index?: number
  readonly checksum?: string
  readonly code?: string
  readonly message?: string
}

/** Killed with SIGKILL when it has said so many lines. */
function runChild(args: readonly string[], killAfterLines = Number.POSITIVE_INFINITY): Promise<Said[]> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (text.split('\n').length > killAfterLines) child.kill('SIGKILL')
  })
  return new Promise((done) => {
    child.on('close', () => {
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      done(
        whole
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Said),
      )
    })
  })
}

function expectAcknowledged(dir: string, said: readonly Said[]): void {
  const stored = eventsText(dir).split('\n')
  for (const { index, checksum } of said) {
    if (index !== undefined) expect(JSON.parse(stored[index]!), `event ${index}`).toMatchObject({ checksum })
  }
}

test('what was appended is read back, by this process and by the next', () => {
  const dir = tempDir()
  const chain = chainAt(dir)
  const appended = Array.from({ length: 130 }, (_, i) => chain.append(draftOf(i)))
  expect(appended.map(({ event_index }) => event_index)).toEqual(appended.map((_, i) => i + 1))
  const next = chainAt(dir)
  expect(next.head()).toEqual(chain.head())
  const [started, ...events] = [...next.events()]
  expect(started).toMatchObject({ event_type: 'chain.started', event_index: 0, actor: 'system:chain' })
  expect(events).toEqual(appended)
  const mark = next.head()
  chain.append(draftOf(130))
  expect([...next.events(mark)].map(({ event_index }) => event_index)).toEqual([131])
  expect(next.append(draftOf(131)).event_index).toBe(132)
  expect(chain.append(draftOf(132)).event_index).toBe(133)
})

test('what canonical JSON cannot say is refused before anything is written', () => {
  const dir = tempDir()
  const chain = chainAt(dir)
  chain.append(draftOf(0))
  const before = eventsText(dir)
  const bad: readonly unknown[] = [
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    -0,
    2 ** 53,
    '\ud800',
    () => 1,
    Symbol('x'),
    new Map(),
    new Date(0),
    [undefined],
    new Array(2),
    { '\udc00': 1 },
    JSON.parse('{"__proto__":1}'),
  ]
  for (const value of bad) {
    const draft = { ...draftOf(1), payload: { value } } as unknown as EventDraft
    expect(() => chain.append(draft), String(typeof value)).toThrow(/canonical JSON/)
  }
  expect(() => chain.append({ ...draftOf(1), payload: { text: 'x'.repeat(1_100_000) } })).toThrow(/digests/)
  expect(eventsText(dir)).toBe(before)
  expect(chain.append(draftOf(1)).event_index).toBe(2)
})

test('the same fact at the same place has the same id, whenever it is written down', () => {
  const [one, two] = [chainAt(tempDir()), chainAt(tempDir())]
  const [a, b] = [one.append(draftOf(1)), two.append(draftOf(1))]
  expect(a.event_id).toBe(b.event_id)
  expect(one.append(draftOf(1)).event_id).not.toBe(a.event_id)
})

test('a torn tail is set aside, and the chain says so', () => {
  const dir = tempDir()
  chainAt(dir).append(draftOf(0))
  const sound = eventsText(dir)
  appendFileSync(join(dir, 'events.jsonl'), '{"actor":"sys')
  expect(verifyChain({ dir, market: 'in' })).toMatchObject({ status: 'TORN_TAIL', flaw: { index: 2 } })
  const notes: string[] = []
  const chain = chainAt(dir, notes)
  expect(chain.head().eventIndex).toBe(1)
  chain.append(draftOf(1))
  expect(eventsText(dir).startsWith(sound)).toBe(true)
  expect([...chain.events()].map(({ event_type }) => event_type)).toEqual([
    'chain.started',
    'gap.recorded',
    'chain.repaired',
    'gap.recorded',
  ])
  expect(notes).toHaveLength(1)
  expect(readdirSync(dir).filter((name) => name.includes('.torn-'))).toHaveLength(1)
  expect(verifyChain({ dir, market: 'in' }).status).toBe('VERIFIED')
})

test('nothing is appended to a chain that is not intact', () => {
  const harms: readonly ((dir: string) => void)[] = [
    (dir) => writeEvents(dir, eventsText(dir).replace('"count":3', '"count":4')),
    (dir) => writeEvents(dir, eventsText(dir).split('\n').toSpliced(3, 1).join('\n')),
    (dir) => appendFileSync(join(dir, 'events.jsonl'), 'x\n'),
    (dir) => rmSync(join(dir, 'events.jsonl')),
    (dir) => truncateSync(join(dir, 'events.jsonl'), statSync(join(dir, 'events.jsonl')).size - 10),
  ]
  for (const [at, harm] of harms.entries()) {
    const dir = tempDir()
    const chain = chainAt(dir)
    for (let i = 0; i < 5; i++) chain.append(draftOf(i))
    if (at > 2) chain.checkpoint()
    harm(dir)
    const before = readdirSync(dir).toSorted()
    const refused = expect.objectContaining({ code: 'CHAIN_BROKEN' })
    expect(() => chainAt(dir).append(draftOf(9)), `harm ${at}`).toThrow(refused)
    expect(() => [...chainAt(dir).events()], `harm ${at}`).toThrow(refused)
    expect(readdirSync(dir).toSorted()).toEqual(before)
  }
})

test('an event that moves the truth is signed at once, and every 64th event', () => {
  const dir = tempDir()
  const chain = chainAt(dir)
  chain.append({ ...draftOf(0), type: 'epoch.advanced' })
  expect(verifyChain({ dir, market: 'in' })).toMatchObject({ status: 'VERIFIED', unanchoredCount: 0 })
  for (let i = 0; i < 100; i++) chain.append(draftOf(i))
  expect(verifyChain({ dir, market: 'in' })).toMatchObject({ status: 'VERIFIED', unanchoredCount: 36 })
  expect(statSync(join(dir, 'checkpoint.key')).mode & 0o777).toBe(0o600)
  rmSync(join(dir, 'checkpoint.key'))
  chainAt(dir).checkpoint()
  expect(verifyChain({ dir, market: 'in' })).toMatchObject({ status: 'VERIFIED', unanchoredCount: 0 })
})

test('a snapshot is believed only if the chain still has the event that it was taken at', () => {
  const dir = tempDir()
  const chain = chainAt(dir)
  for (let i = 0; i < 5; i++) chain.append(draftOf(i))
  const mark = chain.head()
  chain.writeSnapshot({ ctt: '2026-07-01' }, mark)
  chain.append(draftOf(5))
  expect(chainAt(dir).readSnapshot()).toEqual({ ...mark, fold: { ctt: '2026-07-01' } })
  const text = eventsText(dir)
  truncateSync(join(dir, 'events.jsonl'), mark.sizeBytes - 1)
  expect(chain.readSnapshot()).toBeNull()
  writeEvents(dir, text.replace('"count":4', '"count":5'))
  expect(chain.readSnapshot()).toBeNull()
})

test('a lock that another process holds too long is one clear line, and nothing was appended', () => {
  const dir = tempDir()
  const chain = chainAt(dir)
  chain.append(draftOf(0))
  chain.exclusively((append) => {
    expect(append(draftOf(1)).event_index).toBe(2)
    expect(chain.append(draftOf(2)).event_index).toBe(3)
    expect(() => chain.exclusively(() => 1)).toThrow(/within itself/)
  })
  const before = eventsText(dir)
  const lock = takeLock(dir, '')
  const clock = new ManualClock(AT)
  const other = openChain({ dir, market: 'in', clock, note: () => {}, lockPatienceMs: 20 })
  const held = expect.objectContaining({
    code: 'LOCK_HELD',
    message: expect.stringContaining('nothing was appended'),
  })
  expect(() => other.append(draftOf(3))).toThrow(held)
  expect(eventsText(dir)).toBe(before)
  lock.release()
  expect(other.append(draftOf(3)).event_index).toBe(4)
})

test('kill -9 of processes that append at once: no acknowledged event is lost, no index is ' +
  'missing', async () => {
  const dir = tempDir()
  const acknowledged: Said[] = []
  for (let round = 0; round < 3; round++) {
    const lives = await Promise.all(
      [5, 17, 31].map((lines, i) => runChild([dir, `c${i}`, '400'], lines + round * 6)),
    )
    acknowledged.push(...lives.flat())
    expect(lives.flat().filter(({ code }) => code !== undefined)).toEqual([])
    expect(['VERIFIED', 'TORN_TAIL']).toContain(verifyChain({ dir, market: 'in' }).status)
    expectAcknowledged(dir, acknowledged)
  }
  const last = await runChild([dir, 'last', '3'])
  expect(last.filter(({ index }) => index !== undefined)).toHaveLength(3)
  expectAcknowledged(dir, [...acknowledged, ...last])
  expect(new Set(acknowledged.map(({ index }) => index)).size).toBe(acknowledged.length)
  expect(verifyChain({ dir, market: 'in' }).status).toBe('VERIFIED')
}, 20_000)

test.skipIf(!isMounted)(
  `a full disk: the append fails as DISK_FULL, and the chain is as it was before it${mountNote}`,
  async () => {
    const dir = join(tempDir(), 'small')
    mkdirSync(dir)
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', dir]).status).toBe(0)
    onTestFinished(() => void spawnSync('umount', [dir]))
    const said = await runChild([dir, 'full', '1000'])
    expect(said.at(-1)).toMatchObject({ code: 'DISK_FULL' })
    expectAcknowledged(dir, said)
    const report = verifyChain({ dir, market: 'in' })
    expect(report.status).toBe('VERIFIED')
    expect(report.head.eventIndex).toBe(said.findLast(({ index }) => index !== undefined)!.index)
  },
)

function canMount(): boolean {
  const dir = join('/tmp', `chandler-mount-${process.pid}`)
  mkdirSync(dir, { recursive: true })
  const isDone = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]).status === 0
  if (isDone) spawnSync('umount', [dir])
  rmSync(dir, { recursive: true, force: true })
  return isDone
}
