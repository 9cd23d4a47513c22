/** What do the tests of the chain share? A folder that goes away, and a chain in it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Chain, openChain } from '../../src/bus/chain.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { AT } from './lines.ts'
import { overwrite } from './tamper.ts'

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-chain-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function chainAt(dir: string, notes: string[] = []): Chain {
  const note = (text: string): void => void notes.push(text)
  return openChain({ dir, market: 'in', clock: new ManualClock(AT), note })
}

export function writeEvents(dir: string, text: string | Buffer): void {
  overwrite(join(dir, 'events.jsonl'), typeof text === 'string' ? Buffer.from(text) : text)
}

export function eventsText(dir: string): string {
  return readFileSync(join(dir, 'events.jsonl'), 'utf8')
}
