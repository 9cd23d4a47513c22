/** What can whoever answers in the vendor's place do to us? Waste a bounded time and a bounded memory. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { createSender, HTTP_LIMITS } from '../../src/platform/http.ts'
import { openSocket } from '../../src/platform/websocket.ts'

const LIMITS = { timeoutMs: 300, bodyMaxBytes: 1 << 20 }
let server: Server | null = null

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = null
})

async function vendor(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const made = createServer(answer)
  server = made
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  return (made.address() as AddressInfo).port
}

const ask = async (port: number): Promise<unknown> =>
  await createSender(`http://127.0.0.1:${port}`, LIMITS)({ method: 'GET', path: '/', headers: {} })

test('an answer that is small on the way and large unpacked is given up at the limit', async () => {
  const bomb = gzipSync(Buffer.alloc(64 << 20))
  expect(bomb.byteLength).toBeLessThan(100_000)
  const port = await vendor((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  })
  await expect(ask(port)).rejects.toMatchObject({
    code: 'VENDOR_UNREACHABLE',
    message: expect.stringContaining('longer than 1048576 bytes'),
  })
})

test('an answer that never ends, and one that never begins, is given up in time', async () => {
  const dripping = await vendor((_request, response) => {
    response.writeHead(200)
    response.write('{')
  })
  await expect(ask(dripping)).rejects.toMatchObject({ code: 'VENDOR_UNREACHABLE' })
  server?.closeAllConnections()
  server?.close()
  const silent = await vendor(() => {})
  await expect(ask(silent)).rejects.toMatchObject({ code: 'VENDOR_UNREACHABLE' })
})

test('a redirect is an answer, and nobody is asked at its address', async () => {
  const asked: (string | undefined)[] = []
  const port = await vendor(({ url }, response) => {
    asked.push(url)
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect(await ask(port)).toMatchObject({ status: 302 })
  expect(asked).toEqual(['/'])
})

test('a socket offers no compression', async () => {
  const offered = new Promise<IncomingMessage['headers']>((resolve) => {
    void vendor(() => {}).then((port) => {
      server!.on('upgrade', ({ headers }, socket) => {
        resolve(headers)
        socket.destroy()
      })
      const nothing = (): void => {}
      openSocket({
        url: `ws://127.0.0.1:${port}`,
        headers: {},
        onOpen: nothing,
        onBinary: nothing,
        onText: nothing,
        onPong: nothing,
        onRefused: nothing,
        onClosed: nothing,
      })
    })
  })
  expect((await offered)['sec-websocket-extensions']).toBeUndefined()
})

test('the limits are those that docs/security.md names', () => {
  expect(HTTP_LIMITS).toEqual({ timeoutMs: 10_000, bodyMaxBytes: 32 << 20 })
  const source = readFileSync('src/platform/websocket.ts', 'utf8')
  for (const line of [
    'HANDSHAKE_TIMEOUT_MS = 10_000',
    'PAYLOAD_MAX_BYTES = 1 << 20',
    'maxFragments: 1_024',
    'perMessageDeflate: false',
    'followRedirects: false',
    'rejectUnauthorized: true',
    'handshakeTimeout: HANDSHAKE_TIMEOUT_MS',
    'maxPayload: PAYLOAD_MAX_BYTES',
  ]) {
    expect(source).toContain(line)
  }
})
