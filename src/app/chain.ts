/** Where does a market's chain lie, who opens it, and where do others repeat its head? */
import { join } from 'node:path'
import type { Chain } from '../bus/chain.ts'
import { openChain } from '../bus/chain.ts'
import type { Config } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import type { ChainHead } from '../domain/event.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'

export function chainDir(dataDir: string, market: string): string {
  return join(dataDir, 'events', market)
}

export function openMarketChain(options: {
  readonly dataDir: string
  readonly market: string
  readonly clock: Clock
  readonly note: (text: string) => void
}): Chain {
  const { dataDir, market, clock, note } = options
  return openChain({ dir: chainDir(dataDir, market), market, clock, note })
}

export type ChainContext = { readonly config: Config; readonly clock: Clock; readonly log: Log }

/**
 * The head as journals and manifests repeat it; nothing before the first event. A chain that is not intact
 * stops the gates; it is no reason to lose a tick or a candle, so it is told and left out.
 */
export function chainHeadMember(
  { config, clock, log }: ChainContext,
  market: string,
): { readonly chainHead?: ChainHead } {
  const note = (text: string): void => log.warn(text, { market })
  try {
    const chainHead = openMarketChain({ dataDir: config.dataDir, market, clock, note }).anchorHead()
    return chainHead === null ? {} : { chainHead }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    log.error('the event chain is not intact', { market, why: error.message })
    return {}
  }
}
