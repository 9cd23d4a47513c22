/** What if the disk says no? System calls that really fail, in a process of its own. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { verifyChain } from '../../src/bus/verify-chain.ts'
import { eventsText, tempDir } from './kit.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
const hasStrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
const straceNote = hasStrace ? '' : ' (skipped: needs strace)'

type Said = { readonly index?: number; readonly checksum?: string; readonly code?: string }

/** A process that appends ten events while one of its calls on the chain's file fails. */
function appendUnder(dir: string, inject: string): readonly Said[] {
  const path = join(dir, 'events.jsonl')
  const tracer = ['-f', '-qq', '-o', '/dev/null', '-P', path, '-e', `inject=${inject}`]
  const { stdout } = spawnSync('strace', [...tracer, process.execPath, CHILD, dir, 'fault', '10'], {
    encoding: 'utf8',
  })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Said)
}

test.skipIf(!hasStrace)(
  `a failed sync or write: what was acknowledged stays, what was not is gone, nothing follows${straceNote}`,
  () => {
    for (const [inject, acknowledgedMax] of [
      ['fdatasync:error=EIO:when=1', 0],
      ['fdatasync:error=EIO:when=4', 3],
      ['write:error=ENOSPC:when=4', 3],
    ] as const) {
      const dir = tempDir()
      const said = appendUnder(dir, inject)
      expect(said.at(-1), inject).toMatchObject({
        code: inject.includes('ENOSPC') ? 'DISK_FULL' : 'DIR_UNUSABLE',
      })
      const acknowledged = said.filter(({ index }) => index !== undefined)
      expect(acknowledged.length, inject).toBeLessThanOrEqual(acknowledgedMax)
      const stored = eventsText(dir).split('\n').slice(0, -1)
      for (const { index, checksum } of acknowledged)
        expect(JSON.parse(stored[index!]!)).toMatchObject({ checksum })
      // The first event of all is the chain's own, so there may be one more than were acknowledged.
      expect(stored.length - acknowledged.length, inject).toBeLessThanOrEqual(1)
      expect(verifyChain({ dir, market: 'in' }).status).toBe('VERIFIED')
    }
  },
  20_000,
)
