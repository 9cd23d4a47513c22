/**
 * How do we listen on a socket? The only place that touches `ws` as a client. Its defaults trust the
 * server (100 MiB messages, compression, no handshake limit), so every limit is set here. Headers carry
 * tokens: they go to the handshake and into no error, no reason, no log.
 *
 * Exactly one of `onRefused` and `onClosed` is called, once, as the last call for a socket; a socket that
 * was terminated may still deliver what it had already read, so the owner checks whose call it is.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import WebSocket from 'ws'
import { messageOf } from '../domain/error.ts'
import type { HttpReply } from '../domain/venue.ts'
import { type FrameLane, layLane } from './frame-lane.ts'

export type SocketOptions = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly onOpen: () => void
  /** `bytes` is valid only during the call. */
  readonly onBinary: (bytes: Uint8Array) => void
  readonly onText: (text: string) => void
  /** A pong of the protocol, not of the vendor's text. */
  readonly onPong: () => void
  /** The handshake was answered with plain HTTP. */
  readonly onRefused: (reply: HttpReply) => void
  /** `code` is 1006 where no close frame came; `reason` then says what the system reported. */
  readonly onClosed: (code: number, reason: string) => void
}

export interface SocketHandle {
  /** Does nothing on a socket that is not open. */
  sendText(text: string): void
  ping(): void
  /** Stops reading; what was read before may still arrive. */
  pause(): void
  resume(): void
  /** Ends the connection at once, without a farewell. */
  terminate(): void
  /** Ends it politely (code 1000), within `CLOSE_TIMEOUT_MS`. */
  close(): void
}

export type OpenSocket = (options: SocketOptions) => SocketHandle

const HANDSHAKE_TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 3_000
const PAYLOAD_MAX_BYTES = 1 << 20
const REFUSAL_BODY_MAX_BYTES = 16_384
const REFUSAL_TIMEOUT_MS = 2_000
const ABNORMAL_CLOSURE = 1006

/** The published types do not know `closeTimeout` yet. */
type ClientOptions = WebSocket.ClientOptions & { readonly closeTimeout: number }

const LIMITS: ClientOptions = {
  perMessageDeflate: false,
  maxPayload: PAYLOAD_MAX_BYTES,
  maxFragments: 1_024,
  maxBufferedChunks: 4_096,
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  closeTimeout: CLOSE_TIMEOUT_MS,
  skipUTF8Validation: false,
  followRedirects: false,
  rejectUnauthorized: true,
}

export const openSocket: OpenSocket = (options) => {
  let socket: WebSocket
  try {
    socket = new WebSocket(options.url, { ...LIMITS, headers: { ...options.headers } })
  } catch (error) {
    // A URL or a header that cannot be sent. Told later, like every other end of a socket.
    queueMicrotask(() => options.onClosed(ABNORMAL_CLOSURE, messageOf(error)))
    return CLOSED
  }
  const isOpen = (): boolean => socket.readyState === WebSocket.OPEN
  const laneOf = listen(socket, options, isOpen)
  const hold = (isHeld: boolean): void => {
    const lane = laneOf()
    if (lane !== null) lane.isHeld = isHeld
  }
  return {
    sendText: (text) => {
      if (isOpen()) socket.send(text)
    },
    ping: () => {
      if (isOpen()) socket.ping()
    },
    pause: () => {
      hold(true)
      socket.pause()
    },
    resume: () => {
      hold(false)
      socket.resume()
    },
    terminate: () => {
      hold(true)
      socket.terminate()
    },
    close: () => socket.close(1000),
  }
}

/** Returns the way to the socket's lane, which is there once the socket is open. */
function listen(socket: WebSocket, options: SocketOptions, isOpen: () => boolean): () => FrameLane | null {
  const { onBinary, onText } = options
  let failure = ''
  let isRefused = false
  let stream: Socket | null = null
  let lane: FrameLane | null = null
  socket.on('upgrade', (response) => {
    stream = response.socket
  })
  socket.on('open', () => {
    options.onOpen()
    if (stream !== null && isOpen()) lane = layLane(stream, onBinary, isOpen)
  })
  socket.on('message', (data, isBinary) => {
    // With the default `binaryType` a message is one Buffer, a view of what the socket read.
    if (isBinary) onBinary(data as Buffer)
    else onText((data as Buffer).toString())
  })
  socket.on('pong', options.onPong)
  socket.on('unexpected-response', (_request, response) => {
    isRefused = true
    readRefusal(response, (reply) => {
      socket.terminate()
      options.onRefused(reply)
    })
  })
  socket.on('error', (error) => {
    failure = messageOf(error)
  })
  socket.on('close', (code, reason) => {
    if (!isRefused) options.onClosed(code, reason.length > 0 ? reason.toString() : failure)
  })
  return () => lane
}

/** Reads at most a page of the refusal's body, and not for long: the status says the most of it. */
function readRefusal(response: IncomingMessage, onReply: (reply: HttpReply) => void): void {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  let isDone = false
  const finish = (): void => {
    if (isDone) return
    isDone = true
    clearTimeout(timer)
    const body = Buffer.concat(chunks).subarray(0, REFUSAL_BODY_MAX_BYTES).toString()
    onReply({ status: response.statusCode ?? 0, headers: headersOf(response), body })
  }
  const timer = setTimeout(finish, REFUSAL_TIMEOUT_MS)
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes >= REFUSAL_BODY_MAX_BYTES) finish()
  })
  response.on('end', finish)
  response.on('close', finish)
  // The body broke off: what came of it is all there is, and the status still holds.
  response.on('error', finish)
}

function headersOf(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

const nothing = (): void => {}
const CLOSED: SocketHandle = {
  sendText: nothing,
  ping: nothing,
  pause: nothing,
  resume: nothing,
  terminate: nothing,
  close: nothing,
}
