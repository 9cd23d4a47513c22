import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { verifyJournal } from '../../src/journal/verify.ts'
import { randomOf, readAll, tempDir } from './harness.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
const hasStrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
const hasTmpfs = canMount()
const straceNote = hasStrace ? '' : ' (skipped: needs strace)'
const tmpfsNote = hasTmpfs ? '' : ' (skipped: needs the right to mount a tmpfs)'

type Said = {
  readonly died?: string
  readonly written?: number
  readonly durable?: number
  readonly degraded?: string
  readonly failed?: string
  readonly code?: string
  readonly closed?: boolean
  readonly recovered?: { readonly class: string; readonly lastSeq: number }
}

/** Kills with SIGKILL after `killAfterLines` lines, if the process has not ended by then. */
function runChild(
  args: readonly string[],
  tracer: readonly string[] = [],
  killAfterLines: number = Number.POSITIVE_INFINITY,
): Promise<Said[]> {
  const [command, ...rest] = [...tracer, process.execPath, CHILD, ...args] as [string, ...string[]]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  let lineCount = 0
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    lineCount += part.split('\n').length - 1
    if (lineCount >= killAfterLines) child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      const whole = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .filter((line) => line !== '')
      const said = whole.map((line) => JSON.parse(line) as Said)
      // A death of its own, which nobody asked for, must show in the assertion that meets it.
      const isOwnDeath = killAfterLines === Number.POSITIVE_INFINITY && tracer.length === 0 && status !== 0
      resolve(isOwnDeath ? [...said, { died: `status ${status}, signal ${signal}` }] : said)
    })
  })
}

function highest(said: readonly Said[], mark: 'written' | 'durable'): number {
  return said.reduce((most, line) => Math.max(most, line[mark] ?? 0), 0)
}

function expectEntries(dir: string, from: number, atLeast: number): void {
  const entries = readAll(dir)
  expect(entries.length).toBeGreaterThanOrEqual(atLeast)
  for (const [i, entry] of entries.entries()) {
    if (i < from) continue
    expect(entry.seq).toBe(i + 1)
    expect(entry.text.startsWith(`entry ${i + 1} `), `entry ${i + 1}`).toBe(true)
  }
}

test('twelve kills with SIGKILL lose no entry that was reported written', async () => {
  const dir = tempDir(tmpdir())
  const random = randomOf(2)
  let written = 0
  for (let kill = 0; kill < 12; kill++) {
    const said = await runChild([dir, '100000'], [], 2 + Math.floor(random() * 120))
    expect(said[0]!.recovered!.lastSeq).toBeGreaterThanOrEqual(written)
    expect(said[0]!.recovered!.class).not.toBe('CORRUPT')
    written = Math.max(written, highest(said, 'written'))
    expectEntries(dir, 0, written)
  }
  expect(written).toBeGreaterThan(100)
  const said = await runChild([dir, '10'])
  expect(said.at(-1)!.closed).toBe(true)
  expectEntries(dir, 0, written + 10)
  expect(verifyJournal(dir)).toMatchObject({ isIntact: true, missing: [] })
})

test.skipIf(!hasStrace)(
  `a failed fdatasync costs no durable entry, wherever it strikes${straceNote}`,
  async () => {
    const outcomes = new Map<string, number>()
    for (const when of ['1', '2', '3', '5', '8', '3+', '4..5']) {
      const dir = tempDir(tmpdir())
      const inject = `inject=fdatasync:error=EIO:when=${when}`
      const said = await runChild([dir, '1500'], [...STRACE, '-e', 'trace=fdatasync', '-e', inject])
      const end = said.at(-1)!
      const outcome = end.closed ? (said.some((line) => line.degraded) ? 'degraded' : 'untouched') : end.code!
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      expectEntries(dir, 0, highest(said, 'durable'))
      const again = await runChild([dir, '10'])
      expect(again[0]!.recovered!.class, `when=${when}`).not.toBe('CORRUPT')
      expect(again.at(-1)!.closed).toBe(true)
      expect(readAll(dir).length).toBeGreaterThanOrEqual(highest(said, 'durable') + 10)
    }
    expect([...outcomes.keys()].sort()).toEqual(['JOURNAL_FAILED', 'degraded'])
  },
)

test.skipIf(!hasStrace)(
  `a kill at any system call that makes names or bytes permanent loses nothing durable${straceNote}`,
  async () => {
    for (const call of ['fdatasync', 'fsync', 'rename', 'ftruncate']) {
      for (const when of ['1', '2', '4']) {
        const dir = tempDir(tmpdir())
        const first = await runChild([dir, '300'], [], 20)
        const inject = `inject=${call}:signal=KILL:when=${when}`
        const said = await runChild([dir, '700'], [...STRACE, '-e', `trace=${call}`, '-e', inject])
        const durable = Math.max(highest(first, 'durable'), highest(said, 'durable'))
        const again = await runChild([dir, '10'])
        expect(again[0]!.recovered!.class, `${call} ${when}`).not.toBe('CORRUPT')
        expect(again.at(-1)!.closed, `${call} ${when}`).toBe(true)
        expectEntries(dir, 0, durable + 10)
      }
    }
  },
)

test.skipIf(!hasTmpfs)(
  `a disk that is really full ends the run in one line, and the entries before it are whole${tmpfsNote}`,
  async () => {
    const dir = mountTmpfs('1m')
    const said = await runChild([join(dir, 'journal'), '20000', '200'])
    const end = said.at(-1)!
    expect(end, JSON.stringify(said.slice(-2))).toMatchObject({ code: 'DISK_FULL' })
    expect(end.failed).toMatch(/the disk is full: free space there/)
    expect(highest(said, 'durable')).toBeGreaterThan(1_000)
    expectEntries(join(dir, 'journal'), 0, highest(said, 'written'))
    expect(verifyJournal(join(dir, 'journal')).isIntact).toBe(true)
  },
)

test.skipIf(!hasTmpfs)(`a disk that was full for a while costs nothing${tmpfsNote}`, async () => {
  const dir = mountTmpfs('1m')
  const filler = join(dir, 'filler')
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k', 'count=700', 'status=none'])
  const running = runChild([join(dir, 'journal'), '2000', '30000'])
  // Wait until the writer stands: the journal has grown into the last free block.
  while (freeBlocks(dir) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  rmSync(filler)
  const said = await running
  expect(said.at(-1)).toMatchObject({ closed: true })
  expect(readAll(join(dir, 'journal'))).toHaveLength(2_000)
  expect(verifyJournal(join(dir, 'journal')).isIntact).toBe(true)
})

const STRACE = ['strace', '-f', '-qq', '-o', '/dev/null']

function canMount(): boolean {
  const dir = join(tmpdir(), `chandler-mount-${process.pid}`)
  mkdirSync(dir, { recursive: true })
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]).status === 0
  if (isMounted) spawnSync('umount', [dir])
  rmSync(dir, { recursive: true })
  return isMounted
}

function mountTmpfs(size: string): string {
  const dir = tempDir(tmpdir())
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir])
  onTestFinished(() => void spawnSync('umount', [dir]))
  return dir
}

function freeBlocks(dir: string): number {
  const lines = spawnSync('df', ['--output=avail', dir]).stdout.toString().trim().split('\n')
  readdirSync(dir)
  return Number(lines.at(-1))
}
