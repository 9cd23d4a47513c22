/**
 * How is a large file read and replaced beside a feed? The same steps as in durable.ts, but every one of
 * them in the pool of threads that Node keeps for files: the event loop waits for no disk, and no more than
 * a block of the file is in memory.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The file's bytes; only the last block may be shorter. The memory is only valid until the next block. */
export async function* readBlocks(path: string, blockBytes: number): AsyncGenerator<Uint8Array, void, void> {
  const block = new Uint8Array(blockBytes)
  const file = await open(path, 'r')
  try {
    for (;;) {
      let sizeBytes = 0
      for (let n = -1; n !== 0 && sizeBytes < blockBytes; sizeBytes += n) {
        n = (await file.read(block, sizeBytes, blockBytes - sizeBytes)).bytesRead
      }
      if (sizeBytes === 0) return
      yield block.subarray(0, sizeBytes)
    }
  } finally {
    await file.close()
  }
}

/**
 * Writes `parts` to the new file `temp`, gives it the name `final` and removes `replaced`, each permanent
 * before the next. A crash in between leaves `replaced`, and perhaps `final`, whole.
 */
export async function replaceFile(
  temp: string,
  final: string,
  replaced: string,
  parts: AsyncIterable<Uint8Array>,
): Promise<void> {
  await writeOver(temp, final, parts)
  await rm(replaced)
  await syncDirOf(replaced)
}

/**
 * Writes `parts` to the new file `temp` and gives it the name `final`, also where another has it. A crash in
 * between leaves the old file; a failure leaves it too, and no `temp` that would take room on a full disk.
 */
export async function writeOver(
  temp: string,
  final: string,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await rm(temp, { force: true })
  try {
    await withFile(await open(temp, 'wx', 0o600), async (file) => {
      for await (const part of parts) await file.writeFile(part)
      await file.sync()
    })
    await rename(temp, final)
  } catch (error) {
    await rm(temp, { force: true })
    throw error
  }
  await syncDirOf(final)
}

async function syncDirOf(path: string): Promise<void> {
  await withFile(await open(dirname(path), 'r'), (dir) => dir.sync())
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file)
  } finally {
    await file.close()
  }
}
