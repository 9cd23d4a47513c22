/** What is SmartAPI, as a venue? The parts of this folder, put together, with the vendor's limits. */
import type { Instrument } from '../../domain/instrument.ts'
import type { StreamVenue, VenueLimits } from '../../domain/venue.ts'
import { parseHistory, parseQuotes, parseTokens } from './answers.ts'
import { decodePacket } from './decode.ts'
import { parseHandshakeRefusal } from './refusals.ts'
import {
  handshakeHeaders,
  historyRequest,
  loginRequest,
  logoutRequest,
  quoteRequest,
  refreshRequest,
} from './requests.ts'
import { INSTRUMENTS_PER_MESSAGE_MAX, PING_TEXT, parseText, subscribeMessages } from './subscribe.ts'

const LIMITS: VenueLimits = {
  socketsMax: 3,
  instrumentsPerSocketMax: 1_000,
  instrumentsPerMessageMax: INSTRUMENTS_PER_MESSAGE_MAX,
  instrumentsPerQuoteMax: 50,
  loginIntervalMs: 1_000,
  // The vendor's text says one a second, its table ten: the smaller one is always allowed.
  quoteIntervalMs: 1_000,
  // 3 a second, 180 a minute, 5000 an hour: over a long backfill the hour binds, 720 ms each.
  historyIntervalMs: 725,
  historyDaysMax: 30,
}

const REAL_HOSTS: readonly string[] = [
  'apiconnect.angelone.in',
  'smartapisocket.angelone.in',
  'margincalculator.angelone.in',
  'tns.angelone.in',
  'apiconnect.angelbroking.com',
  'margincalculator.angelbroking.com',
  'wsfeeds.angelbroking.com',
]

/** Index tokens have eight digits, 99926000 (Nifty 50), 99919000 (Sensex); a contract may be 99912. */
const INDEX_TOKEN = /^999\d{5}$/

function isTraded(instrument: Instrument): boolean {
  return !INDEX_TOKEN.test(instrument.token)
}

export const smartapi: StreamVenue = {
  name: 'smartapi',
  limits: LIMITS,
  realHosts: REAL_HOSTS,
  carriesVolume: (mode) => mode === 'quote' || mode === 'snap_quote',
  hasVolume: isTraded,
  hasSequence: isTraded,
  decodePacket,
  loginRequest,
  refreshRequest,
  logoutRequest,
  parseTokens,
  handshakeHeaders,
  parseHandshakeRefusal,
  subscribeMessages,
  pingText: PING_TEXT,
  parseText,
  quoteRequest,
  parseQuotes,
  historyRequest,
  parseHistory,
}
