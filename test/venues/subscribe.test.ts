import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EXCHANGES } from '../../src/domain/instrument.ts'
import { MODES } from '../../src/domain/tick.ts'
import { smartapi, smartapiStandIn as standIn } from '../../src/venues/smartapi/index.ts'
import { DATA_ABSENT, DATA_DIR, INFY, manyInstruments, needsData, RELIANCE_BSE, SBIN } from './samples.ts'

test('several exchanges go into one message, grouped as the vendor wants them', () => {
  const [message] = smartapi.subscribeMessages('subscribe', 'quote', [INFY, RELIANCE_BSE, SBIN], 41)
  expect(JSON.parse(message!.text)).toEqual({
    correlationID: 'c000000015',
    action: 1,
    params: {
      mode: 2,
      tokenList: [
        { exchangeType: 1, tokens: ['1594', '3045'] },
        { exchangeType: 3, tokens: ['500325'] },
      ],
    },
  })
})

test('a correlation is ten letters or digits, however long the run', () => {
  for (const counter of [0, 1, 35, 36, 1_000_000, 36 ** 9 - 1, 36 ** 9, Number.MAX_SAFE_INTEGER]) {
    const [message] = smartapi.subscribeMessages('subscribe', 'ltp', [SBIN], counter)
    expect(message!.correlationId).toMatch(/^[a-z0-9]{10}$/)
  }
})

test('what we ask for is what the stand-in hears', () => {
  const anyAction = fc.constantFrom('subscribe' as const, 'unsubscribe' as const)
  fc.assert(
    fc.property(anyAction, fc.constantFrom(...MODES), fc.nat(250), fc.nat(), (action, mode, count, first) => {
      const instruments = manyInstruments(count)
      for (const message of smartapi.subscribeMessages(action, mode, instruments, first)) {
        const heard = standIn.parseSubscribeRequest(message.text)
        if (heard.kind === 'problem') throw new Error(message.text)
        expect(heard).toMatchObject({ kind: action, mode, correlationId: message.correlationId })
        const asked = message.instruments.map(({ exchange, token }) => ({ exchange, token }))
        expect(new Set(heard.instruments.map(nameOf))).toEqual(new Set(asked.map(nameOf)))
        expect(heard.instruments).toHaveLength(asked.length)
      }
    }),
  )
})

function nameOf({ exchange, token }: { readonly exchange: string; readonly token: string }): string {
  return `${exchange}:${token}`
}

test('a pong is a pong, and anything else that is no error is passed on as text', () => {
  expect(smartapi.parseText('pong')).toEqual({ kind: 'pong' })
  expect(smartapi.parseText('pong\n')).toEqual({ kind: 'pong' })
  expect(smartapi.parseText('ping pong')).toEqual({ kind: 'other', text: 'ping pong' })
  expect(smartapi.parseText('{"hello":1}')).toEqual({ kind: 'other', text: '{"hello":1}' })
  expect(smartapi.parseText('null')).toEqual({ kind: 'other', text: 'null' })
  expect(smartapi.parseText(`a\nb${'c '.repeat(500)}`)).toMatchObject({
    text: expect.stringMatching(/^a bc c/),
  })
})

test('a refused wish is told apart from noise, with the wish that it answers', () => {
  const limit = standIn.subscriptionLimit
  expect(smartapi.parseText(standIn.errorFrame('abcde12345', limit.code, limit.message))).toEqual({
    kind: 'error',
    code: 'E1002',
    message: 'Invalid Request. Subscription Limit Exceeded.',
    correlationId: 'abcde12345',
  })
  expect(smartapi.parseText('{"errorCode":"E1001"}')).toEqual({
    kind: 'error',
    code: 'E1001',
    message: '',
    correlationId: '',
  })
})

test.skipIf(DATA_ABSENT)(`the error frames of the documentation are errors${needsData}`, () => {
  const { bodies } = JSON.parse(readFileSync(join(DATA_DIR, 'rest_bodies.json'), 'utf8'))
  const frames = bodies.filter((body: { readonly frame?: string }) => body.frame === 'text')
  const codes = frames.map((body: { readonly body: object }) => smartapi.parseText(JSON.stringify(body.body)))
  expect(codes).toMatchObject([
    { kind: 'error', code: 'E1002', correlationId: 'abcde12345' },
    { kind: 'error', code: 'E1001', correlationId: 'abcde12345' },
  ])
})

const GOOD = {
  correlationID: 'abcde12345',
  action: 1,
  params: { mode: 2, tokenList: [{ exchangeType: 1, tokens: ['1594', '3045'] }] },
}

test('the stand-in refuses what the vendor would call an invalid payload', () => {
  const group = (part: object): object => ({
    ...GOOD,
    params: { ...GOOD.params, tokenList: [{ ...GOOD.params.tokenList[0], ...part }] },
  })
  const bad = [
    { ...GOOD, action: 2 },
    { ...GOOD, action: '1' },
    { ...GOOD, params: null },
    { ...GOOD, params: { ...GOOD.params, mode: 5 } },
    { ...GOOD, params: { ...GOOD.params, mode: '2' } },
    { ...GOOD, params: { ...GOOD.params, tokenList: [] } },
    { ...GOOD, params: { ...GOOD.params, tokenList: {} } },
    group({ exchangeType: 6 }),
    group({ exchangeType: '1' }),
    group({ tokens: [] }),
    group({ tokens: [1594] }),
    group({ tokens: [''] }),
    group({ tokens: ['12345678901234567890123456'] }),
  ]
  for (const request of bad) {
    expect(standIn.parseSubscribeRequest(JSON.stringify(request))).toEqual({
      kind: 'problem',
      correlationId: 'abcde12345',
      code: 'E1001',
      message: 'Invalid Request Payload.',
    })
  }
  for (const text of ['', 'ping', 'null', '[]', '{"correlationID":']) {
    expect(standIn.parseSubscribeRequest(text)).toMatchObject({ kind: 'problem', correlationId: '' })
  }
})

test('the stand-in hears a wish without a correlation, and tokens as often as they are said', () => {
  const { correlationID: _, ...anonymous } = GOOD
  const twice = { ...anonymous, params: { mode: 1, tokenList: [{ exchangeType: 13, tokens: ['7', '7'] }] } }
  expect(standIn.parseSubscribeRequest(JSON.stringify(twice))).toEqual({
    kind: 'subscribe',
    correlationId: '',
    mode: 'ltp',
    instruments: [
      { exchange: 'CDS', token: '7' },
      { exchange: 'CDS', token: '7' },
    ],
  })
})

test('the stand-in reads any text at all without a throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
      expect(standIn.parseSubscribeRequest(text).kind).toBe('problem')
    }),
  )
})

test('every exchange has its number, and every other number has none', () => {
  expect(EXCHANGES.map(standIn.exchangeCode)).toEqual([1, 2, 3, 4, 5, 7, 13])
  for (const exchange of EXCHANGES) {
    expect(standIn.exchangeOfCode(standIn.exchangeCode(exchange))).toBe(exchange)
  }
  for (const code of [-1, 0, 6, 8, 12, 14, 255, 256, 1.5, Number.NaN]) {
    expect(standIn.exchangeOfCode(code)).toBeNull()
  }
})
