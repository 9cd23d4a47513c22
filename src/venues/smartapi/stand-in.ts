/** How does the vendor's side of the socket behave? What a stand-in server must know of this protocol. */
import type { Exchange } from '../../domain/instrument.ts'
import type { StandInProblem, StandInSubscribe, StandInVenue } from '../../domain/stand-in.ts'
import { encodePacket } from './encode.ts'
import { isObject, type JsonObject, parseJson, textOf } from './json.ts'
import { PING_TEXT, PONG_TEXT } from './subscribe.ts'
import { exchangeCode, exchangeOfCode, modeOfCode, PACKET_BYTES, TOKEN_BYTES_MAX } from './wire.ts'

type Wish = { readonly exchange: Exchange; readonly token: string }

export const smartapiStandIn: StandInVenue = {
  name: 'smartapi',
  encodePacket,
  packetBytesMax: Math.max(...PACKET_BYTES),
  parseSubscribeRequest,
  errorFrame,
  pingText: PING_TEXT,
  pongText: PONG_TEXT,
  subscriptionLimit: { code: 'E1002', message: 'Invalid Request. Subscription Limit Exceeded.' },
  exchangeCode,
  exchangeOfCode,
}

export function errorFrame(correlationId: string, code: string, message: string): string {
  return JSON.stringify({ correlationID: correlationId, errorCode: code, errorMessage: message })
}

/** As strict as the vendor's documentation: numbers are numbers, tokens are texts, nothing is empty. */
export function parseSubscribeRequest(text: string): StandInSubscribe | StandInProblem {
  const body = parseJson(text)
  if (!isObject(body)) return payloadProblem('')
  const correlationId = textOf(body, 'correlationID')
  const action = body.action
  const params = body.params
  if (!isObject(params) || (action !== 0 && action !== 1)) return payloadProblem(correlationId)
  const mode = typeof params.mode === 'number' ? modeOfCode(params.mode) : null
  const instruments = readTokenList(params.tokenList)
  if (mode === null || instruments === null) return payloadProblem(correlationId)
  return { kind: action === 1 ? 'subscribe' : 'unsubscribe', correlationId, mode, instruments }
}

function payloadProblem(correlationId: string): StandInProblem {
  return { kind: 'problem', correlationId, code: 'E1001', message: 'Invalid Request Payload.' }
}

function readTokenList(list: unknown): readonly Wish[] | null {
  if (!Array.isArray(list) || list.length === 0) return null
  const wishes: Wish[] = []
  for (const group of list as readonly unknown[]) {
    const tokens = isObject(group) ? readGroup(group) : null
    if (tokens === null) return null
    for (const wish of tokens) wishes.push(wish)
  }
  return wishes
}

function readGroup(group: JsonObject): readonly Wish[] | null {
  const { exchangeType, tokens } = group
  const exchange = typeof exchangeType === 'number' ? exchangeOfCode(exchangeType) : null
  if (exchange === null || !Array.isArray(tokens) || tokens.length === 0) return null
  if (!tokens.every(isToken)) return null
  return tokens.map((token) => ({ exchange, token }))
}

function isToken(token: unknown): token is string {
  return typeof token === 'string' && token.length <= TOKEN_BYTES_MAX && /^[\x21-\x7e]+$/.test(token)
}
