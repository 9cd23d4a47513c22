/**
 * Is the chain what it was? The whole file is read: every line by itself, every link, and every anchor that
 * somebody kept. One word comes out:
 *
 *     VERIFIED      sound, and every anchor agrees
 *     TORN_TAIL     sound up to an interrupted write that no anchor knows; the next append repairs it
 *     BROKEN        an event was changed, removed, added or moved, or a checkpoint is not one
 *     ROLLED_BACK   sound, but an anchor knows more events: its end was cut off
 *     FORKED        sound, but an anchor knows another event at the same place: it was written anew
 *
 * The last two cannot be seen from the file: links only prove that a chain fits itself. What cannot be seen
 * at all, and from when on, is in FORMAT.md.
 */
import type { ChainAnchor } from '../domain/event.ts'
import {
  eventsPath,
  lineOfBlock,
  readingFile,
  type StoredBlock,
  type StoredLine,
  sizeOf,
  storedBlocks,
  storedLines,
} from './chain-file.ts'
import { type ChainFlaw, flawAt } from './chain-flaw.ts'
import { CHAIN_START, type ChainMark, stepOver } from './chain-walk.ts'
import { type Claim, claimsOf, isVouchedFor, type OutsideNote } from './claims.ts'
import { generationOf } from './generation.ts'
import { LineScan } from './line-scan.ts'
import { GrowingTree } from './tree.ts'

export type { ChainFlaw, OutsideNote }

export type ChainStatus = 'VERIFIED' | 'TORN_TAIL' | 'BROKEN' | 'ROLLED_BACK' | 'FORKED'

export type AnchorReport = {
  readonly where: string
  /** How many anchors this source has, and the newest event that they name. */
  readonly count: number
  readonly eventIndex: number
  readonly agrees: boolean
}

export type ChainReport = {
  readonly market: string
  /** 2 and more: operators set broken chains aside, and the first event says why. */
  readonly generation: number
  readonly status: ChainStatus
  /** Sound events from the first on. */
  readonly eventCount: number
  /** Of these events. */
  readonly head: ChainMark
  /** Null when VERIFIED. */
  readonly flaw: ChainFlaw | null
  /** What was compared, one for each source. */
  readonly anchors: readonly AnchorReport[]
  /** Sound events behind the newest anchor: a cut within them would not show. */
  readonly unanchoredCount: number
  readonly countByType: Readonly<Record<string, number>>
}

export type VerifyOptions = {
  readonly dir: string
  readonly market: string
  /** Heads repeated in journals and manifests. */
  readonly anchors?: readonly ChainAnchor[]
  /** Signed notes that were kept elsewhere. */
  readonly notes?: readonly OutsideNote[]
}

/** Reads only and needs no lock. A missing file is a chain without events. */
export function verifyChain(options: VerifyOptions): ChainReport {
  const { dir, market } = options
  // Before the chain: a running writer adds checkpoints behind events, so all of these must be met.
  const generation = generationOf(dir)
  const claims = claimsOf({ ...options, generation })
  const walk = new Walk(market, claims)
  readingFile(eventsPath(dir), undefined, (fd) => walk.read(fd))
  const flaw = walk.flaw ?? walk.contradiction() ?? walk.tornTail ?? walk.unsigned()
  const covered = claims.reduce((most, { eventIndex }) => Math.max(most, eventIndex), -1)
  return {
    market,
    generation,
    status: flaw === null ? 'VERIFIED' : statusOf(flaw),
    eventCount: walk.mark.eventIndex + 1,
    head: walk.mark,
    flaw,
    anchors: reportAnchors(claims, walk),
    unanchoredCount: Math.max(0, walk.mark.eventIndex - covered),
    countByType: walk.countByType(),
  }
}

function statusOf({ kind }: ChainFlaw): ChainStatus {
  if (kind === 'cut') return 'ROLLED_BACK'
  if (kind === 'rewrite') return 'FORKED'
  return kind === 'torn-tail' ? 'TORN_TAIL' : 'BROKEN'
}

function reportAnchors(claims: readonly Claim[], walk: Walk): readonly AnchorReport[] {
  return [...Map.groupBy(claims, ({ where }) => where)].map(([where, ofSource]) => ({
    where,
    count: ofSource.length,
    eventIndex: ofSource.at(-1)!.eventIndex,
    agrees: ofSource.every((claim) => walk.met.has(claim)),
  }))
}

/** One pass over the file, in which the claims are met or contradicted. */
class Walk {
  readonly market: string
  mark: ChainMark = CHAIN_START
  flaw: ChainFlaw | null = null
  tornTail: ChainFlaw | null = null
  readonly met = new Set<Claim>()
  /** Sorted by event; up to `#claimAt` they were looked at. */
  readonly #claims: readonly Claim[]
  #claimAt = 0
  readonly #tree = new GrowingTree()
  /** Beyond it no claim states a tree head, and none is built. */
  readonly #treeCount: number
  /** Keys that the chain itself names. */
  readonly #verifiers: string[] = []
  readonly #scan: LineScan
  /** By the type as JSON writes it. */
  readonly #counts = new Map<string, number>()
  #forkedBy: Claim | null = null

