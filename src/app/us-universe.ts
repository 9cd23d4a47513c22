/**
 * Which symbols do the jobs work on? The operator's own list where there is one, else the universe in force.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readSymbols } from '../batch/symbols-file.ts'
import { readUniverse } from '../batch/universe-file.ts'
import type { Config } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import { proxySetOf } from './truth-market.ts'
import { US, usJobsDir } from './us-market.ts'

export type UsSymbols = {
  readonly symbols: readonly string[]
  /** `file`: the operator's list; `universe`: what the symbols job chose. */
  readonly origin: 'file' | 'universe'
}

export function universeDir(config: Config): string {
  return join(usJobsDir(config), 'universe')
}

/**
 * The symbols that the proxy set requires come first, whatever list is in force: funds are in no universe of
 * stocks, and without them nothing would ever be canonical. Throws SYMBOLS_INVALID for a list with a fault,
 * NOT_FOUND where there is neither list nor universe, PROXY_SET_INVALID.
 */
export function usSymbols(config: Config): UsSymbols {
  const path = config.markets.us.batch.symbols
  const withRequired = (symbols: readonly string[]): readonly string[] => [
    ...new Set([...proxySetOf(config, US).required, ...symbols]),
  ]
  if (existsSync(path)) return { symbols: withRequired(readSymbols(path)), origin: 'file' }
  const universe = readUniverse(universeDir(config))
  if (universe === null) {
    throw new OperatingError(
      `looking for the symbols of us: there is no ${path} and no universe yet; ` +
        'run `chandler batch symbols --market us`, or write the file',
      { code: 'NOT_FOUND' },
    )
  }
  return { symbols: withRequired(universe.entries.map(({ symbol }) => symbol)), origin: 'universe' }
}
