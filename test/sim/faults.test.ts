import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkFaults, loadFaults } from '../../src/sim/smartapi/faults.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { CREDENTIALS } from '../venues/samples.ts'
import { Listener, login, refusedHandshake, type Scene, withScene } from './kit.ts'

const SECOND_MS = 1_000
/** Lasts from the second to the fourth second. */
const FOR_2_S = { at: 2_000, for: 2 }

type Heard = { readonly listener: Listener; readonly token: string }

/** One client that hears one instrument; the first packet it hears is the present state. */
async function listen(scene: Scene): Promise<Heard> {
  const listener = await Listener.connect(scene, await login(scene))
  const { token } = scene.source.instruments[0]!
  listener.subscribe([token])
  await listener.catchUp()
  return { listener, token }
}

function withFault(fault: unknown, play: (scene: Scene, heard: Heard) => Promise<void>): Promise<void> {
  return withScene({ faults: [fault], instrumentCount: 2, packetsPerSecond: 40 }, async (scene) => {
    await play(scene, await listen(scene))
  })
}

/** Plays `seconds` and returns the sequences of the packets that were heard in them. */
async function hear({ clock }: Scene, { listener }: Heard, seconds: number): Promise<readonly number[]> {
  const before = listener.frames.length
  await clock.advance(seconds * SECOND_MS)
  await listener.catchUp()
  return listener.packets.slice(before).flatMap((packet) => (packet === null ? [] : [packet.sequence]))
}

/** Sequences of what an undisturbed stand-in sends of the first instrument in the first `seconds`. */
async function undisturbed(seconds: number): Promise<readonly number[]> {
  let sequences: readonly number[] = []
  await withScene({ instrumentCount: 2, packetsPerSecond: 40 }, async (scene) => {
    sequences = await hear(scene, await listen(scene), seconds)
  })
  return sequences
}

const ascending = (a: number, b: number): number => a - b

test('drop loses its share of the packets, the same ones in every run', async () => {
  const runs: (readonly number[])[] = []
  for (const _ of [1, 2]) {
    await withFault({ kind: 'drop', share: 0.5, ...FOR_2_S }, async (scene, heard) => {
      runs.push(await hear(scene, heard, 6))
      expect(scene.standIn.stats().faults.drop).toBeGreaterThan(10)
    })
  }
  const all = await undisturbed(6)
  expect(runs[0]).toEqual(runs[1])
  expect(all).toEqual(expect.arrayContaining([...runs[0]!]))
  expect(runs[0]!.length).toBeLessThan(all.length - 5)
  expect(runs[0]!.length).toBeGreaterThan(all.length / 2)
})

test('mute sends no packet but answers pings; its instruments can be named', () =>
  withFault({ kind: 'mute', ...FOR_2_S }, async (scene, heard) => {
    expect((await hear(scene, heard, 2)).length).toBeGreaterThan(5)
    expect(await hear(scene, heard, 1.9)).toEqual([]) // `hear` waits for a pong
    expect((await hear(scene, heard, 2)).length).toBeGreaterThan(5)
  }))

test('mute of another instrument leaves this one alone', () =>
  withFault({ kind: 'mute', tokens: ['1008'], ...FOR_2_S }, async (scene, heard) => {
    expect(await hear(scene, heard, 4)).toEqual(await undisturbed(4))
    expect(scene.standIn.stats().faults.mute).toBeGreaterThan(5)
  }))

test('stall says nothing at all, not even pong, and what fell into it is lost', () =>
  withFault({ kind: 'stall', ...FOR_2_S }, async (scene, heard) => {
    const { listener } = heard
    const before = await hear(scene, heard, 1.9)
    await scene.clock.advance(0.5 * SECOND_MS)
    let pongCount = 0
    listener.socket.on('pong', () => {
      pongCount += 1
    })
    listener.socket.ping('unheard')
    listener.say('ping')
    await scene.clock.advance(1.5 * SECOND_MS)
    expect(pongCount).toBe(0)
    const after = await hear(scene, heard, 2.1)
    expect(pongCount).toBe(0)
    const all = await undisturbed(6)
    expect(before).toEqual(all.slice(0, before.length))
    expect(after).toEqual(all.slice(-after.length))
    expect(before.length + after.length).toBeLessThan(all.length - 5)
  }))

