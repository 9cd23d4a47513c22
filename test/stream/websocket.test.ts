import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { HttpReply } from '../../src/domain/venue.ts'
import { openSocket, type SocketHandle, type SocketOptions } from '../../src/platform/websocket.ts'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Heard = { readonly texts: string[]; readonly binaries: string[]; readonly pongs: number[] }
type End =
  | { readonly kind: 'refused'; readonly reply: HttpReply }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }

function connect(url: string, onOpen: (socket: SocketHandle) => void, headers: Record<string, string> = {}) {
  const heard: Heard = { texts: [], binaries: [], pongs: [] }
  const ends: End[] = []
  const { promise: ended, resolve } = Promise.withResolvers<End>()
  const end = (at: End): void => {
    ends.push(at)
    resolve(at)
  }
  const options: SocketOptions = {
    url,
    headers,
    onOpen: () => onOpen(socket),
    onBinary: (bytes) => heard.binaries.push(Buffer.from(bytes).toString()),
    onText: (text) => heard.texts.push(text),
    onPong: () => heard.pongs.push(1),
    onRefused: (reply) => end({ kind: 'refused', reply }),
    onClosed: (code, reason) => end({ kind: 'closed', code, reason }),
  }
  const socket = openSocket(options)
  return { socket, heard, ended, ends }
}

test('text, binary and protocol pong arrive apart, headers arrive, and a polite close is 1000', async () => {
  const server = createServer()
  const vendor = new WebSocketServer({ server })
  let authorization: string | undefined
  let extensions: string | undefined
  vendor.on('connection', (peer, request) => {
    authorization = request.headers.authorization
    extensions = request.headers['sec-websocket-extensions']
    peer.on('message', (data) => {
      peer.send(Buffer.from(`bin ${data}`))
      peer.send(`text ${data}`)
    })
    peer.on('ping', () => peer.close(1000, 'bye'))
  })
  const host = await listen(server)
  const opened = (socket: SocketHandle): void => {
    socket.sendText('hello')
    socket.ping()
  }
  const { heard, ended } = connect(`ws://${host}/stream`, opened, { authorization: 'jwt-1' })
  expect(await ended).toEqual({ kind: 'closed', code: 1000, reason: 'bye' })
  expect(heard).toEqual({ texts: ['text hello'], binaries: ['bin hello'], pongs: [1] })
  expect(authorization).toBe('jwt-1')
  expect(extensions).toBeUndefined()
})

test('a handshake answered with HTTP is a refusal with status, headers and a bounded body', async () => {
  const server = createServer()
  server.on('upgrade', (_request, socket) => {
    const body = 'x'.repeat(1_000_000)
    socket.on('error', () => {}) // we hang up in the middle of the body
    socket.write(
      'HTTP/1.1 401 Unauthorized\r\nX-Error-Message: Invalid Feed Token\r\n' +
        `Content-Length: ${body.length}\r\n\r\n`,
    )
    socket.end(body)
  })
  const { ended, ends } = connect(`ws://${await listen(server)}/`, () => {})
  const end = await ended
  expect(end).toMatchObject({ kind: 'refused', reply: { status: 401 } })
  if (end.kind !== 'refused') return
  expect(end.reply.headers['x-error-message']).toBe('Invalid Feed Token')
  expect(end.reply.body.length).toBeLessThanOrEqual(16_384)
  await new Promise((resolve) => setImmediate(resolve))
  expect(ends).toHaveLength(1)
})

test('a redirect is a refusal and is not followed with our headers', async () => {
  let visits = 0
  const other = createServer(() => {}).on('upgrade', (_request, socket) => {
    visits += 1
    socket.destroy()
  })
  const elsewhere = await listen(other)
  const server = createServer().on('upgrade', (_request, socket) => {
    socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://${elsewhere}/\r\nContent-Length: 0\r\n\r\n`)
  })
  const { ended } = connect(`ws://${await listen(server)}/`, () => {}, { authorization: 'jwt-1' })
  expect(await ended).toMatchObject({ kind: 'refused', reply: { status: 302 } })
  expect(visits).toBe(0)
})

test('a message beyond the limit ends the socket instead of filling memory', async () => {
  const server = createServer()
  new WebSocketServer({ server }).on('connection', (peer) => {
    peer.on('error', () => {})
    peer.send(Buffer.alloc((1 << 20) + 1))
  })
  const { ended, heard } = connect(`ws://${await listen(server)}/`, () => {})
  expect(await ended).toMatchObject({ kind: 'closed', code: 1006 })
  expect(heard.binaries).toEqual([])
})

test('what cannot be opened ends as closed, and the reason never holds a header', async () => {
  const server = createServer()
  const host = await listen(server)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  const gone = await connect(`ws://${host}/`, () => {}).ended
  expect(gone).toMatchObject({ kind: 'closed', code: 1006, reason: expect.stringContaining('ECONNREFUSED') })
  const bad = await connect('nonsense', () => {}).ended
  expect(bad).toMatchObject({ kind: 'closed', code: 1006 })
  const leaky = await connect(`ws://${host}/`, () => {}, { authorization: 'canary\nsecret' }).ended
  expect(leaky).toMatchObject({ kind: 'closed', code: 1006 })
  expect(JSON.stringify(leaky)).not.toContain('canary')
})

test('a paused socket stops when its buffer is read, and brings everything after resume', async () => {
  const server = createServer()
  const total = 400
  new WebSocketServer({ server }).on('connection', (peer) => {
    for (let count = 0; count < total; count += 1) peer.send(Buffer.alloc(60_000))
    peer.close(1000)
  })
  const { socket, ended, heard } = connect(`ws://${await listen(server)}/`, (opened) => opened.pause())
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(heard.binaries.length).toBeLessThan(total)
  socket.resume()
  expect(await ended).toMatchObject({ code: 1000 })
  expect(heard.binaries).toHaveLength(total)
})
