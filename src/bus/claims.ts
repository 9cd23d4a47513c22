/**
 * What do others remember of the chain? Checkpoints beside it, signed notes and heads kept elsewhere:
 * claims.
 */
import { OperatingError } from '../domain/error.ts'
import type { ChainAnchor } from '../domain/event.ts'
import { ZERO_CHECKSUM } from './chain-line.ts'
import { isSignedBy, parseNotes, type SignedNote } from './checkpoint.ts'
import { readCheckpoints } from './checkpoint-file.ts'
import { checkpointsPath, originOf } from './generation.ts'

export type OutsideNote = { readonly text: string; readonly where: string }

export type Claim = ChainAnchor & {
  /** Null for a head that was not signed, and for a line that should be a checkpoint and is none. */
  readonly note: SignedNote | null
  readonly source: 'beside' | 'note' | 'head' | 'damaged'
}

type ClaimSources = {
  readonly dir: string
  readonly market: string
  readonly generation: number
  readonly anchors?: readonly ChainAnchor[]
  readonly notes?: readonly OutsideNote[]
}

/** Sorted by event. Throws VERIFY_FAILED for a text from outside that is no note of this market's chain. */
export function claimsOf({
  dir,
  market,
  generation,
  anchors = [],
  notes = [],
}: ClaimSources): readonly Claim[] {
  const origin = originOf(market, generation)
  const where = checkpointsPath(dir, generation)
  const beside = readCheckpoints(where).map((stored, at): Claim => {
    if (stored?.note.checkpoint.origin === origin) return claimOf(stored.note, where, 'beside')
    return {
      eventIndex: -1,
      checksum: ZERO_CHECKSUM,
      note: null,
      source: 'damaged',
      where: `${where}, line ${at + 1}`,
    }
  })
  const outside = notes.flatMap(({ text, where }) => {
    const parsed = parseNotes(text)
    const ours = parsed.filter(({ checkpoint }) => checkpoint.origin === origin)
    if (ours.length > 0) return ours.map((note) => claimOf(note, where, 'note'))
    // What was signed of a generation before says nothing about this one.
    if (parsed.some((note) => isOfEarlier(note, market, generation))) return []
    throw new OperatingError(
      `reading the anchor ${where}: it holds no checkpoint of the chain of ${market}; give ` +
        `a file that \`chandler audit anchor\` wrote`,
      { code: 'VERIFY_FAILED' },
    )
  })
  const heads = anchors
    .filter((anchor) => (anchor.generation ?? 1) === generation)
    .map((anchor): Claim => ({ ...anchor, note: null, source: 'head' }))
  return [...beside, ...outside, ...heads].toSorted((a, b) => a.eventIndex - b.eventIndex)
}

function isOfEarlier({ checkpoint }: SignedNote, market: string, generation: number): boolean {
  for (let each = 1; each < generation; each++) if (checkpoint.origin === originOf(market, each)) return true
  return false
}

function claimOf(note: SignedNote, where: string, source: Claim['source']): Claim {
  const { eventCount, head } = note.checkpoint
  return { eventIndex: eventCount - 1, checksum: head, where, note, source }
}

/**
 * Signatures are looked at where nothing else speaks: in every note from outside, and in the newest beside
 * the chain. Of an older one beside it every word was compared with the chain itself, tree head included,
 * and the chain is vouched for by the newer ones; to check thousands of signatures would take longer than
 * all the rest.
 */
export function isVouchedFor(claim: Claim, claims: readonly Claim[], verifiers: readonly string[]): boolean {
  if (claim.source === 'head') return true
  if (claim.note === null) return false
  if (claim.source === 'beside' && claim !== claims.findLast(({ source }) => source === 'beside')) return true
  return isSignedBy(claim.note, verifiers)
}
