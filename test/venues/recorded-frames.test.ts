import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BookLevel } from '../../src/domain/packet.ts'
import { ABSENT, ACCEPTED, MODES, REJECT_NO_PRICE } from '../../src/domain/tick.ts'
import {
  decodePacket,
  encodePacket,
  readPacket,
  smartapiStandIn as standIn,
} from '../../src/venues/smartapi/index.ts'
import { DATA_ABSENT, DATA_DIR, needsData, spoiltTick } from './samples.ts'

type Level = readonly number[]
type Published = {
  readonly id: string
  readonly mode: number
  readonly exchangeType: number
  readonly token: string
  readonly exchTs: number
  readonly [field: string]: unknown
  readonly buy?: readonly Level[]
  readonly sell?: readonly Level[]
}

const published: readonly Published[] = DATA_ABSENT
  ? []
  : JSON.parse(readFileSync(join(DATA_DIR, 'decoded_ticks.json'), 'utf8')).ticks

function frame(id: string): Uint8Array {
  return readFileSync(join(DATA_DIR, 'frames', `${id}.bin`))
}

/** Their names for the numbers that we call otherwise. */
const NAMES: Readonly<Record<string, string>> = {
  seq: 'sequence',
  exchTs: 'exchangeMs',
  ltp: 'price',
  ltq: 'lastQuantity',
  atp: 'averagePrice',
  volume: 'dayVolume',
  totBuy: 'totalBuyQuantity',
  totSell: 'totalSellQuantity',
  open: 'dayOpen',
  high: 'dayHigh',
  low: 'dayLow',
  close: 'previousClose',
  oi: 'openInterest',
  oiChangePct: 'openInterestChangeRatio',
  upperCircuit: 'upperCircuit',
  lowerCircuit: 'lowerCircuit',
  wk52High: 'yearHigh',
  wk52Low: 'yearLow',
}

function numbersOf(tick: Published): Record<string, number> {
  const known = Object.entries(NAMES).filter(([theirs]) => theirs in tick)
  return Object.fromEntries(known.map(([theirs, ours]) => [ours, tick[theirs] as number]))
}

/** A published level is [flag, quantity, price, orders], in depth packets without the flag. */
function bookOf(levels: readonly Level[] = []): readonly BookLevel[] {
  return levels.map((level) => {
    const [quantity, price, orders] = level.slice(-3) as [number, number, number]
    return { quantity, price, orders }
  })
}

test.skipIf(DATA_ABSENT)(`each of the ten published packets has its tick${needsData}`, () => {
  const frames = readdirSync(join(DATA_DIR, 'frames')).filter((name) => name.endsWith('.bin'))
  expect(published.map((tick) => `${tick.id}.bin`).sort()).toEqual(frames.sort())
  expect(frames).toHaveLength(10)
})

test.skipIf(DATA_ABSENT)(`published packets are read in full, number by number${needsData}`, () => {
  for (const tick of published) {
    const packet = readPacket(frame(tick.id))
    expect(packet, tick.id).toMatchObject({
      mode: MODES[tick.mode - 1],
      exchange: standIn.exchangeOfCode(tick.exchangeType),
      token: tick.token,
      ...numbersOf(tick),
      buys: bookOf(tick.buy),
      sells: bookOf(tick.sell),
      tradeMs: typeof tick.ltt === 'number' ? tick.ltt * 1000 : ABSENT,
    })
  }
})

test.skipIf(DATA_ABSENT)(
  `published packets are decoded by the hot path, number by number${needsData}`,
  () => {
    for (const { id, mode, exchangeType, token, ...rest } of published) {
      const bytes = frame(id)
      const tick = spoiltTick()
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const outcome = decodePacket(bytes, view, 0, bytes.byteLength, tick)
      expect(outcome, id).toBe(mode === 4 ? REJECT_NO_PRICE : ACCEPTED)
      const { tokenOffset, tokenLength } = tick
      expect(Buffer.from(bytes.subarray(tokenOffset, tokenOffset + tokenLength)).toString(), id).toBe(token)
      const number = (name: string): number => (typeof rest[name] === 'number' ? rest[name] : ABSENT)
      expect({ ...tick }, id).toEqual({
        mode: mode - 1,
        exchange: exchangeType - 1,
        tokenOffset: 2,
        tokenLength: token.length,
        sequence: number('seq'),
        exchangeMs: number('exchTs'),
        price: number('ltp'),
        priceScale: 100,
        lastQuantity: number('ltq'),
        dayVolume: number('volume'),
        dayOpen: number('open'),
        dayHigh: number('high'),
        dayLow: number('low'),
        tradeMs: 'ltt' in rest ? number('ltt') * 1000 : ABSENT,
      })
    }
  },
)

test.skipIf(DATA_ABSENT)(`published packets are encoded back to the same bytes${needsData}`, () => {
  for (const { id } of published) {
    const bytes = frame(id)
    const out = new Uint8Array(standIn.packetBytesMax)
    const length = encodePacket(readPacket(bytes)!, out, 0)
    expect(Buffer.from(out.subarray(0, length)).toString('hex'), id).toBe(Buffer.from(bytes).toString('hex'))
  }
})

test.skipIf(DATA_ABSENT)(`bids are below offers in every recorded book${needsData}`, () => {
  const books = published.filter((tick) => tick.buy !== undefined)
  expect(books.length).toBe(4)
  for (const { id } of books) {
    const { buys, sells } = readPacket(frame(id))!
    expect(buys[0]!.price, id).toBeLessThan(sells[0]!.price)
  }
})
