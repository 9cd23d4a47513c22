/** The lane in front of `ws`: whatever comes in whatever pieces, everything arrives once and in order. */
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { FrameLane } from '../../src/platform/frame-lane.ts'
import { openSocket, type SocketHandle } from '../../src/platform/websocket.ts'

const servers: Server[] = []
const streams: Duplex[] = []

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

function frame(first: number, payload: Buffer, isLong = false): Buffer {
  const { length } = payload
  if (isLong) {
    const head = Buffer.alloc(10)
    head.set([first, 127])
    head.writeUInt32BE(length, 6)
    return Buffer.concat([head, payload])
  }
  const head = length < 126 ? [first, length] : [first, 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), payload])
}

const BINARY = 0x82
const TEXT = 0x81
const PING = 0x89

type Sent = { readonly bytes: Buffer; readonly isWhole: boolean }

/** Whole messages of all lengths and kinds, fragments with a ping between them. */
const sentArbitrary: fc.Arbitrary<Sent> = fc
  .tuple(fc.constantFrom('binary', 'text', 'ping', 'fragments', 'long'), fc.integer({ min: 0, max: 400 }))
  .map(([kind, length]) => {
    const payload = Buffer.from(Array.from({ length }, (_, at) => (at * 7 + length) & 255))
    const short = payload.subarray(0, 125)
    switch (kind) {
      case 'binary':
        return { bytes: frame(BINARY, payload), isWhole: true }
      case 'long':
        return { bytes: frame(BINARY, payload, true), isWhole: false }
      case 'text':
        return { bytes: frame(TEXT, short), isWhole: false }
      case 'ping':
        return { bytes: frame(PING, short), isWhole: false }
      default: {
        const parts = [frame(0x02, payload), frame(0x00, short), frame(PING, short), frame(0x80, payload)]
        return { bytes: Buffer.concat(parts), isWhole: false }
      }
    }
  })

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length]!
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