test('duplicate sends packets twice', () =>
  withFault({ kind: 'duplicate', tokens: ['1001'], ...FOR_2_S }, async (scene, heard) => {
    const sequences = await hear(scene, heard, 6)
    const all = await undisturbed(6)
    expect([...new Set(sequences)]).toEqual(all)
    expect(sequences.length).toBe(all.length + scene.standIn.stats().faults.duplicate!)
    expect(sequences.length).toBeGreaterThan(all.length + 5)
  }))

test('reorder lets packets overtake each other and loses none', () =>
  withFault({ kind: 'reorder', share: 0.4, ...FOR_2_S }, async (scene, heard) => {
    const sequences = await hear(scene, heard, 6)
    const all = await undisturbed(6)
    expect(sequences).not.toEqual(all)
    expect([...sequences].sort(ascending)).toEqual(all)
  }))

test('late packets come so many seconds after their time, and all of them come', () =>
  withFault({ kind: 'late', by: 61, share: 0.3, ...FOR_2_S }, async (scene, heard) => {
    const inTime = await hear(scene, heard, 6)
    const all = await undisturbed(70)
    const missing = all.filter((sequence) => sequence <= inTime.at(-1)! && !inTime.includes(sequence))
    expect(missing.length).toBeGreaterThan(3)
    const later = await hear(scene, heard, 64)
    expect(later).toEqual(expect.arrayContaining(missing))
    expect([...inTime, ...later].sort(ascending)).toEqual(all)
    // They keep the stamp of when they happened.
    const stamps = heard.listener.packetsOf(heard.token).filter(({ sequence }) => missing.includes(sequence))
    expect(scene.clock.wallMs() - Math.max(...stamps.map(({ exchangeMs }) => exchangeMs))).toBeGreaterThan(
      60_000,
    )
  }))

test('corrupt changes bytes of packets of the right length', () =>
  withFault({ kind: 'corrupt', tokens: ['1001'], ...FOR_2_S }, async (scene, heard) => {
    await hear(scene, heard, 6)
    const clean: string[] = []
    await withScene({ instrumentCount: 2, packetsPerSecond: 40 }, async (other) => {
      const undisturbedHeard = await listen(other)
      await hear(other, undisturbedHeard, 6)
      clean.push(...undisturbedHeard.listener.frames.map((frame) => frame.toString('hex')))
    })
    const frames = heard.listener.frames.map((frame) => frame.toString('hex'))
    expect(frames.map(({ length }) => length)).toEqual(clean.map(({ length }) => length))
    const changedCount = frames.filter((frame, at) => frame !== clean[at]).length
    expect(changedCount).toBe(scene.standIn.stats().faults.corrupt)
    expect(changedCount).toBeGreaterThan(5)
  }))

test('wrong_length makes packets too short and too long', () =>
  withFault({ kind: 'wrong_length', tokens: ['1001'], ...FOR_2_S }, async (scene, heard) => {
    await hear(scene, heard, 6)
    const lengths = heard.listener.frames.map(({ byteLength }) => byteLength)
    expect(lengths.filter((length) => length !== 123)).toHaveLength(
      scene.standIn.stats().faults.wrong_length!,
    )
    expect(Math.min(...lengths)).toBeLessThan(123)
    expect(Math.max(...lengths)).toBeGreaterThan(123)
  }))

test('falling_volume tells less than was told before, and only that', () =>
  withFault({ kind: 'falling_volume', share: 0.5, ...FOR_2_S }, async (scene, heard) => {
    const sequences = await hear(scene, heard, 6)
    expect(sequences).toEqual(await undisturbed(6))
    const volumes = heard.listener.packetsOf(heard.token).map(({ dayVolume }) => dayVolume)
    const fallCount = volumes.filter((volume, at) => at > 0 && volume < volumes[at - 1]!).length
    expect(fallCount).toBeGreaterThan(2)
    expect(volumes.at(-1)).toBe(
      scene.sent.filter(({ instrument }) => instrument.token === '1001').at(-1)!.dayVolume,
    )
  }))

test('disconnect breaks sockets off in the middle of a frame, and they may come back', () =>
  withFault({ kind: 'disconnect', at: 2_000 }, async (scene, heard) => {
    await scene.clock.advance(2.1 * SECOND_MS)
    expect(await heard.listener.closed()).toBe(1006)
    expect(scene.standIn.stats().faults.disconnect).toBe(1)
    const again = await Listener.connect(scene, await login(scene))
    again.subscribe([heard.token])
    await again.catchUp()
    expect(again.frames).toHaveLength(1)
  }))

