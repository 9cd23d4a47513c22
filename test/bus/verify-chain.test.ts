import { hash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyChain } from '../../src/bus/verify-chain.ts'
import { chainAt, eventsText, tempDir, writeEvents } from './kit.ts'
import { draftOf, linesOf } from './lines.ts'
import { changeBytes, changeLines, judge, newCounts } from './tamper.ts'

const LINES = linesOf(1_000).map((line) => Buffer.from(line))
const ALL_FOUND = { missed: [] }

test('a sound chain raises no alarm, with and without anchors', () => {
  const dir = tempDir()
  expect(verifyChain({ dir, market: 'in' })).toMatchObject({ status: 'VERIFIED', eventCount: 0, flaw: null })
  const chain = chainAt(dir)
  for (let i = 0; i < 200; i++) {
    const event = chain.append(draftOf(i))
    const anchors = [{ eventIndex: event.event_index, checksum: event.checksum, where: 'a seal' }]
    if (i % 20 !== 0) continue
    expect(verifyChain({ dir, market: 'in', anchors })).toMatchObject({
      status: 'VERIFIED',
      eventCount: i + 2,
    })
  }
  const notes = [{ text: chain.checkpoint(), where: 'elsewhere' }]
  const report = verifyChain({ dir, market: 'in', notes })
  expect(report).toMatchObject({
    status: 'VERIFIED',
    unanchoredCount: 0,
    countByType: { 'gap.recorded': 200 },
  })
  expect(report.anchors.map(({ count, agrees }) => [count, agrees])).toEqual([
    [4, true],
    [1, true],
  ])
})

test('every single byte of a line that becomes another is found, with the index', () => {
  const dir = tempDir()
  const counts = newCounts()
  // The verifier reads up to the harm and a line beyond, so a short chain is the same test as a long one.
  const lines = LINES.slice(0, 4)
  for (const at of [0, 2]) {
    changeBytes(counts, { dir, market: 'in' }, lines, at, (byte) => [byte ^ 1, 10])
  }
  changeBytes(counts, { dir, market: 'in' }, LINES.slice(0, 40), 39, (byte) => [byte ^ 1])
  expect(counts).toMatchObject(ALL_FOUND)
  expect(counts.found).toBe(counts.tried)
  expect(counts.tried).toBeGreaterThan(2_000)
}, 20_000)

test('every deletion, swap and insertion of a line is found, with the index', () => {
  const dir = tempDir()
  const counts = newCounts()
  changeLines(counts, { dir, market: 'in' }, LINES.slice(0, 60))
  for (const at of [0, 1, 500, 998]) {
    judge(counts, { dir, market: 'in' }, LINES.toSpliced(at, 1), [at], `deletion of ${at}`)
  }
  judge(counts, { dir, market: 'in' }, [...LINES, LINES[999]!], [1_000], 'a copy at the end')
  expect(counts).toMatchObject(ALL_FOUND)
  expect(counts.found).toBe(counts.tried)
})

test('the kind of harm is named', () => {
  const dir = tempDir()
  const kindOf = (lines: readonly (Buffer | string)[]): string => {
    writeEvents(dir, Buffer.concat(lines.map((line) => Buffer.from(line))))
    const { flaw } = verifyChain({ dir, market: 'in' })
    return `${flaw?.kind} ${flaw?.index}`
  }
  const five: readonly (Buffer | string)[] = LINES.slice(0, 5)
  const other = linesOf(5, (i) => draftOf(i + 100))
  const resealed = (from: string, to: string): string => {
    const text = five[2]!.toString().replace(from, to)
    const body = text.replace(/"checksum":"[0-9a-f]{64}",/, '').slice(0, -1)
    return text.replace(/"checksum":"[0-9a-f]{64}"/, `"checksum":"${hash('sha256', body)}"`)
  }
  expect(kindOf(five.toSpliced(2, 1))).toBe('deletion 2')
  expect(kindOf(five.toSpliced(1, 3))).toBe('deletion 1')
  expect(kindOf(five.toSpliced(2, 0, five[1]!))).toBe('insertion 2')
  expect(kindOf(five.toSpliced(2, 0, five[3]!))).toBe('insertion 2')
  expect(kindOf(five.toSpliced(2, 0, '\n'))).toBe('insertion 2')
  expect(kindOf(five.with(1, five[3]!).with(3, five[1]!))).toBe('reorder 1')
  expect(kindOf(five.with(2, other[2]!))).toBe('wrong-link 2')
  expect(kindOf([...other.slice(0, 3), ...five.slice(2)])).toBe('insertion 2')
  expect(kindOf(five.with(2, resealed('"count":2', '"count":3')))).toBe('wrong-id 2')
  expect(kindOf(five.with(2, resealed('"count":2', '"count":2,"count":2')))).toBe('duplicate-key 2')
  expect(kindOf(five.with(2, resealed('"count":2', '"count":2.0')))).toBe('not-canonical 2')
  expect(kindOf(five.with(2, resealed('"lost"', '"\\u006cost"')))).toBe('not-canonical 2')
  expect(kindOf(five.with(2, resealed('"lost"', '"\\ud800"')))).toBe('not-canonical 2')
  expect(kindOf(five.with(2, resealed('"payload"', '"other":1,"payload"')))).toBe('wrong-shape 2')
  expect(kindOf(five.with(2, resealed('"recorded_at":"2026-07', '"recorded_at":"2026-13')))).toBe('time 2')
  expect(kindOf(five.with(2, five[2]!.toString().replace('lost', 'loss')))).toBe('mutation 2')
  writeEvents(dir, Buffer.concat(LINES.slice(0, 5)))
  expect(verifyChain({ dir, market: 'us' }).flaw).toMatchObject({ kind: 'wrong-market', index: 0 })
})

