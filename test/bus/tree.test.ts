import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { GrowingTree, headCountOf, rootOf } from '../../src/bus/tree.ts'

/** The inputs and tree heads that implementations of RFC 6962 share as test vectors. */
const INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** The definition of RFC 6962, 2.1, word by word. */
function treeHead(inputs: readonly Buffer[]): Buffer {
  if (inputs.length === 0) return hash('sha256', '', 'buffer')
  if (inputs.length === 1) return hash('sha256', Buffer.concat([Buffer.of(0), inputs[0]!]), 'buffer')
  let split = 1
  while (split * 2 < inputs.length) split *= 2
  const halves = [treeHead(inputs.slice(0, split)), treeHead(inputs.slice(split))]
  return hash('sha256', Buffer.concat([Buffer.of(1), ...halves]), 'buffer')
}

test('the tree heads are those of RFC 6962, at every size, and from every frontier on', () => {
  const published = INPUTS.map((input) => Buffer.from(input, 'hex'))
  for (const [size, root] of ROOTS.entries()) {
    expect(treeHead(published.slice(0, size)).toString('hex')).toBe(root)
  }
  const checksums = Array.from({ length: 140 }, (_, i) => hash('sha256', `event ${i}`))
  const leaves = checksums.map((checksum) => Buffer.from(checksum, 'hex'))
  let tree = new GrowingTree()
  for (let size = 0; size <= checksums.length; size++) {
    expect(tree.root(), `${size} events`).toBe(treeHead(leaves.slice(0, size)).toString('base64'))
    const frontier = tree.frontier()
    expect(frontier.heads).toHaveLength(headCountOf(size))
    expect(rootOf(frontier.heads)).toBe(tree.root())
    if (size % 3 === 0) tree = new GrowingTree(frontier)
    if (size < checksums.length) tree.add(checksums[size]!)
  }
})
