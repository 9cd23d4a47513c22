import { once } from 'node:events'
import { expect, test } from 'vitest'
import { MINUTE_MS, type UnixMs } from '../../src/domain/time.ts'
import { masterRequest, parseMaster, smartapi } from '../../src/venues/smartapi/index.ts'
import { CREDENTIALS } from '../venues/samples.ts'
import { ist, Listener, login, NO_TOKENS, refusedHandshake, type Scene, totpAt, withScene } from './kit.ts'

const SECOND_MS = 1_000

test('a login with the right one-time code gives tokens; a wrong code is refused in the vendor’s words', () =>
  withScene({}, async (scene) => {
    const { clock, send } = scene
    const wrong = await send(smartapi.loginRequest(CREDENTIALS, '000000'))
    expect(JSON.parse(wrong.body)).toEqual({
      status: false,
      message: 'Invalid totp',
      errorcode: 'AB1050',
      data: null,
    })
    await clock.advance(SECOND_MS)
    const tokens = await login(scene)
    expect(tokens.jwt.reveal().split('.')).toHaveLength(3)
    // The step before is still good, the one before that is not, nor the next.
    for (const [ageMs, ok] of [
      [30_000, true],
      [60_000, false],
      [-30_000, false],
    ] as const) {
      await clock.advance(SECOND_MS)
      const answer = smartapi.parseTokens(
        await send(smartapi.loginRequest(CREDENTIALS, totpAt(clock.wallMs() - ageMs))),
      )
      expect(answer.ok).toBe(ok)
    }
  }))

test('a wrong PIN is refused before the code is looked at', () =>
  withScene({}, async ({ clock, send }) => {
    const { pin, ...rest } = CREDENTIALS
    const request = smartapi.loginRequest({ ...rest, pin: rest.apiKey }, totpAt(clock.wallMs()))
    expect(pin.reveal()).not.toBe(rest.apiKey.reveal())
    expect(JSON.parse((await send(request)).body)).toMatchObject({ status: false, errorcode: 'AB1000' })
  }))

test('tokens die at midnight in Mumbai; a refresh replaces all three', () =>
  withScene({ time: '23:59:50' }, async (scene) => {
    const { clock, send, source } = scene
    const first = await login(scene)
    const quote = (tokens: typeof first): Promise<unknown> =>
      send(smartapi.quoteRequest(CREDENTIALS, tokens, [source.instruments[0]!])).then(({ body }) =>
        JSON.parse(body),
      )
    const renewed = smartapi.parseTokens(await send(smartapi.refreshRequest(CREDENTIALS, first)))
    if (!renewed.ok) return expect.fail(renewed.refusal.message)
    expect(await quote(first)).toMatchObject({ success: false, errorCode: 'AG8001', data: '' })
    expect(await quote(renewed.value)).toMatchObject({ status: true })
    await clock.advance(11 * SECOND_MS)
    expect(await quote(renewed.value)).toMatchObject({ success: false, errorCode: 'AG8002' })
    const headers = smartapi.handshakeHeaders(CREDENTIALS, renewed.value)
    expect((await refusedHandshake(scene.standIn.streamUrl, headers)).status).toBe(401)
    const late = smartapi.parseTokens(await send(smartapi.refreshRequest(CREDENTIALS, renewed.value)))
    expect(late).toMatchObject({ ok: false, refusal: { kind: 'token_expired' } })
    await login(scene)
  }))

test('a handshake is refused for every header that is wrong, and says which', () =>
  withScene({}, async (scene) => {
    const good = smartapi.handshakeHeaders(CREDENTIALS, await login(scene))
    const reasonFor = async (change: Record<string, string>): Promise<string | undefined> => {
      const refusal = await refusedHandshake(scene.standIn.streamUrl, { ...good, ...change })
      expect(refusal.status).toBe(401)
      return refusal.headers['x-error-message']
    }
    expect(await reasonFor({ Authorization: 'x' })).toBe('Invalid Header - Invalid Auth token')
    expect(await reasonFor({ 'x-feed-token': 'x' })).toBe('Invalid Header - Invalid Feed Token')
    expect(await reasonFor({ 'x-client-code': 'x' })).toBe('Invalid Header - Invalid Client Code')
    expect(await reasonFor({ 'x-api-key': 'x' })).toBe('Invalid Header - Invalid API Key')
    expect(scene.standIn.stats().socketsRefused).toBe(4)
  }))

