/**
 * Which heads of the event chain do the manifests repeat? Only lines that hold one are parsed: a manifest has
 * hundreds, and this is asked at every gate.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChainAnchor } from '../domain/event.ts'
import { fileError, listNames } from '../platform/durable.ts'
import { manifestDir } from './lake.ts'
import { parseEntry } from './manifest.ts'

/** Of every settled day, oldest first. A damaged line is no evidence; `chandler verify` names it. */
export function readChainHeads(dataDir: string, market: string): readonly ChainAnchor[] {
  const dir = manifestDir(market)
  const names = listNames(join(dataDir, dir)).filter((name) => /^\d{4}-\d{2}-\d{2}\.jsonl$/.test(name))
  return names.toSorted().flatMap((name) => headsIn(dataDir, `${dir}/${name}`))
}

function headsIn(dataDir: string, path: string): readonly ChainAnchor[] {
  let text: string
  try {
    text = readFileSync(join(dataDir, path), 'utf8')
  } catch (error) {
    throw fileError('reading the manifest', join(dataDir, path), error)
  }
  return text.split('\n').flatMap((line) => {
    const chainHead = line.includes('"chainHead":') ? parseEntry(line)?.chainHead : undefined
    return chainHead === undefined ? [] : [{ ...chainHead, where: path }]
  })
}
