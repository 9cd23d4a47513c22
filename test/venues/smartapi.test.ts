import { encodePacket, smartapi, smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import { judgeVenue } from './conformance.ts'
import { NIFTY, SAMPLE_PACKET, SBIN } from './samples.ts'

const SECRETS = ['eyJhbGciOiJIUzUxMiJ9.sample-jwt', 'sample-refresh-0123456789', 'sample-feed-0123456789']
const [jwtToken, refreshToken, feedToken] = SECRETS

judgeVenue({
  venue: smartapi,
  encodePacket,
  packetBytesMax: smartapiStandIn.packetBytesMax,
  packet: SAMPLE_PACKET,
  traded: SBIN,
  index: NIFTY,
  secrets: SECRETS,
  answers: {
    tokens: envelope({ jwtToken, refreshToken, feedToken }),
    quotes: envelope({
      fetched: [
        {
          exchange: 'NSE',
          symbolToken: '3045',
          ltp: 568.2,
          high: 569.35,
          low: 566.1,
          tradeVolume: 3_556_150,
          exchFeedTime: '20-Dec-2024 09:12:54',
          exchTradeTime: '20-Dec-2024 09:07:58',
        },
      ],
      unfetched: [],
    }),
    history: envelope([['2023-09-06T11:15:00+05:30', 19571.2, 19573.35, 19534.4, 19552.05, 0]]),
  },
})

function envelope(data: unknown): string {
  return JSON.stringify({ status: true, message: 'SUCCESS', errorcode: '', data })
}
