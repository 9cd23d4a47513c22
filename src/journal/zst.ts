/**
 * How does a sealed segment rest? As zstd, readable with the ordinary tool, but in the seekable form:
 * frames of 1 MiB each, and an index of them at the end, in a frame that decoders skip. One damaged
 * block then costs 1 MiB at most instead of the segment; its bytes read as zeros, which are no frames,
 * so the reader goes on behind them and says what is missing.
 *
 *     [zstd frame: 1 MiB of the segment] … [zstd frame: the rest]
 *     [184D2A5E u32][size u32] { compressed u32, raw u32 } × n [n u32][0 u8][8F92EAB1 u32]
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { viewOf } from './format.ts'

export const BLOCK_BYTES: number = 1024 * 1024
const LEVEL = 3
/** Of the compressor's output: about what a block comes down to. */
const CHUNK_BYTES = 256 * 1024
const SKIPPABLE_MAGIC = 0x184d2a5e
const SEEKABLE_MAGIC = 0x8f92eab1
const FOOTER_BYTES = 9
const ENTRY_BYTES = 8

type Block = { readonly at: number; readonly sizeBytes: number; readonly rawBytes: number }

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/**
 * The compressed segment in parts, each only valid until the next is asked for; only the last of `blocks`
 * may be shorter than BLOCK_BYTES. Throws when a part does not come back as what went in.
 */
export async function* compressBlocks(
  blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const sizes: (readonly [compressedBytes: number, rawBytes: number])[] = []
  for await (const raw of blocks) {
    const part = await compress(raw, {
      chunkSize: CHUNK_BYTES,
      pledgedSrcSize: raw.byteLength,
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
    })
    const back = await decompress(part, { chunkSize: BLOCK_BYTES, maxOutputLength: BLOCK_BYTES })
    if (Buffer.compare(back, raw) !== 0) throw new Error('what came back is not what went in')
    sizes.push([part.byteLength, raw.byteLength])
    yield part
    release(back)
    release(part)
  }
  yield indexOf(sizes)
}

/**
 * Gives the memory back now. Left to the collector, which counts only what JavaScript takes, the blocks of
 * several segments would be there together. What shares its memory with others (Node's pool) stays.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength) buffer.transfer(0)
}

function indexOf(sizes: readonly (readonly [compressedBytes: number, rawBytes: number])[]): Uint8Array {
  const index = new Uint8Array(8 + sizes.length * ENTRY_BYTES + FOOTER_BYTES)
  const view = viewOf(index)
  view.setUint32(0, SKIPPABLE_MAGIC, true)
  view.setUint32(4, index.byteLength - 8, true)
  for (const [n, [compressedBytes, rawBytes]] of sizes.entries()) {
    view.setUint32(8 + n * ENTRY_BYTES, compressedBytes, true)
    view.setUint32(12 + n * ENTRY_BYTES, rawBytes, true)
  }
  view.setUint32(index.byteLength - FOOTER_BYTES, sizes.length, true)
  view.setUint32(index.byteLength - 4, SEEKABLE_MAGIC, true)
  return index
}

/** Damaged blocks come back as zeros. Null when the index is damaged: then no block can be found. */
export function decompressSegment(bytes: Uint8Array): Uint8Array | null {
  const blocks = readIndex(bytes)
  if (blocks === null) return null
  const out = new Uint8Array(blocks.reduce((sum, block) => sum + block.rawBytes, 0))
  let outAt = 0
  for (const { at, sizeBytes, rawBytes } of blocks) {
    const raw = decompressBlock(bytes.subarray(at, at + sizeBytes), rawBytes)
    if (raw !== null) {
      out.set(raw, outAt)
      release(raw)
    }
    outAt += rawBytes
  }
  return out
}

function decompressBlock(block: Uint8Array, rawBytes: number): Buffer | null {
  try {
    const raw = zstdDecompressSync(block, { chunkSize: Math.max(rawBytes, 64), maxOutputLength: rawBytes })
    return raw.byteLength === rawBytes ? raw : null
  } catch {
    // zstd's own checksum failed: the same as bytes that were never there.
    return null
  }
}

function readIndex(bytes: Uint8Array): Block[] | null {
  const view = viewOf(bytes)
  const end = bytes.byteLength
  if (end < 8 + FOOTER_BYTES || view.getUint32(end - 4, true) !== SEEKABLE_MAGIC) return null
  const count = view.getUint32(end - FOOTER_BYTES, true)
  const indexAt = end - FOOTER_BYTES - count * ENTRY_BYTES
  if (indexAt < 8 || view.getUint32(indexAt - 8, true) !== SKIPPABLE_MAGIC) return null
  const blocks: Block[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const sizeBytes = view.getUint32(indexAt + i * ENTRY_BYTES, true)
    const rawBytes = view.getUint32(indexAt + i * ENTRY_BYTES + 4, true)
    if (rawBytes > BLOCK_BYTES) return null
    blocks.push({ at, sizeBytes, rawBytes })
    at += sizeBytes
  }
  return at === indexAt - 8 ? blocks : null
}
