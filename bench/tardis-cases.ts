/**
 * Who is right when the feed is not? Three cases in which a bar that ends with the next trade goes wrong,
 * each played to both: the same trades at the same times, once as packets with the timer, once as messages.
 *
 *     late tick    a trade of 09:15 arrives after the first of 09:16
 *     disconnect   the feed breaks inside 09:15 and comes back inside it
 *     last candle  after the last trade there is only silence
 */
import { type Candle, candleAt } from '../src/domain/candle.ts'
import { at, INFY, SessionKit } from '../test/support/session-kit.ts'

export type CaseVerdict = { readonly isRight: boolean; readonly got: string }
export type Case = { readonly name: string; readonly ours: CaseVerdict; readonly theirs: CaseVerdict }

type Bar = Readonly<Record<'open' | 'high' | 'low' | 'close' | 'volume', number>> & { readonly type: string }
type Tardis = {
  readonly compute: (
    messages: AsyncIterable<unknown>,
    ...computables: readonly unknown[]
  ) => AsyncIterable<unknown>
  readonly computeTradeBars: (options: { readonly kind: 'time'; readonly interval: number }) => unknown
}

/** Time of the trade, price in currency, size; or the break of the feed. */
type Moment = readonly [time: string, price: number, size: number] | 'disconnect'

const LATE: readonly Moment[] = [
  ['09:15:10', 100, 1],
  ['09:16:01', 101, 1],
  ['09:15:59', 200, 1],
  ['09:16:30', 102, 1],
  ['09:17:10', 103, 1],
]
const BROKEN: readonly Moment[] = [
  ['09:15:10', 100, 4],
  ['09:15:20', 110, 4],
  'disconnect',
  ['09:15:40', 101, 1],
  ['09:16:10', 102, 1],
]
const LAST: readonly Moment[] = [
  ['15:29:10', 100, 1],
  ['15:29:40', 101, 1],
]

export async function tardisCases(tardis: Tardis): Promise<readonly Case[]> {
  return [
    { name: 'late tick', ours: ourLateTick(), theirs: theirLateTick(await barsOf(tardis, LATE)) },
    { name: 'disconnect', ours: ourDisconnect(), theirs: theirDisconnect(await barsOf(tardis, BROKEN)) },
    { name: 'last candle', ours: ourLastCandle(), theirs: theirLastCandle(await barsOf(tardis, LAST)) },
  ]
}

function ourLateTick(): CaseVerdict {
  const kit = play(LATE, { timerAt: { '09:16:01': '09:15' } })
  kit.minute('09:16')
  const [first, second] = [kit.candle('09:15'), kit.candle('09:16')]
  const settled = play(LATE, { lateness: 'settle' })
  const columns = settled.fold.columnsOf(Math.floor(at('09:15') / 60_000) as never)
  const settledFirst = candleAt({ instruments: settled.fold.instruments(), columns }, 0)
  const isRight =
    second.high === 102 && second.volume === 2 && kit.fold.lateCount() === 1 && settledFirst.high === 200
  const got =
    `09:16 has high ${second.high}, volume ${second.volume}; ` +
    `09:15 stays as published (high ${first.high}), ` +
    `1 tick counted late, and settle puts it there (high ${settledFirst.high}, volume ${settledFirst.volume})`
  return { isRight, got }
}

function theirLateTick(bars: readonly Bar[]): CaseVerdict {
  const second = bars[1]!
  return {
    isRight: second.high === 102 && second.volume === 2,
    got: `09:16 has high ${second.high}, volume ${second.volume}`,
  }
}

function ourDisconnect(): CaseVerdict {
  const kit = play(BROKEN, {})
  kit.minute('09:15')
  const candle = kit.candle('09:15')
  return {
    isRight: candle.high === 110 && candle.volume === 9 && !candle.complete,
    got:
      `09:15 has high ${candle.high}, volume ${candle.volume}, complete ${candle.complete}; ` +
      `${kit.fold.gaps().length} gaps recorded`,
  }
}

function theirDisconnect(bars: readonly Bar[]): CaseVerdict {
  const first = bars[0]!
  return {
    isRight: first.high === 110 && first.volume === 9,
    got: `09:15 has high ${first.high}, volume ${first.volume}, without a mark`,
  }
}

function ourLastCandle(): CaseVerdict {
  const kit = play(LAST, { passed: '15:28' })
  kit.minute('15:29')
  const candle: Candle = kit.candle('15:29')
  return {
    isRight: candle.close === 101 && candle.volume === 2,
    got: `close ${candle.close}, volume ${candle.volume}`,
  }
}

function theirLastCandle(bars: readonly Bar[]): CaseVerdict {
  return { isRight: bars.length === 1, got: `${bars.length} bars` }
}

type PlayOptions = {
  readonly lateness?: 'live' | 'settle'
  /** The minute up to which the timer has fired before the first trade. */
  readonly passed?: string
  /** By the time of a trade: the minute that the timer finalises behind it. */
  readonly timerAt?: Readonly<Record<string, string>>
}

function play(
  moments: readonly Moment[],
  { lateness = 'live', timerAt = {}, passed }: PlayOptions,
): SessionKit {
  const kit = new SessionKit({ lateness }).liveSinceMorning()
  if (passed !== undefined) kit.minute(passed)
  let dayVolume = 0
  for (const moment of moments) {
    if (moment === 'disconnect') {
      kit.lost('09:15:25').connect('09:15:30', 1).live('09:15:31', 1)
      continue
    }
    const [time, price, size] = moment
    dayVolume += size
    const connection = moments.includes('disconnect') && time > '09:15:30' ? 1 : 0
    kit.packet(time, { token: INFY.token, price: price * 100, dayVolume, connection })
    const minute = timerAt[time]
    if (minute !== undefined) kit.minute(minute)
  }
  return kit
}

async function barsOf(tardis: Tardis, moments: readonly Moment[]): Promise<readonly Bar[]> {
  async function* messages(): AsyncGenerator<unknown> {
    for (const moment of moments) {
      if (moment === 'disconnect') {
        yield { type: 'disconnect', exchange: 'tape', localTimestamp: new Date(at('09:15:25')) }
        continue
      }
      const [time, price, amount] = moment
      const timestamp = new Date(at(time))
      const side = 'buy'
      yield {
        type: 'trade',
        symbol: 'INFY',
        exchange: 'tape',
        price,
        amount,
        side,
        timestamp,
        localTimestamp: timestamp,
      }
    }
  }
  const bars: Bar[] = []
  const computed = tardis.compute(messages(), tardis.computeTradeBars({ kind: 'time', interval: 60_000 }))
  for await (const message of computed) if ((message as Bar).type === 'trade_bar') bars.push(message as Bar)
  return bars
}
