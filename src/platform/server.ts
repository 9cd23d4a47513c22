/**
 * How do we answer? A small HTTP server on the loopback interface, with WebSockets behind its
 * upgrades. It exists for the stand-in vendors, so it hands out what an ordinary server hides: the
 * refusal of a handshake with any status, the raw bytes of a socket, and the pong that is not sent.
 *
 * Frames are made by the caller and written as bytes: thousands of packets a second go out as one write
 * per turn, which the frame-by-frame interface of `ws` cannot do, and an answer waits its turn behind them.
 * Everything that comes in, and the closing handshake, stays with `ws`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'

export type ServerRequest = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case; a repeated header is joined with commas. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type ServerReply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  /**
   * Text that follows `body`, piece by piece as fast as the client reads, until it ends or the client goes.
   * For answers that are never whole. A refused handshake has none.
   */
  readonly more?: AsyncIterable<string>
}

export interface ServerSocket {
  /** Bytes that were written but not yet taken by the kernel. */
  bufferedBytes(): number
  /** Writes whole WebSocket frames, or deliberately broken ones. The bytes must not change afterwards. */
  writeFrames(bytes: Uint8Array): void
  sendText(text: string): void
  close(code: number): void
  /** Sends `bytes`, then ends the TCP connection without a closing handshake. */
  breakOff(bytes: Uint8Array): void
}

export type SocketEvents = {
  readonly onText: (text: string) => void
  readonly onPing: (payload: Uint8Array) => void
  readonly onClose: () => void
}

export type ServerOptions = {
  /** 0 takes a free port. */
  readonly port: number
  readonly onRequest: (request: ServerRequest) => ServerReply | Promise<ServerReply>
  /** Answers a handshake: a reply refuses it, a function takes the socket. */
  readonly onUpgrade: (request: ServerRequest) => ServerReply | ((socket: ServerSocket) => SocketEvents)
  /** An answer could not be made: a defect of the caller, which the asking side sees as status 500. */
  readonly onError: (error: unknown) => void
}

export interface LocalServer {
  readonly port: number
  /** Drops every connection. */
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 1024 * 1024

/** Rejects with USAGE when the port cannot be had. */
export async function startServer(options: ServerOptions): Promise<LocalServer> {
  const server = createServer((request, response) => {
    void answer(options, request, response)
  })
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: BODY_BYTES_MAX,
  })
  const open = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy())
    open.add(stream)
    stream.on('close', () => open.delete(stream))
    const verdict = options.onUpgrade(toRequest(request, ''))
    if (typeof verdict !== 'function') refuse(stream, verdict)
    else sockets.handleUpgrade(request, stream, head, (socket) => attach(socket, stream, verdict))
  })
  const port = await listen(server, options.port)
  return {
    port,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const stream of open) stream.destroy()
      server.closeAllConnections()
      await closed
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const advice =
        systemCodeOf(error) === 'EADDRINUSE' ? 'choose another port, or 0 for any' : 'check the port'
      reject(
        new OperatingError(`listening on ${HOST}:${port}: ${messageOf(error)}; ${advice}`, {
          code: 'USAGE',
          cause: error,
        }),
      )
    })
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port))
  })
}

async function answer(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let reply: ServerReply
  try {
    const body = await readBody(request)
    reply = body === null ? { status: 413, body: '' } : await options.onRequest(toRequest(request, body))
  } catch (error) {
    options.onError(error)
    reply = { status: 500, body: '' }
  }
  if (response.destroyed) return
  response.writeHead(reply.status, { ...reply.headers })
  if (reply.more === undefined) response.end(reply.body)
  else await stream(options, response, reply.body, reply.more)
}

/** A client that goes away is no failure: it has had enough. */
async function stream(
  options: ServerOptions,
  response: ServerResponse,
  body: string,
  more: AsyncIterable<string>,
): Promise<void> {
  try {
    response.write(body)
    await pipeline(more, response)
  } catch (error) {
    if (!response.destroyed) options.onError(error)
    response.destroy()
  }
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > BODY_BYTES_MAX) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function toRequest(request: IncomingMessage, body: string): ServerRequest {
  const url = new URL(request.url ?? '/', `http://${HOST}`)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, headers, body }
}

/** A refused handshake is an ordinary HTTP answer, written by hand because nothing else owns the stream. */
function refuse(stream: Duplex, reply: ServerReply): void {
  const body = Buffer.from(reply.body)
  const headers = { ...reply.headers, 'Content-Length': String(body.byteLength), Connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  stream.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 ${reply.status} Refused\r\n${lines.join('')}\r\n`, 'latin1'), body]),
  )
}

function attach(socket: WebSocket, stream: Duplex, take: (socket: ServerSocket) => SocketEvents): void {
  /** After half a frame nothing may follow: it would complete the frame. */
  let isBroken = false
  const events = take({
    bufferedBytes: () => stream.writableLength,
    writeFrames: (bytes) => {
      if (stream.writable && !isBroken) stream.write(bytes)
    },
    sendText: (text) => {
      if (socket.readyState === socket.OPEN && !isBroken) socket.send(text)
    },
    close: (code) => socket.close(code),
    breakOff: (bytes) => {
      isBroken = true
      if (stream.writable) stream.write(bytes, () => stream.destroy())
      else stream.destroy()
    },
  })
  // `ws` reports a client's broken frame here and closes by itself; the close event tells the rest.
  socket.on('error', () => socket.terminate())
  socket.on('message', (data, isBinary) => {
    if (!isBinary) events.onText(data.toString())
  })
  socket.on('ping', (payload) => events.onPing(payload))
  socket.on('close', () => events.onClose())
}