test('the fourth socket of a client is refused, and has a place again when another has left', () =>
  withScene({}, async (scene) => {
    const tokens = await login(scene)
    const listeners = [
      await Listener.connect(scene, tokens),
      await Listener.connect(scene, tokens),
      await Listener.connect(scene, tokens),
    ]
    const headers = smartapi.handshakeHeaders(CREDENTIALS, tokens)
    const refusal = await refusedHandshake(scene.standIn.streamUrl, headers)
    expect(smartapi.parseHandshakeRefusal(refusal).kind).toBe('connection_limit')
    expect(refusal.headers).toMatchObject({
      server: 'nginx',
      'x-error-message': 'Invalid Request. Connection Limit Exceeded.',
    })
    expect(refusal.body).toContain('<html>')
    listeners[0]!.socket.close()
    expect(await listeners[0]!.closed()).toBe(1005)
    await Listener.connect(scene, tokens)
  }))

test('the 1001st subscription is refused with the correlation id, and the 1000 before it live on', () =>
  withScene({}, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    const { token } = scene.source.instruments[0]!
    const others = Array.from({ length: 999 }, (_, at) => `9${at}`)
    listener.subscribe([token, ...others])
    listener.subscribe([token, token], 2, 'again00000') // repeated: ignored and not counted
    listener.subscribe(['777777'], 2, 'toomany000')
    listener.subscribe([token], 1, 'toomany001') // another mode counts
    await listener.catchUp()
    expect(listener.texts.map((text) => JSON.parse(text))).toEqual([
      {
        correlationID: 'toomany000',
        errorCode: 'E1002',
        errorMessage: 'Invalid Request. Subscription Limit Exceeded.',
      },
      {
        correlationID: 'toomany001',
        errorCode: 'E1002',
        errorMessage: 'Invalid Request. Subscription Limit Exceeded.',
      },
    ])
    const heard = listener.frames.length
    await scene.clock.advance(5 * SECOND_MS)
    await listener.catchUp()
    expect(listener.frames.length).toBeGreaterThan(heard)
    listener.subscribe(['90'], 2, 'leave00000', 0)
    listener.subscribe(['777777'], 2, 'nowroom000')
    await listener.catchUp()
    expect(listener.texts).toHaveLength(2)
  }))

test('a malformed wish is answered with E1001 and the socket stays open', () =>
  withScene({}, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    listener.say('{"correlationID":"broken0000","action":7}')
    listener.say('not JSON')
    await listener.catchUp()
    expect(listener.texts.map((text) => JSON.parse(text))).toMatchObject([
      { correlationID: 'broken0000', errorCode: 'E1001' },
      { correlationID: '', errorCode: 'E1001' },
    ])
  }))

test('every mode has its length, one packet a frame, and all modes tell the same price', () =>
  withScene({}, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    const { token } = scene.source.instruments[0]!
    for (const mode of [1, 2, 3, 4]) listener.subscribe([token], mode)
    await listener.catchUp()
    // One packet of the present state for each subscription, before anything happens.
    expect(listener.frames.map(({ byteLength }) => byteLength)).toEqual([51, 123, 379, 443])
    await scene.clock.advance(5 * SECOND_MS)
    await listener.catchUp()
    const lengths = new Map<number, number>()
    for (const { byteLength } of listener.frames) lengths.set(byteLength, (lengths.get(byteLength) ?? 0) + 1)
    const updateCount = scene.sent.filter((update) => update.instrument.token === token).length
    expect(updateCount).toBeGreaterThan(5)
    for (const length of [51, 123, 379, 443]) expect(lengths.get(length)).toBe(updateCount + 1)
    const prices = (mode: string): readonly number[] =>
      listener.packetsOf(token).flatMap((packet) => (packet.mode === mode ? [packet.price] : []))
    expect(prices('ltp')).toEqual(prices('quote'))
    expect(prices('snap_quote')).toEqual(prices('quote'))
  }))

test('a subscriber hears every packet that is sent, in order, and nothing after he leaves', () =>
  withScene({ instrumentCount: 6, packetsPerSecond: 100 }, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    const tokens = scene.source.instruments.map(({ token }) => token)
    listener.subscribe(tokens)
    await listener.catchUp()
    const snapshotCount = listener.frames.length
    expect(snapshotCount).toBe(6)
    await scene.clock.advance(20 * SECOND_MS)
    await listener.catchUp()
    const heard = listener.packets.slice(snapshotCount).map((packet) => [packet!.sequence, packet!.dayVolume])
    expect(heard).toEqual(scene.sent.map(({ sequence, dayVolume }) => [sequence, dayVolume]))
    expect(heard.length).toBeGreaterThan(1_000)
    listener.subscribe(tokens, 2, 'leave00000', 0)
    await listener.catchUp()
    const countBefore = listener.frames.length
    await scene.clock.advance(5 * SECOND_MS)
    await listener.catchUp()
    expect(listener.frames.length).toBe(countBefore)
  }))

