/** How does a small text replace another one? Readers see the old or the new, also after a power cut. */
import { dirname } from 'node:path'
import { fileError, makeDir, removeFile, renameInto, writeNewFile } from '../platform/durable.ts'

export function replaceFile(path: string, text: string): void {
  const temp = `${path}.tmp`
  try {
    makeDir(dirname(path))
    removeFile(temp)
    writeNewFile(temp, Buffer.from(text))
    renameInto(temp, path)
  } catch (error) {
    throw fileError('replacing', path, error)
  }
}
