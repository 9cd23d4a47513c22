/**
 * What is the tree head over the checksums? That of RFC 6962 (and C2SP's tlog-tiles), so that a witness of
 * certificate logs can cosign our checkpoints without knowing our format. A leaf is the 32 bytes of an
 * event's checksum.
 *
 * A tree that only grows needs no tree: the heads of its full subtrees, one for each set bit of its size, are
 * enough to add a leaf and to say the root. That is the frontier, at most 53 hashes, kept as
 * lower-case hex, which the engine makes faster than buffers.
 */
import { hash } from 'node:crypto'

export type Frontier = { readonly size: number; readonly heads: readonly string[] }

export const EMPTY_FRONTIER: Frontier = { size: 0, heads: [] }

/** `sha256(0x00 || checksum)`. */
const LEAF: Buffer = Buffer.alloc(33)
/** `sha256(0x01 || left || right)`. */
const NODE: Buffer = Buffer.alloc(65, 1)

export class GrowingTree {
  #size: number
  readonly #heads: string[]

  constructor(frontier: Frontier = EMPTY_FRONTIER) {
    this.#size = frontier.size
    this.#heads = [...frontier.heads]
  }

  get size(): number {
    return this.#size
  }

  add(checksum: string): void {
    LEAF.write(checksum, 1, 'hex')
    let head = hash('sha256', LEAF)
    // As many full subtrees end here as the size has ones at its end; each is the left of a bigger one.
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) head = nodeOf(this.#heads.pop()!, head)
    this.#heads.push(head)
    this.#size += 1
  }

  frontier(): Frontier {
    return { size: this.#size, heads: [...this.#heads] }
  }

  /** The tree head, in base64 as checkpoints say it. */
  root(): string {
    return rootOf(this.#heads)
  }
}

/** In base64; the SHA-256 of nothing for the empty tree. */
export function rootOf(heads: readonly string[]): string {
  const root =
    heads.length === 0 ? hash('sha256', '') : heads.reduceRight((right, left) => nodeOf(left, right))
  return Buffer.from(root, 'hex').toString('base64')
}

function nodeOf(left: string, right: string): string {
  NODE.write(left, 1, 'hex')
  NODE.write(right, 33, 'hex')
  return hash('sha256', NODE)
}

/** How many heads a frontier of this size has: the ones in the number. */
export function headCountOf(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
