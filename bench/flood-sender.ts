/**
 * Who floods? A process of its own: it encodes the WebSocket frames of a whole session's beginning before
 * anybody listens, then writes them to every client that connects as fast as the client reads, and hangs
 * up behind the last one. Prints one line of JSON when it listens.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { MINUTE_MS } from '../src/domain/time.ts'
import { flag } from './measure.ts'
import { GRACE_MS, generateDay, openOf, QUOTE_BYTES } from './session.ts'

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const FRAME_BYTES = 2 + QUOTE_BYTES
const WRITE_BYTES = 1_024 * FRAME_BYTES
const CLOSE_FRAME = Buffer.from([0x88, 0x02, 0x03, 0xe8])

const minutes = flag('minutes', 40)
const instruments = flag('instruments', 3_000)
const packetsPerSecond = flag('rate', 500)

const generated = generateDay(instruments, packetsPerSecond)
const frames = Buffer.alloc(Math.ceil(minutes * 60 * packetsPerSecond * 4) * FRAME_BYTES)
/** How many packets come before each minute may be finalised. */
const packetsBefore: number[] = []
let packetCount = 0
let minuteEndMs = openOf(generated.day) + MINUTE_MS
generated.walk(minutes, (frame, atMs) => {
  if (atMs >= minuteEndMs + GRACE_MS) {
    packetsBefore.push(packetCount)
    minuteEndMs += MINUTE_MS
  }
  frames.set(frame, packetCount * FRAME_BYTES)
  packetCount++
})
packetsBefore.push(packetCount)

const server = createServer()
server.on('upgrade', (request: IncomingMessage, stream: Duplex) => {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${MAGIC}`).digest('base64')
  stream.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  stream.on('error', () => stream.destroy())
  stream.resume()
  flood(stream)
})

function flood(stream: Duplex): void {
  const endAt = packetCount * FRAME_BYTES
  let at = 0
  const more = (): void => {
    while (at < endAt) {
      const part = frames.subarray(at, Math.min(at + WRITE_BYTES, endAt))
      at += part.byteLength
      if (!stream.write(part)) {
        stream.once('drain', more)
        return
      }
    }
    stream.end(CLOSE_FRAME)
  }
  more()
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  const openMinute = openOf(generated.day) / MINUTE_MS
  process.stdout.write(`${JSON.stringify({ port, packetCount, packetsBefore, openMinute })}\n`)
})
