/**
 * Which socket carries which instrument? As few sockets as the vendor's limits allow, filled evenly, in
 * the order of the symbols, so that the same list always gives the same plan.
 */
import { OperatingError } from '../domain/error.ts'
import { bySymbol, type Instrument } from '../domain/instrument.ts'
import type { VenueLimits } from '../domain/venue.ts'

export type ShardLimits = Pick<VenueLimits, 'socketsMax' | 'instrumentsPerSocketMax'>

/**
 * Per instrument, in the order given: its shard, from 0. Throws CAPACITY_EXCEEDED, which names `listName`,
 * where the instruments stand.
 */
export function planShards(
  instruments: readonly Instrument[],
  limits: ShardLimits,
  venueName: string,
  listName = 'the list',
): readonly number[] {
  const { socketsMax, instrumentsPerSocketMax } = limits
  const capacity = socketsMax * instrumentsPerSocketMax
  const count = instruments.length
  if (count > capacity) {
    throw new OperatingError(
      `planning the sockets: ${count} instruments, but ${venueName} sends at most ${capacity} ` +
        `(${socketsMax} sockets of ${instrumentsPerSocketMax}); take ${count - capacity} off ${listName}`,
      { code: 'CAPACITY_EXCEEDED' },
    )
  }
  const shardCount = Math.ceil(count / instrumentsPerSocketMax)
  const order = instruments.map((_, index) => index)
  order.sort((a, b) => bySymbol(instruments[a]!, instruments[b]!))
  const shards = new Array<number>(count)
  order.forEach((index, rank) => {
    shards[index] = Math.floor((rank * shardCount) / count)
  })
  return shards
}
