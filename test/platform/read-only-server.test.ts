import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ReadOnlyServer, serveReadOnly } from '../../src/platform/read-only-server.ts'

let server: ReadOnlyServer
const errors: unknown[] = []

beforeAll(async () => {
  server = await serveReadOnly({
    port: 0,
    pages: {
      '/health': () => ({ status: 200, type: 'application/json', body: '{"ok":true}' }),
      '/broken': () => {
        throw new Error('secret detail')
      },
    },
    onError: (error) => errors.push(error),
  })
})

afterAll(() => server.stop())

/** Sends the very bytes, and gives all that comes until the other side ends. */
function raw(text: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, host)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.once('close', () => resolve(answer))
    socket.once('error', reject)
    socket.write(text)
  })
}

function get(path: string, headers: readonly string[], method = 'GET'): Promise<string> {
  return raw([`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n'))
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)
const own = (): string => `Host: 127.0.0.1:${server.port}`

test('this machine is answered, under each of its names, by GET and by HEAD without the body', async () => {
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
    const answer = await get('/health', [`Host: ${name}:${server.port}`])
    expect(statusOf(answer), name).toBe(200)
    expect(answer).toContain('{"ok":true}')
  }
  const head = await get('/health', [own()], 'HEAD')
  expect(statusOf(head)).toBe(200)
  expect(head).toMatch(/content-length: 11/i)
  expect(head).not.toContain('{"ok":true}')
})

test('no other name is answered: missing, foreign, doubled, dotted, without port', async () => {
  const { port } = server
  const hosts = [
    [],
    ['Host: evil.com'],
    [`Host: evil.com:${port}`],
    [`Host: localhost.evil.com:${port}`],
    [`Host: localhost.:${port}`],
    ['Host: 127.0.0.1'],
    ['Host: localhost'],
    [`Host: 127.0.0.1:${port + 1}`],
    [`Host: LOCALHOST:${port}`],
    [`Host: 2130706433:${port}`],
    [`Host: [::ffff:127.0.0.1]:${port}`],
    [own(), own()],
    [own(), 'Host: evil.com'],
  ]
  for (const headers of hosts) {
    expect([400, 421], headers.join()).toContain(statusOf(await get('/health', headers)))
  }
  expect(statusOf(await get(`http://evil.com:${port}/health`, [own()]))).toBe(404)
})

test('a page of another site is not answered, even when it asks for our name', async () => {
  expect(statusOf(await get('/health', [own(), 'Origin: http://evil.com']))).toBe(403)
  expect(statusOf(await get('/health', [own(), 'Origin: null']))).toBe(403)
  expect(statusOf(await get('/health', [own(), 'Sec-Fetch-Site: cross-site']))).toBe(403)
  expect(statusOf(await get('/health', [own(), `Origin: http://127.0.0.1:${server.port}`]))).toBe(200)
  const answer = await get('/health', [own()])
  expect(answer).not.toMatch(/access-control/i)
})

test('there is nothing that changes anything', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const answer = await get('/health', [own()], method)
    expect(statusOf(answer), method).toBe(405)
    expect(answer).toMatch(/allow: GET, HEAD/i)
  }
  expect(statusOf(await get('/health', [own(), 'Content-Length: 5']))).toBe(413)
  const upgrade = await get('/health', [own(), 'Upgrade: websocket'])
  expect(upgrade).not.toMatch(/101/)
})

test('every answer, refusals too, has the strict headers and tells no detail of a failure', async () => {
  const answers = [
    await get('/health', [own()]),
    await get('/nothing', [own()]),
    await get('/__proto__', [own()]),
    await get('/broken', [own()]),
    await get('/health', ['Host: evil.com']),
  ]
  expect(answers.map(statusOf)).toEqual([200, 404, 404, 500, 421])
  for (const answer of answers) {
    for (const header of [
      'content-security-policy: default-src',
      'nosniff',
      'no-store',
      'no-referrer',
      'same-origin',
    ]) {
      expect(answer.toLowerCase()).toContain(header)
    }
    expect(answer).not.toMatch(/secret detail|x-powered-by|server:/i)
  }
  expect(errors).toHaveLength(1)
})

test('it listens on the loopback only, and a taken port is one clear line', async () => {
  const again = serveReadOnly({ port: server.port, pages: {}, onError: () => {} })
  await expect(again).rejects.toThrow(
    /^listening on 127\.0\.0\.1:\d+ for health and metrics: another program/,
  )
})

test('any bytes at all leave it standing', async () => {
  const junk = [
    '\0\0\0\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: ${'x'.repeat(20_000)}\r\n\r\n`,
    'GET /%00%ff HTTP/9.9\r\n\r\n',
  ]
  for (const text of junk) expect([0, 400, 421, 431, 505]).toContain(statusOf(await raw(text)))
  expect(statusOf(await get('/health', [own()]))).toBe(200)
})
