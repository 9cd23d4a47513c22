/**
 * Why did the vendor say no? It says so in many tongues: an application envelope
 * `{status, message, errorcode, data}`, a gateway envelope `{success, message, errorCode, data}`, plain
 * text, a firewall's HTML under status 200, a proxy's HTML, and half an answer. The HTTP status alone
 * means little, so the order of the questions is: known code, known words, then the status.
 *
 * AB1004 ("Something Went Wrong, Please Try After Sometime") is called an outage because the vendor
 * says so, but it also answers wrong ranges, holidays and unknown tokens: whoever asks for history
 * tries it at most twice more.
 */
import type { Answer, HttpReply, Refusal, RefusalKind } from '../../domain/venue.ts'
import { isObject, type JsonObject, oneLine, parseJson, textOf } from './json.ts'

const KIND_OF_CODE: ReadonlyMap<string, RefusalKind> = new Map([
  ['AG8001', 'token_expired'], // invalid token
  ['AG8002', 'token_expired'], // token expired
  ['AG8003', 'token_expired'], // token missing
  ['AB8050', 'token_expired'], // invalid refresh token
  ['AB8051', 'token_expired'], // refresh token expired
  ['AB1010', 'token_expired'], // session expired
  ['AB1011', 'token_expired'], // client not logged in
  ['AG8004', 'login_refused'], // invalid API key
  ['AB1000', 'login_refused'], // wrong client code or PIN
  ['AB1001', 'login_refused'],
  ['AB1002', 'login_refused'],
  ['AB1006', 'login_refused'], // client blocked
  ['AB1007', 'login_refused'], // also sent for a wrong login: trying on would block the client
  ['AB1004', 'outage'],
  ['AB2000', 'outage'],
  ['AB2001', 'outage'],
  ['AB1009', 'bad_request'], // symbol not found
  ['AB4018', 'bad_request'],
  ['AB4036', 'bad_request'],
])

/** Asked in this order, of codes that the table does not know and of answers without one. */
const KIND_OF_WORDS: readonly (readonly [RegExp, RefusalKind])[] = [
  [/exceeding (access )?rate|rate limit|too many requests/i, 'rate_limited'],
  [/request rejected.*support id/is, 'outage'],
  [/(invalid|expired|missing) token|token (is )?(invalid|expired|missing)|session expired/i, 'token_expired'],
  [/(invalid|wrong|incorrect) (client|user|password|m?pin\b|api ?key)|client (is )?block/i, 'login_refused'],
  [/(try|again) (again )?(after|later)/i, 'outage'],
]

const WORDS_LENGTH_MAX = 2_000

export type Envelope = { readonly data: unknown }

/** Opens the envelope of an answer; the data inside is for the caller to judge. */
export function openEnvelope(reply: HttpReply): Answer<Envelope> {
  const body = parseJson(reply.body)
  if (!isObject(body)) return refuse(refusalOfText(reply, body !== undefined))
  const said = body.status ?? body.success
  if (said === true || said === 'true') {
    // Good news under a bad status would be something that we do not know.
    if (reply.status >= 200 && reply.status < 300) return { ok: true, value: { data: body.data } }
    return refuse(notUnderstood(`HTTP ${reply.status} with a positive answer`))
  }
  return refuse(refusalOfEnvelope(reply, body))
}

export function refuse(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal }
}

/** `message` is ours: it may say which shape was missed, never what stood there. */
export function notUnderstood(message: string): Refusal {
  return { kind: 'not_understood', code: '', message }
}

/** What a WebSocket handshake that was answered with plain HTTP means. */
export function parseHandshakeRefusal(reply: HttpReply): Refusal {
  const said = oneLine(headerOf(reply, 'x-error-message'))
  const message = said === '' ? `handshake answered with HTTP ${reply.status}` : said
  if (reply.status === 429 || /connection limit/i.test(said)) {
    return { kind: 'connection_limit', code: '429', message }
  }
  // The vendor answers 401 for every header that it does not like, and sometimes for good ones. If the
  // client code or the key is really wrong, the new login says so.
  if (reply.status === 401) return { kind: 'token_expired', code: '401', message }
  const envelope = openEnvelope(reply)
  if (!envelope.ok) return said === '' ? envelope.refusal : { ...envelope.refusal, message }
  return notUnderstood(message)
}

function refusalOfEnvelope(reply: HttpReply, body: JsonObject): Refusal {
  const code = oneLine(textOf(body, 'errorcode', 'errorCode')).slice(0, 20)
  const said = textOf(body, 'message', 'error')
  const message = oneLine(said) || `HTTP ${reply.status} without a message`
  return { kind: kindOf(reply, body, code, said), code, message }
}

function kindOf(reply: HttpReply, body: JsonObject, code: string, said: string): RefusalKind {
  // The code for a wrong TOTP is not documented, and codes for a wrong login come with it: words first.
  if (code !== 'AB1006' && /\btotp\b/i.test(said)) return 'totp_refused'
  const known = KIND_OF_CODE.get(code) ?? kindOfWords(said) ?? kindOfStatus(reply.status)
  if (known !== null) return known
  const isEnvelope = 'status' in body || 'success' in body
  return isEnvelope ? 'bad_request' : 'not_understood'
}

/** For a body that is no JSON object. Quoted only where it is prose: half a login answer is a secret. */
function refusalOfText(reply: HttpReply, isJson: boolean): Refusal {
  const text = reply.body.slice(0, WORDS_LENGTH_MAX)
  const isHtml = /^\s*<(!doctype|html|head|body|\?xml)/i.test(text)
  const isProse = isHtml || !/["{}[\]]/.test(text)
  const quoted = isProse ? oneLine(text) : ''
  const shape = isJson ? 'JSON but no object' : isHtml ? 'HTML' : 'not JSON'
  const message = oneLine(`HTTP ${reply.status}, ${shape}${quoted === '' ? '' : `: ${quoted}`}`)
  const kind = isProse ? kindOfWords(text) : null
  const fallback = isHtml ? 'outage' : 'not_understood'
  return { kind: kind ?? kindOfStatus(reply.status) ?? fallback, code: '', message }
}

function kindOfWords(text: string): RefusalKind | null {
  const words = text.slice(0, WORDS_LENGTH_MAX)
  return KIND_OF_WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? null
}

/** Null for a status that promised a good answer. */
function kindOfStatus(status: number): RefusalKind | null {
  if (status === 401) return 'token_expired'
  if (status === 403 || status === 429) return 'rate_limited'
  // The paths are right; a 404 is the gateway that has lost its upstream, as a redirect is maintenance.
  if (status === 404 || status === 408 || status >= 500) return 'outage'
  if (status >= 400) return 'bad_request'
  if (status >= 300) return 'outage'
  return null
}

function headerOf(reply: HttpReply, name: string): string {
  for (const [key, value] of Object.entries(reply.headers)) {
    if (key.toLowerCase() === name) return String(value)
  }
  return ''
}
