/**
 * What is said on the socket besides packets? We send wishes and pings; the vendor answers a ping with
 * `pong`, a wish with silence or, when it refuses, with a JSON text. A refusal is the only sign that
 * instruments will stay silent for ever, so it must never be taken for noise.
 */
import type { Instrument } from '../../domain/instrument.ts'
import type { Mode } from '../../domain/tick.ts'
import type { SubscribeMessage, TextFrame } from '../../domain/venue.ts'
import { isObject, oneLine, parseJson, textOf } from './json.ts'
import { exchangeCode, modeCode } from './wire.ts'

export const PING_TEXT = 'ping'
export const PONG_TEXT = 'pong'
export const INSTRUMENTS_PER_MESSAGE_MAX = 100

/** The vendor wants exactly ten letters or digits. */
const CORRELATION_LENGTH = 10
const CORRELATION_COUNT = 36 ** (CORRELATION_LENGTH - 1)

export function correlationId(counter: number): string {
  return `c${(counter % CORRELATION_COUNT).toString(36).padStart(CORRELATION_LENGTH - 1, '0')}`
}

/** Message `i` carries the correlation id of `firstCorrelation + i`. No instruments, no messages. */
export function subscribeMessages(
  action: 'subscribe' | 'unsubscribe',
  mode: Mode,
  instruments: readonly Instrument[],
  firstCorrelation: number,
): readonly SubscribeMessage[] {
  const messages: SubscribeMessage[] = []
  for (let at = 0; at < instruments.length; at += INSTRUMENTS_PER_MESSAGE_MAX) {
    const group = instruments.slice(at, at + INSTRUMENTS_PER_MESSAGE_MAX)
    const correlation = correlationId(firstCorrelation + messages.length)
    const text = JSON.stringify({
      correlationID: correlation,
      action: action === 'subscribe' ? 1 : 0,
      params: { mode: modeCode(mode), tokenList: tokenList(group) },
    })
    messages.push({ correlationId: correlation, text, instruments: group })
  }
  return messages
}

function tokenList(
  instruments: readonly Instrument[],
): readonly { exchangeType: number; tokens: string[] }[] {
  const groups = Map.groupBy(instruments, (instrument) => instrument.exchange)
  return [...groups].map(([exchange, group]) => ({
    exchangeType: exchangeCode(exchange),
    tokens: group.map((instrument) => instrument.token),
  }))
}

export function parseText(text: string): TextFrame {
  if (text.trim() === PONG_TEXT) return { kind: 'pong' }
  const body = parseJson(text)
  if (isObject(body)) {
    const code = oneLine(textOf(body, 'errorCode', 'errorcode'))
    const message = oneLine(textOf(body, 'errorMessage', 'message'))
    const correlation = oneLine(textOf(body, 'correlationID', 'correlationId'))
    if (code !== '') return { kind: 'error', code, message, correlationId: correlation }
  }
  return { kind: 'other', text: oneLine(text) }
}