  constructor(market: string, claims: readonly Claim[]) {
    this.market = market
    this.#scan = new LineScan(market)
    this.#claims = claims
    this.#treeCount = claims.reduce((most, { note, eventIndex }) => (note ? eventIndex + 1 : most), 0)
    for (; this.#claims[this.#claimAt]?.eventIndex === -1; this.#claimAt++) {
      this.met.add(this.#claims[this.#claimAt]!)
    }
  }

  read(fd: number): void {
    const sizeBytes = sizeOf(fd)
    for (const block of storedBlocks(fd, 0, sizeBytes)) {
      if (!block.isWhole) this.tornTail = this.#torn(block)
      else if (!this.#readBlock(fd, block, sizeBytes)) return
    }
  }

  #torn({ bytes }: StoredBlock): ChainFlaw {
    const says = `${bytes.length} bytes stand behind the last whole line; the next append sets them aside`
    return { index: this.mark.eventIndex + 1, kind: 'torn-tail', says }
  }

  /** False at the first flaw. */
  #readBlock(fd: number, block: StoredBlock, toByte: number): boolean {
    const scan = this.#scan
    for (let at = 0; at < block.bytes.length; ) {
      const isPassed =
        block.isText &&
        scan.isSound(block.bytes, at) &&
        scan.eventIndex === this.mark.eventIndex + 1 &&
        scan.previousChecksum === this.mark.checksum
      if (isPassed) {
        at = scan.endAt
        this.#pass(scan.eventIndex, scan.checksum, block.startByte + at, scan.typeText)
        continue
      }
      const line = lineOfBlock(block, at)
      if (!this.#judge(fd, line, toByte)) return false
      at = line.endByte - block.startByte
    }
    return true
  }

  /** The slow way, for whatever the scan did not take for sound. */
  #judge(fd: number, line: StoredLine, toByte: number): boolean {
    const step = stepOver(line, this.mark, this.market)
    if ('flaw' in step) {
      this.flaw = flawAt(step, this.mark, storedLines(fd, line.endByte, toByte))
      return false
    }
    const { actor, checksum, event_index, event_type, payload } = step.event
    const key = payload.checkpoint_key
    if (actor === 'system:chain' && typeof key === 'string') this.#verifiers.push(key)
    this.#pass(event_index, checksum, line.endByte, JSON.stringify(event_type))
    return true
  }

  #pass(eventIndex: number, checksum: string, sizeBytes: number, typeText: string): void {
    this.mark = { eventIndex, checksum, sizeBytes }
    this.#counts.set(typeText, (this.#counts.get(typeText) ?? 0) + 1)
    if (eventIndex < this.#treeCount) this.#tree.add(checksum)
    while (this.#claims[this.#claimAt]?.eventIndex === eventIndex) this.#compare(this.mark)
  }

  countByType(): Readonly<Record<string, number>> {
    const counts = [...this.#counts].map(([text, count]) => [String(JSON.parse(text)), count] as const)
    return Object.fromEntries(counts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  #compare(mark: ChainMark): void {
    const claim = this.#claims[this.#claimAt++]!
    const { note, checksum } = claim
    const isSameTree =
      note === null ||
      (note.checkpoint.sizeBytes === mark.sizeBytes && note.checkpoint.root === this.#tree.root())
    if (checksum === mark.checksum && isSameTree) this.met.add(claim)
    else this.#forkedBy ??= claim
  }

  /** What an anchor knows better than a chain that is sound in itself. */
  contradiction(): ChainFlaw | null {
    if (this.#forkedBy !== null) {
      const { where, eventIndex } = this.#forkedBy
      const says = `${where} remembers another event there: the chain was written anew at it or before it`
      return { index: eventIndex, kind: 'rewrite', says }
    }
    const newest = this.#claims.at(-1)
    if (newest === undefined || newest.eventIndex <= this.mark.eventIndex) return null
    const index = this.mark.eventIndex + 1
    const knownCount = newest.eventIndex + 1
    const says = `${where(newest)} knows ${knownCount} events, ${index} are left: its end was cut off`
    return { index, kind: 'cut', says }
  }

  /** A note that agrees but that no key of the chain signed. */
  unsigned(): ChainFlaw | null {
    const claim = this.#claims.find((one) => !isVouchedFor(one, this.#claims, this.#verifiers))
    if (claim === undefined) return null
    const says = `the checkpoint in ${where(claim)} is not signed by a key that the chain names, or is none`
    return { index: Math.max(0, claim.eventIndex), kind: 'bad-checkpoint', says }
  }
}

function where(claim: Claim): string {
  return claim.where
}

/** One line for the operator. */
export function describeChain(report: ChainReport): string {
  const { market, generation, status, eventCount, head, flaw, anchors, unanchoredCount } = report
  if (flaw !== null) return `${status}: ${market}, event ${flaw.index}, ${flaw.kind}: ${flaw.says}`
  const which = generation === 1 ? '' : `generation ${generation}, `
  const compared = anchors.map(
    ({ where, count, eventIndex }) => `${count} of ${where} up to event ${eventIndex}`,
  )
  return (
    `${status}: ${market}, ${which}${eventCount} events, head ${head.checksum.slice(0, 16)}; anchors: ` +
    `${compared.length === 0 ? 'none' : compared.join(', ')}; ${unanchoredCount} events behind them`
  )
}