test('every cut is found with an anchor; without one, every cut within a line', () => {
  const dir = tempDir()
  const whole = Buffer.concat(LINES.slice(0, 40))
  const last = JSON.parse(LINES[39]!.toString()) as { readonly checksum: string }
  const anchors = [{ eventIndex: 39, checksum: last.checksum, where: 'a seal' }]
  const lineEnds = new Set(LINES.slice(0, 40).map((_, i) => Buffer.concat(LINES.slice(0, i + 1)).length))
  for (let size = 0; size < whole.length; size += size % 97 === 0 ? 1 : 13) {
    writeEvents(dir, whole.subarray(0, size))
    const kept = [...lineEnds].filter((end) => end <= size).length
    const flaw = { kind: 'cut', index: kept }
    expect(verifyChain({ dir, market: 'in', anchors })).toMatchObject({ status: 'ROLLED_BACK', flaw })
    const isAtLineEnd = size === 0 || lineEnds.has(size)
    expect(verifyChain({ dir, market: 'in' }).status).toBe(isAtLineEnd ? 'VERIFIED' : 'TORN_TAIL')
  }
  for (const size of lineEnds) {
    writeEvents(dir, whole.subarray(0, size))
    const status = size === whole.length ? 'VERIFIED' : 'ROLLED_BACK'
    expect(verifyChain({ dir, market: 'in', anchors }).status).toBe(status)
  }
})

test('a chain written anew is found by any anchor, wherever the rewriting began', () => {
  const dir = tempDir()
  const anchorOf = (line: string): { eventIndex: number; checksum: string; where: string } => {
    const { event_index, checksum } = JSON.parse(line) as { event_index: number; checksum: string }
    return { eventIndex: event_index, checksum, where: 'a manifest' }
  }
  for (let from = 0; from < 50; from++) {
    writeEvents(dir, linesOf(60, (i) => draftOf(i < from ? i : i + 1)).join(''))
    expect(verifyChain({ dir, market: 'in' }).status).toBe('VERIFIED')
    const anchors = [LINES[from === 0 ? 0 : from - 1]!, LINES[55]!].map((line) => anchorOf(line.toString()))
    const report = verifyChain({ dir, market: 'in', anchors })
    expect(report).toMatchObject({ status: 'FORKED', flaw: { index: from === 0 ? 0 : 55, kind: 'rewrite' } })
  }
})

test(
  'a checkpoint kept elsewhere finds a cut and a rewrite that took the checkpoints ' + 'beside it along',
  () => {
    const dir = tempDir()
    const chain = chainAt(dir)
    for (let i = 0; i < 10; i++) chain.append(draftOf(i))
    const notes = [{ text: chain.checkpoint(), where: 'a stick' }]
    const lines = eventsText(dir).split('\n').slice(0, -1)
    const away = tempDir()
    writeEvents(away, `${lines.slice(0, 8).join('\n')}\n`)
    expect(verifyChain({ dir: away, market: 'in' }).status).toBe('VERIFIED')
    expect(verifyChain({ dir: away, market: 'in', notes })).toMatchObject({
      status: 'ROLLED_BACK',
      flaw: { index: 8 },
    })
    const rewritten = tempDir()
    const other = chainAt(rewritten)
    for (let i = 0; i < 20; i++) other.append(draftOf(i))
    other.checkpoint()
    expect(verifyChain({ dir: rewritten, market: 'in' }).status).toBe('VERIFIED')
    expect(verifyChain({ dir: rewritten, market: 'in', notes })).toMatchObject({ status: 'FORKED' })
    const text = notes[0]!.text
    expect(() => verifyChain({ dir, market: 'in', notes: [{ text: 'x', where: 'y' }] })).toThrow(
      /no checkpoint/,
    )
    expect(() => verifyChain({ dir, market: 'us', notes })).toThrow(/no checkpoint of the chain of us/)
    expect(verifyChain({ dir, market: 'in', notes: [{ text: `${text}${text}`, where: 'two' }] }).status).toBe(
      'VERIFIED',
    )
  },
)

test('every changed byte of the newest checkpoint beside the chain is found', () => {
  const dir = tempDir()
  const chain = chainAt(dir)
  for (let i = 0; i < 5; i++) chain.append(draftOf(i))
  chain.checkpoint()
  const path = join(dir, 'checkpoints.jsonl')
  const sound = readFileSync(path)
  for (let i = 0; i < sound.length - 1; i++) {
    const harmed = Buffer.from(sound)
    harmed[i] = harmed[i]! ^ 1
    writeFileSync(path, harmed)
    expect(verifyChain({ dir, market: 'in' }).status, `byte ${i}`).not.toBe('VERIFIED')
  }
  writeFileSync(path, sound)
  expect(verifyChain({ dir, market: 'in' }).status).toBe('VERIFIED')
})
