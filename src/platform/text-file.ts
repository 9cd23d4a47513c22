/** What stands in a text file? Whole for small ones; in blocks of lines for those that may be long. */
import { createReadStream, readFileSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

const BLOCK_BYTES = 256 * 1024

/** Throws the system's error as it is. */
export function readTextFile(path: string): string {
  return readFileSync(path, 'utf8')
}

/**
 * The file's lines in order, without their ends, many at a time; a name that ends in `.gz` is
 * unpacked. Never holds more than a block or two. Throws the system's, or zlib's, error as it is.
 */
export async function* readLineBlocks(path: string): AsyncGenerator<readonly string[], void, void> {
  const file = createReadStream(path, { highWaterMark: BLOCK_BYTES })
  // `pipeline` also hands an error of the file on to the unpacked side, where the loop meets it.
  const bytes = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/)
      rest = lines.pop()!
      if (lines.length > 0) yield lines
    }
  } finally {
    file.destroy()
  }
  rest += decoder.decode()
  if (rest !== '') yield [rest]
}