test('after half a frame nothing follows that could complete it', () =>
  withScene(
    {
      faults: [{ kind: 'disconnect', at: 2_000 }],
      instrumentCount: 2,
      packetsPerSecond: 4_000,
    },
    async (scene) => {
      const listener = await Listener.connect(scene, await login(scene))
      listener.subscribe(scene.source.instruments.map(({ token }) => token))
      await listener.catchUp()
      await scene.clock.advance(2.1 * SECOND_MS)
      await listener.closed()
      const sent = new Set(scene.sent.map(({ sequence }) => sequence))
      const heard = listener.packets.slice(2) // the first two are the present states
      expect(heard.length).toBeGreaterThan(500)
      expect(heard.filter((packet) => packet === null || !sent.has(packet.sequence))).toEqual([])
      const volumes = new Map(scene.sent.map(({ sequence, dayVolume }) => [sequence, dayVolume]))
      const isFalse = (packet: (typeof heard)[number]): boolean =>
        packet!.dayVolume !== volumes.get(packet!.sequence)
      expect(heard.filter(isFalse)).toEqual([])
    },
  ))

test('a repeated disconnect repeats', () =>
  withScene({ faults: [{ kind: 'disconnect', at: '10:00:02', every: 10 }] }, async (scene) => {
    const tokens = await login(scene)
    for (const seconds of [3, 10, 10]) {
      const listener = await Listener.connect(scene, tokens)
      await scene.clock.advance(seconds * SECOND_MS)
      expect(await listener.closed()).toBe(1006)
    }
    expect(scene.standIn.stats().faults.disconnect).toBe(3)
  }))

test('reject_401 and reject_429 refuse handshakes for as long as they last', () =>
  withScene(
    {
      faults: [
        { kind: 'reject_401', for: 2 },
        { kind: 'reject_429', ...FOR_2_S },
      ],
    },
    async (scene) => {
      const tokens = await login(scene)
      const headers = smartapi.handshakeHeaders(CREDENTIALS, tokens)
      const refusal = async (): Promise<string> =>
        smartapi.parseHandshakeRefusal(await refusedHandshake(scene.standIn.streamUrl, headers)).kind
      expect(await refusal()).toBe('token_expired')
      await scene.clock.advance(2 * SECOND_MS)
      expect(await refusal()).toBe('connection_limit')
      await scene.clock.advance(2 * SECOND_MS)
      await Listener.connect(scene, tokens)
      expect(scene.standIn.stats().faults).toEqual({ reject_401: 1, reject_429: 1 })
    },
  ))

test('reject_403 refuses REST calls as too many', () =>
  withScene({ faults: [{ kind: 'reject_403', for: 2 }] }, async (scene) => {
    await expect(login(scene)).rejects.toThrow(/refused/)
    await scene.clock.advance(2 * SECOND_MS)
    await login(scene)
    expect(scene.standIn.stats().faults.reject_403).toBe(1)
  }))

test('e1002 refuses subscriptions and leaves earlier ones alone', () =>
  withFault({ kind: 'e1002', ...FOR_2_S }, async (scene, heard) => {
    await scene.clock.advance(2 * SECOND_MS)
    heard.listener.subscribe(['1008'], 2, 'refused000')
    expect((await hear(scene, heard, 1)).length).toBeGreaterThan(3)
    expect(heard.listener.texts.map((text) => JSON.parse(text))).toMatchObject([
      { correlationID: 'refused000', errorCode: 'E1002' },
    ])
    expect(heard.listener.packetsOf('1008')).toEqual([])
  }))

test('slow_link delays and loses nothing while the queue has room, and answers wait their turn', () =>
  withFault({ kind: 'slow_link', bytesPerSecond: 500, ...FOR_2_S }, async (scene, heard) => {
    const all = await undisturbed(6)
    const { listener } = heard
    const early = await hear(scene, heard, 2)
    const before = listener.frames.length
    await scene.clock.advance(1.9 * SECOND_MS)
    let isCaughtUp = false
    const caughtUp = listener.catchUp().then(() => {
      isCaughtUp = true
    })
    await login(scene) // HTTP has a way of its own, and is not slow
    const slowCount = listener.frames.length - before
    // 500 bytes a second are four packets of 125 bytes.
    expect(slowCount).toBeGreaterThan(3)
    expect(slowCount).toBeLessThan(13)
    expect(isCaughtUp).toBe(false)
    await scene.clock.advance(2.1 * SECOND_MS)
    await caughtUp
    await listener.catchUp()
    const later = listener.packets.slice(before).map((packet) => packet!.sequence)
    expect([...early, ...later]).toEqual(all)
  }))

