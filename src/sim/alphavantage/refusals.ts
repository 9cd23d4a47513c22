/** With which words does the vendor refuse? All of them under status 200, as they have been published. */
import type { ServerReply } from '../../platform/server.ts'
import { jsonReply } from './tables.ts'

const THANKS = 'Thank you for using Alpha Vantage!'
const PLANS = 'Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/'
const LIFT_THE_DAY: readonly string[] = [PLANS, 'to instantly remove all daily rate limits.']
const MAY_SUBSCRIBE =
  'You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to'

export function burst(perDay: number): ServerReply {
  return information(
    THANKS,
    'Please consider spreading out your free API requests more sparingly (1 request per second).',
    MAY_SUBSCRIBE,
    `lift the free key rate limit (${perDay} requests per day), raise the per-second burst limit,`,
    'and instantly unlock all premium endpoints',
  )
}

export function dayLimit(perDay: number): ServerReply {
  return information(THANKS, `Our standard API rate limit is ${perDay} requests per day.`, ...LIFT_THE_DAY)
}

/** The variant that repeats the key. */
export function dayLimitWithKey(key: string, perDay: number): ServerReply {
  return information(
    `We have detected your API key as ${key}`,
    `and our standard API rate limit is ${perDay} requests per day.`,
    ...LIFT_THE_DAY,
  )
}

export function minuteLimit(perMinute: number, perDay: number): ServerReply {
  const sentences = [
    THANKS,
    `Our standard API call frequency is ${perMinute} calls per minute and ${perDay} calls per day.`,
    'Please visit https://www.alphavantage.co/premium/ if you would like to target',
    'a higher API call frequency.',
  ]
  return jsonReply({ Note: sentences.join(' ') })
}

export function premiumEndpoint(): ServerReply {
  return information(
    THANKS,
    'This is a premium endpoint.',
    MAY_SUBSCRIBE,
    'instantly unlock all premium endpoints',
  )
}

export function premiumOutputSize(name: string): ServerReply {
  return information(
    THANKS,
    `The outputsize=full parameter value is a premium feature for the ${name} endpoint.`,
    MAY_SUBSCRIBE,
    'instantly unlock all premium features',
  )
}

export function keyRefused(): ServerReply {
  return errorMessage(
    'the parameter apikey is invalid or missing. Please claim your free API key on',
    '(https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds.',
  )
}

export function invalidCall(name: string): ServerReply {
  return errorMessage(
    'Invalid API call. Please retry or visit the documentation',
    `(https://www.alphavantage.co/documentation/) for ${name}.`,
  )
}

function information(...parts: readonly string[]): ServerReply {
  return jsonReply({ Information: parts.join(' ') })
}

function errorMessage(...parts: readonly string[]): ServerReply {
  return jsonReply({ 'Error Message': parts.join(' ') })
}

export function badGateway(): ServerReply {
  return {
    status: 502,
    headers: { 'Content-Type': 'text/html' },
    body:
      '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n' +
      '<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n',
  }
}

export function unavailable(): ServerReply {
  return { status: 503, headers: { 'Content-Type': 'text/plain' }, body: 'Service Unavailable' }
}
