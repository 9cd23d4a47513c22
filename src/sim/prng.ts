/**
 * Where does made-up chance come from? A small generator (sfc32) that is seeded by four numbers, so
 * that what happens to one instrument in one minute can be drawn without drawing anything else first.
 * Not for secrets.
 */

/** Rounds thrown away after seeding, until the state has mixed. */
const WARM_UP_ROUNDS = 12

export class Prng {
  #a = 0
  #b = 0
  #c = 0
  #counter = 1

  constructor(seed = 0, first = 0, second = 0, third = 0) {
    this.reseed(seed, first, second, third)
  }

  /** Makes this generator equal to a new one with the same four integers. */
  reseed(seed: number, first: number, second: number, third: number): void {
    this.#a = mix(seed, first)
    this.#b = mix(this.#a ^ second, 0x9e3779b9)
    this.#c = mix(this.#b ^ third, 0x85ebca6b)
    this.#counter = 1
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.next()
  }

  /** In [0, 1), in steps of 2^-32. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return (sum >>> 0) / 4_294_967_296
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** Bell-shaped around 0 with deviation 1, never beyond ±3.5: the sum of four even draws. */
  bell(): number {
    return (this.next() + this.next() + this.next() + this.next() - 2) * 1.7320508
  }
}

/** A number in [0, 1) that depends on nothing but its arguments: for decisions about one packet. */
export function chanceOf(seed: number, first: number, second: number): number {
  const high = Math.floor(first / 4_294_967_296)
  return (mix(mix(mix(seed, first | 0), high), second) >>> 0) / 4_294_967_296
}

export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mix(hash, text.length)
}

function mix(left: number, right: number): number {
  let value = Math.imul(left ^ (left >>> 16), 0x85ebca6b) ^ Math.imul(right + 0x9e3779b9, 0xc2b2ae35)
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d)
  value = Math.imul(value ^ (value >>> 12), 0x297a2d39)
  return value ^ (value >>> 15)
}