test('before anything was traded the present state is the previous close, now', () =>
  withScene({ time: '08:30:00' }, async (scene) => {
    await scene.clock.advance(400)
    const listener = await Listener.connect(scene, await login(scene))
    const { token, previousClose } = scene.source.instruments[0]!
    listener.subscribe([token])
    await listener.catchUp()
    expect(listener.packetsOf(token)).toMatchObject([
      { price: previousClose, dayVolume: 0, previousClose, exchangeMs: ist('08:30:00') },
    ])
  }))

test('text ping is answered by text pong, protocol ping by protocol pong, also after the session', () =>
  withScene({ time: '18:00:00' }, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    await scene.clock.advance(100)
    expect(scene.standIn.stats().isEnded).toBe(true)
    await listener.catchUp()
    const pong = once(listener.socket, 'pong')
    listener.socket.ping('hello')
    expect(String((await pong)[0])).toBe('hello')
    expect(listener.closeCode).toBeNull()
  }))

async function history(scene: Scene, tokens: typeof NO_TOKENS, from: string, to: string): Promise<unknown> {
  const [fromMs, toMs] = [ist(from) as UnixMs, ist(to) as UnixMs]
  const request = smartapi.historyRequest(CREDENTIALS, tokens, scene.source.instruments[0]!, fromMs, toMs)
  const answer = smartapi.parseHistory(await scene.send(request))
  return answer.ok ? answer.value : answer.refusal.kind
}

test('history over HTTP is the true candles, as far as time has come', () =>
  withScene({ time: '10:30:20' }, async (scene) => {
    const tokens = await login(scene)
    const candles = await history(scene, tokens, '09:15:00', '15:30:00')
    const [first] = scene.standIn.trueCandles()
    expect(candles).toEqual(first!.candles)
    const starts = first!.candles.map(({ timestampMs }) => timestampMs)
    expect(starts[0]).toBe(ist('09:15:00'))
    expect(starts.at(-1)).toBe(ist('10:30:00')) // the running one is included, as the vendor does
    await scene.clock.advance(SECOND_MS)
    expect(await history(scene, tokens, '10:00:00', '10:10:00')).toHaveLength(10)
    expect(await history(scene, NO_TOKENS, '10:00:00', '10:10:00')).toBe('token_expired')
    expect(await history(scene, tokens, '11:00:00', '12:00:00')).not.toBeInstanceOf(Array) // not yet
  }))

test('longer candles are anchored at the open and hold what their minutes hold', () =>
  withScene({ time: '15:45:00' }, async (scene) => {
    const tokens = await login(scene)
    const ask = async (
      interval: string,
      fromdate: string,
      todate: string,
    ): Promise<(string | number)[][]> => {
      await scene.clock.advance(SECOND_MS)
      const request = smartapi.historyRequest(
        CREDENTIALS,
        tokens,
        scene.source.instruments[0]!,
        0 as UnixMs,
        MINUTE_MS as UnixMs,
      )
      const body = JSON.stringify({ ...JSON.parse(request.body!), interval, fromdate, todate })
      return JSON.parse((await scene.send({ ...request, body })).body).data
    }
    const ten = await ask('TEN_MINUTE', '2026-07-01 09:40', '2026-07-01 10:00')
    expect(ten.map(([time]) => time)).toEqual(['2026-07-01T09:45:00+05:30', '2026-07-01T09:55:00+05:30'])
    const ones = await ask('ONE_MINUTE', '2026-07-01 09:45', '2026-07-01 09:54')
    const volume = ones.reduce((sum, row) => sum + Number(row[5]), 0)
    expect(ten[0]!.slice(1)).toEqual([
      ones[0]![1],
      Math.max(...ones.map((row) => Number(row[2]))),
      Math.min(...ones.map((row) => Number(row[3]))),
      ones.at(-1)![4],
      volume,
    ])
    const day = await ask('ONE_DAY', '2026-07-01 09:15', '2026-07-01 15:30')
    expect(day.map(([time]) => time)).toEqual(['2026-07-01T00:00:00+05:30'])
    expect(await ask('ONE_MINUTE', '2026-07-01 10:00', '2026-07-01 10:00')).toBeNull()
  }))

