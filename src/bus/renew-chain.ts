/**
 * What can an operator do with a chain that is BROKEN, ROLLED_BACK or FORKED? Set it aside and begin the
 * next generation. Nothing is repaired and nothing deleted: the file stays as it is under the name of its
 * generation, its checkpoints too, and the first event of the new chain holds its size and SHA-256, what the
 * verifier said, the newest anchor, and who renewed it why.
 *
 *     write   events.jsonl.next         one line, synced
 *     link    events.jsonl to events.jsonl.generation-<n>
 *     rename  events.jsonl.next to events.jsonl
 *
 * The old chain holds until the rename and the new one from it on; a crash before it leaves a second name of
 * the same file, and renewing again goes on.
 */
import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import type { ChainEvent, ChainHead, EventPayload } from '../domain/event.ts'
import type { Clock } from '../platform/clock.ts'
import { fileError, nameAlso, removeFile, renameInto, syncDir, writeNewFile } from '../platform/durable.ts'
import { eventsPath } from './chain-file.ts'
import { sealEvent, ZERO_CHECKSUM } from './chain-line.ts'
import { takeChainLock } from './chain-lock.ts'
import { keyPath, openSigningKey } from './checkpoint.ts'
import { claimsOf } from './claims.ts'
import { asideCount, asidePath, originOf } from './generation.ts'
import { type ChainReport, describeChain, type VerifyOptions, verifyChain } from './verify-chain.ts'

export type RenewOptions = VerifyOptions & {
  readonly clock: Clock
  readonly operator: string
  readonly reason: string
}

export type RenewedChain = {
  readonly market: string
  readonly generation: number
  /** Where the chain before lies now. */
  readonly asidePath: string
  readonly head: ChainHead
}

/** Durable when it returns. Throws USAGE for a chain that is intact, LOCK_HELD, or what the disk says. */
export function renewChain(options: RenewOptions): RenewedChain {
  const lock = takeChainLock(options.dir)
  try {
    const report = verifyChain(options)
    if (report.status === 'VERIFIED' || report.status === 'TORN_TAIL') throw refusal(options.market, report)
    return setAside(options, report)
  } finally {
    lock.release()
  }
}

function refusal(market: string, report: ChainReport): OperatingError {
  return new OperatingError(
    `renewing the chain of ${market}: ${describeChain(report)}; nothing to renew, nothing was changed`,
    { code: 'USAGE' },
  )
}

function setAside(options: RenewOptions, report: ChainReport): RenewedChain {
  const { dir, market } = options
  const path = eventsPath(dir)
  const before = bytesOf(path)
  // Behind every name that is taken, also by a file that somebody put there.
  const ended = freeGeneration(dir, report.generation, before)
  const aside = asidePath(dir, ended)
  const { event, line } = firstEvent(options, report, ended, before)
  const next = `${path}.next`
  try {
    removeFile(next)
    writeNewFile(next, Buffer.from(line))
    if (before === null) writeNewFile(aside, Buffer.alloc(0))
    else if (!existsSync(aside)) nameAlso(path, aside)
    syncDir(dir)
    renameInto(next, path)
  } catch (error) {
    throw fileError('renewing the chain', path, error)
  }
  const head = { eventIndex: 0, checksum: event.checksum, generation: ended + 1 }
  return { market, generation: ended + 1, asidePath: aside, head }
}

/** Null where the file is gone. */
function bytesOf(path: string): Buffer | null {
  try {
    return readFileSync(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw fileError('reading the chain', path, error)
  }
}

/** That of the chain, unless its file's name is taken by another file than this chain's own. */
function freeGeneration(dir: string, generation: number, before: Buffer | null): number {
  const known = bytesOf(asidePath(dir, generation))
  const isOwn = known === null || (before !== null && known.equals(before))
  return isOwn ? generation : Math.max(generation, asideCount(dir)) + 1
}

function firstEvent(
  options: RenewOptions,
  { status, flaw, generation }: ChainReport,
  ended: number,
  before: Buffer | null,
): { event: ChainEvent; line: string } {
  const { dir, market, clock, operator, reason } = options
  const newest = claimsOf({ ...options, generation }).at(-1)
  const key = openSigningKey(keyPath(dir), originOf(market, ended + 1))
  const payload: EventPayload = {
    generation: ended + 1,
    checkpoint_key: key.verifier,
    operator,
    reason,
    previous: {
      generation: ended,
      file: basename(asidePath(dir, ended)),
      bytes: before?.length ?? 0,
      sha256: hash('sha256', before ?? ''),
      status,
      says: flaw?.says ?? '',
      newest_anchor:
        newest === undefined
          ? null
          : { event_index: newest.eventIndex, checksum: newest.checksum, where: newest.where },
    },
  }
  const atMs = clock.wallMs()
  const place = { market, eventIndex: 0, previousChecksum: ZERO_CHECKSUM, recordedAtMs: atMs }
  return sealEvent({ type: 'chain.started', atMs, actor: 'system:chain', payload }, place)
}