test('whatever comes, in whatever pieces, arrives once, in order and byte for byte', () => {
  fc.assert(
    fc.property(
      fc.array(sentArbitrary, { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      (sent, sizes, clearance, earlyBytes) => {
        const all = Buffer.concat(sent.map(({ bytes }) => bytes))
        const early = all.subarray(0, earlyBytes % (all.length + 1))
        const seen: Buffer[] = [early]
        let deliveredCount = 0
        let looks = 0
        const lane = new FrameLane({
          forward: (bytes) => seen.push(Buffer.from(bytes)) > 0,
          deliver: (bytes) => {
            // A frame's head as the vendor sends it: the whole stream must come out again.
            seen.push(frame(BINARY, Buffer.from(bytes)))
            deliveredCount++
          },
          isClear: () => clearance[looks++ % clearance.length]!,
        })
        lane.passed(early)
        for (const piece of cut(all.subarray(early.length), sizes)) lane.take(piece)
        expect(Buffer.concat(seen).equals(all)).toBe(true)
        expect(deliveredCount).toBeLessThanOrEqual(sent.filter(({ isWhole }) => isWhole).length)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('messages that a read holds whole go straight on, and only those', () => {
  const delivered: string[] = []
  const forwarded: Buffer[] = []
  const lane = new FrameLane({
    forward: (bytes) => forwarded.push(Buffer.from(bytes)) > 0,
    deliver: (bytes) => delivered.push(Buffer.from(bytes).toString()),
    isClear: () => true,
  })
  const [one, two, three] = ['one', 'two', 'three'].map((text) => frame(BINARY, Buffer.from(text)))
  const masked = Buffer.from([BINARY, 0x81, 1, 2, 3, 4, 5])
  lane.take(Buffer.concat([one!, frame(TEXT, Buffer.from('t')), two!, three!.subarray(0, 4)]))
  lane.take(Buffer.concat([three!.subarray(4), masked]))
  expect(delivered).toEqual(['one', 'two'])
  expect(
    Buffer.concat(forwarded).equals(Buffer.concat([frame(TEXT, Buffer.from('t')), three!, masked])),
  ).toBe(true)
})

test('asked to stop in the middle of a read, the lane hands nothing more on', () => {
  const delivered: string[] = []
  const forwarded: Buffer[] = []
  const lane: FrameLane = new FrameLane({
    forward: (bytes) => forwarded.push(Buffer.from(bytes)) > 0,
    deliver: (bytes) => {
      delivered.push(Buffer.from(bytes).toString())
      lane.isHeld = true
    },
    isClear: () => true,
  })
  const frames = ['one', 'two', 'three'].map((text) => frame(BINARY, Buffer.from(text)))
  lane.take(Buffer.concat(frames))
  expect(delivered).toEqual(['one'])
  expect(Buffer.concat(forwarded).equals(Buffer.concat(frames.slice(1)))).toBe(true)
})

/** A vendor that writes `together` with its handshake and, once it is spoken to, each piece by itself. */
async function vendorOf(together: Buffer, pieces: readonly Buffer[]): Promise<string> {
  const server = createServer().on('upgrade', (request, stream: Duplex) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const head =
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
    stream.on('error', () => stream.destroy())
    stream.write(Buffer.concat([Buffer.from(head), together]))
    const next = (at: number): void => {
      if (at < pieces.length) stream.write(pieces[at]!, () => setImmediate(next, at + 1))
      else stream.end(frame(0x88, Buffer.from([0x03, 0xe8])))
    }
    stream.once('data', () => next(0))
    streams.push(stream)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

type Listening = { readonly heard: string[]; readonly socket: SocketHandle; readonly ended: Promise<number> }

function listenTo(url: string, onMessage: (listening: Listening) => void = () => {}): Listening {
  const { promise: ended, resolve } = Promise.withResolvers<number>()
  const heard: string[] = []
  const hear = (text: string): void => {
    heard.push(text)
    onMessage(listening)
  }
  const socket = openSocket({
    url,
    headers: {},
    onOpen: () => socket.sendText('go'),
    onBinary: (bytes) => hear(Buffer.from(bytes).toString()),
    onText: hear,
    onPong: () => {},
    onRefused: () => resolve(0),
    onClosed: resolve,
  })
  const listening: Listening = { heard, socket, ended }
  return listening
}

const words = Array.from({ length: 300 }, (_, at) => `${at % 7 === 3 ? 'text' : 'packet'} ${at}`)
const stream = Buffer.concat(
  words.map((word) => frame(word.startsWith('text') ? TEXT : BINARY, Buffer.from(word))),
)

test('packets that come together with the handshake, and cut ones, are heard in their order', async () => {
  const url = await vendorOf(stream.subarray(0, 1_001), cut(stream.subarray(1_001), [1, 700, 13, 2]))
  const { heard, ended } = listenTo(url)
  expect(await ended).toBe(1000)
  expect(heard).toEqual(words)
})

test('a pause in the middle of a read stops at once, and nothing is lost by it', async () => {
  const url = await vendorOf(Buffer.alloc(0), [stream])
  const counts: number[] = []
  const { heard, ended } = listenTo(url, ({ heard: sofar, socket }) => {
    if (sofar.length !== 100) return
    socket.pause()
    setImmediate(() => {
      counts.push(sofar.length)
      socket.resume()
    })
  })
  expect(await ended).toBe(1000)
  expect(counts).toEqual([100])
  expect(heard).toEqual(words)
})

test('a frame that breaks the protocol still ends the socket', async () => {
  const masked = Buffer.from([BINARY, 0x81, 1, 2, 3, 4, 5])
  const url = await vendorOf(Buffer.alloc(0), [Buffer.concat([frame(BINARY, Buffer.from('one')), masked])])
  const { heard, ended } = listenTo(url)
  expect(await ended).toBe(1006)
  expect(heard).toEqual(['one'])
})
