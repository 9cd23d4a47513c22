/**
 * Which raw answers are new? Answers are batched by the hour of their fetch, and a batch is known by a digest
 * over its file names in the order of fetching: names say when and what, and raw files never change.
 *
 * Candles are folded in the order of fetching. So besides "new", a batch has answers that come *late*:
 * fetched before something that is folded already (a folder restored, a clock set back). Their symbols'
 * groups are folded again from all of staging; everything else only goes on from where it was.
 */
import { hash } from 'node:crypto'
import type { RawAnswer } from '../domain/batch.ts'
import type { Zone } from '../platform/zone.ts'
import { type BatchName, batchNameOf, groupOf } from './layout.ts'

export type Batch = {
  readonly name: BatchName
  /** In the order of fetching. */
  readonly answers: readonly RawAnswer[]
  readonly digest: string
}

/** What the marker remembers of a batch that was folded. */
export type FoldedBatch = {
  readonly batch: BatchName
  readonly answerCount: number
  readonly digest: string
  readonly lastFetchedAt: number
}

export type FoldPlan = {
  readonly pending: readonly Batch[]
  /** Groups of symbols that are folded again from all of staging. */
  readonly lateGroups: ReadonlySet<number>
}

export function batchesOf(answers: readonly RawAnswer[], zone: Zone): readonly Batch[] {
  const byName = new Map<BatchName, RawAnswer[]>()
  for (const answer of answers) {
    if (answer.wish.function === 'LISTING_STATUS') continue
    const name = batchNameOf(zone.dateOf(answer.fetchedAtMs), answer.fetchedAtMs)
    const batch = byName.get(name)
    if (batch === undefined) byName.set(name, [answer])
    else batch.push(answer)
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, members]) => batchOf(name, members))
}

function batchOf(name: BatchName, members: RawAnswer[]): Batch {
  members.sort((a, b) => a.fetchedAtMs - b.fetchedAtMs || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  return { name, answers: members, digest: digestOf(members) }
}

function digestOf(answers: readonly RawAnswer[]): string {
  return hash('sha256', answers.map(({ path }) => path).join('\n'), 'hex')
}

export function foldedBatch({ name, answers, digest }: Batch): FoldedBatch {
  return { batch: name, answerCount: answers.length, digest, lastFetchedAt: answers.at(-1)!.fetchedAtMs }
}

export function planFold(batches: readonly Batch[], folded: readonly FoldedBatch[]): FoldPlan {
  const known = new Map(folded.map((entry) => [entry.batch, entry]))
  const foldedUntilMs = folded.reduce((max, entry) => Math.max(max, entry.lastFetchedAt), -1)
  const pending = batches.filter(({ name, digest }) => known.get(name)?.digest !== digest)
  const lateGroups = new Set<number>()
  for (const batch of pending) {
    for (const { wish, fetchedAtMs } of newAnswers(batch, known.get(batch.name))) {
      if (fetchedAtMs <= foldedUntilMs) lateGroups.add(groupOf(wish.symbol))
    }
  }
  return { pending, lateGroups }
}

/** All of them, unless the batch only grew at its end. */
function newAnswers(batch: Batch, before: FoldedBatch | undefined): readonly RawAnswer[] {
  if (before === undefined) return batch.answers
  const prefix = batch.answers.slice(0, before.answerCount)
  return digestOf(prefix) === before.digest ? batch.answers.slice(before.answerCount) : batch.answers
}