test('history beyond three a second is refused with 403 and plain text, and works again a second later', () =>
  withScene({ time: '11:00:00' }, async (scene) => {
    const tokens = await login(scene)
    const answers = []
    for (let at = 0; at < 4; at++) answers.push(await history(scene, tokens, '10:00:00', '10:05:00'))
    expect(answers.map((answer) => (Array.isArray(answer) ? answer.length : answer))).toEqual([
      5,
      5,
      5,
      'rate_limited',
    ])
    await scene.clock.advance(SECOND_MS + 1)
    expect(await history(scene, tokens, '10:00:00', '10:05:00')).toHaveLength(5)
  }))

test('a quote tells the present state in rupees; 51 tokens are too many', () =>
  withScene({}, async (scene) => {
    const tokens = await login(scene)
    const { instruments } = scene.source
    const ask = (wanted: typeof instruments): Promise<unknown> =>
      scene.send(smartapi.quoteRequest(CREDENTIALS, tokens, wanted)).then(smartapi.parseQuotes)
    await scene.clock.advance(10 * SECOND_MS)
    const last = scene.sent.filter(({ instrument }) => instrument.token === instruments[1]!.token).at(-1)!
    expect(await ask([instruments[1]!])).toMatchObject({
      ok: true,
      value: [
        {
          exchange: 'NSE',
          token: instruments[1]!.token,
          price: last.price / 100,
          dayVolume: last.dayVolume,
          dayHigh: last.dayHigh / 100,
          exchangeMs: last.exchangeMs,
        },
      ],
    })
    const many = Array.from({ length: 51 }, (_, at) => ({ ...instruments[0]!, token: String(at) }))
    expect(await ask(many)).toMatchObject({ ok: false })
    expect(await ask(many.slice(1))).toMatchObject({ ok: true, value: [] }) // unknown: unfetched
  }))

test('the list of instruments is served in the vendor’s form', () =>
  withScene({ instrumentCount: 14 }, async (scene) => {
    const master = parseMaster((await scene.send(masterRequest())).body)
    if (!master.ok) return expect.fail(master.refusal.message)
    expect(master.value).toHaveLength(14)
    expect(master.value[0]).toMatchObject({ exchange: 'NSE', lotSize: 1, tickSize: 0.05 })
    expect(master.value[5]).toMatchObject({ token: '99926000', instrumentType: 'AMXIDX' })
    expect(new Set(master.value.map(({ token }) => token)).size).toBe(14)
  }))

test('logout ends the login', () =>
  withScene({ time: '10:00:30' }, async (scene) => {
    const tokens = await login(scene)
    expect(JSON.parse((await scene.send(smartapi.logoutRequest(CREDENTIALS, tokens))).body).status).toBe(true)
    expect(await history(scene, tokens, '09:30:00', '09:40:00')).toBe('token_expired')
  }))

test('a stand-in that was asleep sends everything that fell due, in order', () =>
  withScene({ instrumentCount: 6, packetsPerSecond: 50 }, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    listener.subscribe(scene.source.instruments.map(({ token }) => token))
    await listener.catchUp()
    await scene.clock.oversleep(60 * SECOND_MS)
    await scene.clock.advance(SECOND_MS)
    await listener.catchUp()
    const sequences = listener.packets.slice(6).map((packet) => packet!.sequence)
    expect(sequences).toEqual(scene.sent.map(({ sequence }) => sequence))
    expect(sequences.length).toBeGreaterThan(1_500)
  }))

test('a client that does not keep up is spared packets, and ends with the present state', () =>
  withScene({ instrumentCount: 4, packetsPerSecond: 200, clientQueueBytesMax: 2_000 }, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    listener.subscribe(scene.source.instruments.map(({ token }) => token))
    await listener.catchUp()
    // One turn gathers a minute's packets: more than may wait for one client.
    await scene.clock.oversleep(60 * SECOND_MS)
    await scene.clock.advance(20)
    await listener.catchUp()
    const { conflatedCount } = scene.standIn.stats()
    expect(conflatedCount).toBeGreaterThan(1_000)
    for (const { token } of scene.source.instruments) {
      const last = scene.sent.filter(({ instrument }) => instrument.token === token).at(-1)!
      expect(listener.packetsOf(token).at(-1)).toMatchObject({ dayVolume: last.dayVolume, price: last.price })
    }
  }))
