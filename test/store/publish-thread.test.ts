import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { attachPublisher, createPublisher, type Publisher } from '../../src/store/publish.ts'
import { verifyLake } from '../../src/store/verify.ts'
import { publisherAt, tempFolder, treeOf } from './kit.ts'
import { emptyPart, INSTRUMENTS, momentum, part, report, settled } from './requests.ts'
import { DAY } from './tables.ts'

const CHILD = join(import.meta.dirname, 'child.ts')

async function startPublisher(dataDir: string, notes: string[] = []): Promise<Publisher> {
  const publisher = await createPublisher({ dataDir, market: 'in', note: (text) => notes.push(text) })
  onTestFinished(() => publisher.end())
  publisher.setInstruments(INSTRUMENTS)
  return publisher
}

test('the thread publishes what the steps do, and serves all that was asked before the end', async () => {
  const dataDir = tempFolder()
  const publisher = await startPublisher(dataDir)
  const requests = () => [part(0), emptyPart(1), part(2), momentum(2), settled(0), report(0)]
  const published = requests().map((request) => publisher.publish(request))
  await publisher.end()
  const same = tempFolder()
  const steps = publisherAt(same, INSTRUMENTS)
  expect(await Promise.all(published)).toEqual(requests().map((request) => steps.publish(request)))
  expect(treeOf(dataDir)).toEqual(treeOf(same))
})

test('the memory of the columns moves: nobody can change a minute that is being written', async () => {
  const publisher = await startPublisher(tempFolder())
  const request = part(0)
  const publishing = publisher.publish(request)
  if (!('columns' in request)) throw new Error('a part has columns')
  expect(request.columns.timestampMs).toHaveLength(0)
  expect((await publishing).rowCount).toBe(request.columns.rowCount)
})

test('errors cross the thread with their code, and the next publication goes on', async () => {
  const publisher = await startPublisher(tempFolder())
  await publisher.publish(part(0))
  await expect(publisher.publish(part(0, 1))).rejects.toMatchObject({
    name: 'OperatingError',
    code: 'PUBLISH_CONFLICT',
    message: expect.stringContaining('0915.parquet'),
  })
  const bad = part(1)
  if ('columns' in bad) bad.columns.timestampMs[0] = Number.NaN
  await expect(publisher.publish(bad)).rejects.toMatchObject({ code: 'PARQUET_INVALID' })
  expect((await publisher.publish(part(1))).outcome).toBe('new')
  expect(() => publisher.setInstruments([...INSTRUMENTS, ...INSTRUMENTS])).toThrow(/listed twice/)
})

test('a data directory that cannot be written is told at the start', async () => {
  const dataDir = join(tempFolder(), 'file')
  writeFileSync(dataDir, '')
  const starting = createPublisher({ dataDir, market: 'in', note: () => {} })
  await expect(starting).rejects.toMatchObject({ name: 'OperatingError', code: 'DIR_UNUSABLE' })
})

test('a torn manifest is repaired at the first publication of its date, and the repair is told', async () => {
  const dataDir = tempFolder()
  publisherAt(dataDir, INSTRUMENTS).publish(part(0))
  const manifest = join(dataDir, 'raw/in/manifest/2026-07-01.jsonl')
  writeFileSync(manifest, `${readFileSync(manifest, 'utf8')}{"crc32":"0000`)
  const notes: string[] = []
  const publisher = await startPublisher(dataDir, notes)
  await publisher.publish(part(1))
  expect(notes).toEqual([expect.stringContaining('removed a torn last line of 14 bytes')])
  expect(verifyLake(dataDir, 'in').findings).toEqual([])
})

/** A thread that starts well and ends, with or without an error, at the first request. */
function dyingThread(lastWords: string): Worker {
  return new Worker(
    `const { parentPort } = require('node:worker_threads')
     parentPort.on('message', () => { ${lastWords} })
     parentPort.postMessage({ kind: 'ready' })`,
    { eval: true },
  )
}

test('when the thread dies, every promise rejects, and so does every later one', async () => {
  for (const lastWords of ["throw new Error('bad memory')", 'process.exit(0)']) {
    const publisher = await attachPublisher(dyingThread(lastWords), () => {})
    const first = publisher.publish(part(0))
    const behind = publisher.publish(part(1))
    const why = { name: 'OperatingError', message: expect.stringContaining('the encoder thread') }
    await expect(first).rejects.toMatchObject(why)
    await expect(behind).rejects.toMatchObject(why)
    await expect(publisher.publish(part(2))).rejects.toMatchObject(why)
    await publisher.end()
  }
})

/** Kills the child with SIGKILL as soon as it says a line for the `nth` time; returns what it said. */
async function killedAt(child: ChildProcess, lineCount: number): Promise<readonly string[]> {
  const said: string[] = []
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout! })) {
    said.push(line)
    if (said.length === lineCount) child.kill('SIGKILL')
  }
  await exited
  return said
}

test('a killed process loses nothing it called published, and a second run completes the lake', async () => {
  const partCount = 12
  const whole = tempFolder()
  const steps = publisherAt(whole, INSTRUMENTS)
  for (let minute = 0; minute < partCount; minute++) steps.publish(part(minute))
  for (const lineCount of [2, 7]) {
    const dataDir = tempFolder()
    const args = [CHILD, 'publish', dataDir, String(partCount)]
    const said = await killedAt(
      spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] }),
      lineCount,
    )
    expect(said.length).toBeGreaterThanOrEqual(lineCount)
    for (const line of said.filter((text) => text.startsWith('published'))) {
      const [, path, sha256] = line.split(' ')
      expect(hash('sha256', readFileSync(join(dataDir, path!)))).toBe(sha256)
    }
    const harm = verifyLake(dataDir, DAY.market).findings.map((finding) => finding.kind)
    expect(harm.filter((kind) => kind === 'missing' || kind === 'changed')).toEqual([])
    execFileSync(process.execPath, args)
    expect(treeOf(dataDir)).toEqual(treeOf(whole))
  }
})