test('token_expiry kills every token; the open socket lives on', () =>
  withFault({ kind: 'token_expiry', at: 2_000 }, async (scene, heard) => {
    await scene.clock.advance(1.5 * SECOND_MS)
    const good = await login(scene)
    await scene.clock.advance(SECOND_MS)
    const headers = smartapi.handshakeHeaders(CREDENTIALS, good)
    expect((await refusedHandshake(scene.standIn.streamUrl, headers)).status).toBe(401)
    const quote = await scene.send(smartapi.quoteRequest(CREDENTIALS, good, [scene.source.instruments[0]!]))
    expect(smartapi.parseQuotes(quote)).toMatchObject({ ok: false, refusal: { kind: 'token_expired' } })
    expect((await hear(scene, heard, 2)).length).toBeGreaterThan(5)
    await login(scene)
  }))

function faultsFile(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-faults-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'faults.yaml')
  writeFileSync(path, text)
  return path
}

test('a faults file is YAML or JSON, with defaults filled in', () => {
  const yaml = faultsFile('- {at: "10:15:00", for: 30, kind: stall}\n- kind: drop\n  share: 0.5\n')
  expect(loadFaults(yaml)).toMatchObject([
    { at: '10:15:00', for: 30, kind: 'stall' },
    { at: 0, share: 0.5, kind: 'drop' },
  ])
  expect(loadFaults(faultsFile('[{"kind":"token_expiry","at":1000}]'))).toEqual([
    { kind: 'token_expiry', at: 1000 },
  ])
  expect(loadFaults(faultsFile(''))).toEqual([])
})

test('a faults file that is wrong is refused with the path of the key', () => {
  const refusal = (value: unknown): unknown => {
    try {
      checkFaults(value, 'faults.yaml')
    } catch (error) {
      return error
    }
    return null
  }
  const code = 'FAULTS_INVALID'
  expect(refusal([{ kind: 'stall' }, { kind: 'drop', shar: 0.5 }])).toMatchObject({
    code,
    message: expect.stringMatching(/faults\.yaml: \[1\].*shar/),
  })
  expect(refusal([{ kind: 'drop', share: 2 }])).toMatchObject({
    code,
    message: expect.stringContaining('[0].share'),
  })
  expect(refusal([{ kind: 'stall', at: '25:00:00' }])).toMatchObject({ code })
  expect(refusal([{ kind: 'flood' }])).toMatchObject({ code, message: expect.stringContaining('[0].kind') })
  expect(refusal([{ kind: 'late' }])).toMatchObject({ code, message: expect.stringContaining('[0].by') })
  expect(refusal([{ kind: 'stall', every: 10 }])).toMatchObject({
    code,
    message: expect.stringContaining('[0].for'),
  })
  expect(refusal({ kind: 'stall' })).toMatchObject({ code })
  expect(() => loadFaults(faultsFile('- {kind: drop'))).toThrow(expect.objectContaining({ code }))
  expect(() => loadFaults('no-such-file.yaml')).toThrow(expect.objectContaining({ code }))
})

test('packets that fall due in a stall are lost, also those that a late fault held back', () =>
  withScene(
    {
      faults: [
        { kind: 'late', by: 3, for: 1 },
        { kind: 'stall', ...FOR_2_S },
      ],
      instrumentCount: 2,
      packetsPerSecond: 40,
    },
    async (scene) => {
      const heard = await listen(scene)
      expect(await hear(scene, heard, 0.9)).toEqual([])
      const sequences = await hear(scene, heard, 5.1)
      const all = await undisturbed(6)
      const heldBack = all.filter((sequence) => sequence < sequences[0]!)
      expect(heldBack.length).toBeGreaterThan(5)
      // Held back by three seconds, they would have gone out while nothing went out.
      expect(sequences.filter((sequence) => heldBack.includes(sequence))).toEqual([])
    },
  ))
