/** How is a journal opened? Recovery first, then a writer on a new segment: every start begins one. */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import type { ClockSimulation } from '../platform/clock.ts'
import { createClock } from '../platform/clock.ts'
import { fileError, makeDir } from '../platform/durable.ts'
import { threadUrl } from '../platform/thread.ts'
import { JournalAppender } from './appender.ts'
import { readBootId } from './boot.ts'
import { Compressor, leftRaw } from './compress.ts'
import type { JournalPlace } from './place.ts'
import type { Recovery, RecoveryReport } from './recover.ts'
import { recoverJournal } from './recover.ts'
import { createRing } from './ring.ts'
import type { WriterOptions } from './writer.ts'
import type { WriterThreadData } from './writer-thread.ts'

export type JournalOptions = {
  readonly dir: string
  /** Size of the hand-over, a power of two; bounds how long a slow disk is waited for. */
  readonly ringBytes?: number
  /** Entries up to here are known durable from outside (the manifest, the event chain). */
  readonly floorSeq?: number
  /** What the entries say up to here need not be read again; see RecoveryOptions. */
  readonly known?: JournalPlace | undefined
  readonly commitMs?: number
  readonly commitBytes?: number
  readonly heartbeatMs?: number
  readonly segmentMaxBytes?: number
  readonly segmentMaxMs?: number
  readonly fullMaxMs?: number
  readonly fullRetryMs?: number
  /** 0 for none. */
  readonly ballastBytes?: number
  readonly ballastPath?: string
  /** Whether sealed segments are compressed in the background. Default true. */
  readonly isCompressing?: boolean
  /** Wall time of segment heads and heartbeats; the group commit always runs in real time. */
  readonly simulation?: ClockSimulation
}

export type OpenJournal = {
  readonly appender: JournalAppender
  readonly report: RecoveryReport
  /** Whether `known` was found as it was; if not, everything was inspected and is to be read. */
  readonly isKnown: boolean
}

/** The caller holds the lock. Throws JOURNAL_FOREIGN when the directory holds another writer's files. */
export async function openJournal(options: JournalOptions): Promise<OpenJournal> {
  const { report, tail, isKnown, sealedBefore } = prepare(options)
  const ring = createRing(options.ringBytes ?? 16 * 1024 * 1024)
  const data: WriterThreadData = {
    ring,
    options: writerOptions(options),
    start: {
      generation: report.generation + 1,
      segment: tail.segment + 1,
      firstSeq: report.lastSeq + 1,
      chain: tail.chain,
      previousSha256: tail.sha256,
      bootId: readBootId(),
      recovery: report.wasClean ? null : JSON.stringify(report),
    },
    ...(options.simulation === undefined ? {} : { simulation: options.simulation }),
  }
  const worker = new Worker(threadUrl('writer-thread', import.meta.url), { workerData: data })
  const appender = new JournalAppender(worker, ring, report.lastSeq + 1)
  if (options.isCompressing ?? true) compressBehind(appender, sealedBefore)
  return { appender, report, isKnown }
}

type Prepared = Recovery & { readonly sealedBefore: readonly string[] }

/** What the disk refuses here is the operator's matter: one line, and no stack. */
function prepare({ dir, floorSeq = 0, known, simulation }: JournalOptions): Prepared {
  try {
    makeDir(dir)
    const recovered = recoverJournal(dir, { floorSeq, known, clock: createClock(simulation) })
    return { ...recovered, sealedBefore: leftRaw(dir) }
  } catch (error) {
    if (error instanceof OperatingError || systemCodeOf(error) === '') throw error
    throw fileError('opening the journal in', dir, error)
  }
}

function compressBehind(appender: JournalAppender, sealedBefore: readonly string[]): void {
  const compressor = new Compressor((problem) => appender.reportDegraded(problem))
  for (const path of sealedBefore) compressor.add(path)
  appender.onSealed((path) => compressor.add(path))
  appender.beforeClosed(() => compressor.done())
}

function writerOptions(options: JournalOptions): WriterOptions {
  return {
    dir: options.dir,
    commitMs: options.commitMs ?? 100,
    commitBytes: options.commitBytes ?? 1024 * 1024,
    heartbeatMs: options.heartbeatMs ?? 1_000,
    segmentMaxBytes: options.segmentMaxBytes ?? 64 * 1024 * 1024,
    segmentMaxMs: options.segmentMaxMs ?? 15 * 60_000,
    fullMaxMs: options.fullMaxMs ?? 30_000,
    fullRetryMs: options.fullRetryMs ?? 100,
    ballastPath: options.ballastPath ?? join(options.dir, 'ballast'),
    ballastBytes: options.ballastBytes ?? 64 * 1024 * 1024,
  }
}
