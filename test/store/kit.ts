/** What do the tests of the lake share? A folder that goes away, a publisher, a tree to compare. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Instrument } from '../../src/domain/instrument.ts'
import { FilePublisher } from '../../src/store/publish-steps.ts'
import { DAY } from './tables.ts'

export function tempFolder(prefix = 'chandler-store-'): string {
  const dir = mkdtempSync(join(tmpdir(), prefix))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function publisherAt(dataDir: string, instruments: readonly Instrument[] = []): FilePublisher {
  const publisher = new FilePublisher(dataDir, DAY.market, () => {})
  publisher.setInstruments(instruments)
  onTestFinished(() => publisher.end())
  return publisher
}

/** Relative path -> content, of everything below `dir`, as readers of the lake see it. */
export function treeOf(dir: string): Map<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(dir.length + 1), readFileSync(path).toString('base64')]),
  )
}
