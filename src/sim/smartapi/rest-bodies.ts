/** How does the vendor word its answers? Two envelopes, one of the service and one of the gateway. */
import type { ServerReply } from '../../platform/server.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }

export function success(data: unknown): ServerReply {
  return json(200, { status: true, message: 'SUCCESS', errorcode: '', data })
}

export function failure(errorcode: string, message: string): ServerReply {
  return json(200, { status: false, message, errorcode, data: null })
}

/** The gateway in front of the service spells its keys in another way. */
export function gatewayFailure(errorCode: string, message: string): ServerReply {
  return json(200, { success: false, message, errorCode, data: '' })
}

export function json(status: number, body: unknown): ServerReply {
  return { status, headers: JSON_TYPE, body: JSON.stringify(body) }
}

export const RATE_EXCEEDED: ServerReply = {
  status: 403,
  headers: { 'Content-Type': 'text/plain' },
  body: 'Access denied because of exceeding access rate',
}

export const NOT_FOUND: ServerReply = {
  status: 404,
  headers: { 'Content-Type': 'text/plain' },
  body: 'not found',
}

export const WRONG_LOGIN: ServerReply = failure('AB1000', 'Invalid Email Or Password')
export const WRONG_TOTP: ServerReply = failure('AB1050', 'Invalid totp')
export const TRY_LATER: ServerReply = failure('AB1004', 'Something Went Wrong, Please Try After Sometime')
export const WRONG_REFRESH: ServerReply = failure('AB8050', 'Invalid Refresh Token')
export const OLD_REFRESH: ServerReply = failure('AB8051', 'Refresh Token Expired')
export const WRONG_TOKEN: ServerReply = gatewayFailure('AG8001', 'Invalid Token')
export const OLD_TOKEN: ServerReply = gatewayFailure('AG8002', 'Token Expired')
export const NO_TOKEN: ServerReply = gatewayFailure('AG8003', 'Token missing')
export const WRONG_KEY: ServerReply = gatewayFailure('AG8004', 'Invalid API Key')

/** A handshake that is refused says why in a header. */
export function handshakeRefusal(status: 401 | 429, reason: string): ServerReply {
  const phrase = status === 401 ? '401 Authorization Required' : '429 Too Many Requests'
  return {
    status,
    headers: { Server: 'nginx', 'Content-Type': 'text/html', 'x-error-message': reason },
    body:
      `<html>\r\n<head><title>${phrase}</title></head>\r\n<body>\r\n` +
      `<center><h1>${phrase}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  }
}
