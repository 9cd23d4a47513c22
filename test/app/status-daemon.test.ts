/** What is believed of whoever answers on the daemon's port? Only what a daemon of that market could say. */
import { expect, test } from 'vitest'
import { askDaemon, figureOf, parseMetrics, quantileOf, sumOf } from '../../src/app/status-daemon.ts'
import { type ReadOnlyServer, serveReadOnly } from '../../src/platform/read-only-server.ts'

async function answering<Result>(
  body: string,
  status: number,
  work: (server: ReadOnlyServer) => Promise<Result>,
): Promise<Result> {
  const page = (text: string) => (): { status: number; type: string; body: string } => ({
    status,
    type: 'text/plain',
    body: text,
  })
  const server = await serveReadOnly({
    port: 0,
    pages: { '/health': page(body), '/metrics': page('chandler_packets_total{market="in"} 7\n') },
    onError: () => {},
  })
  return await work(server).finally(() => server.stop())
}

const health = (market: string): string =>
  JSON.stringify({ market, status: 'failing', reasons: ['the disk is full'], running: 'stream@2026-07-01' })

test('a daemon that is not well is read all the same', async () => {
  const answer = await answering(health('in'), 503, ({ port }) => askDaemon('in', port))
  expect(answer).toMatchObject({ kind: 'answers', isWell: false, reasons: ['the disk is full'] })
})

test.each([
  ['the daemon of another market', health('us'), 'something else'],
  ['another program', '<html></html>', 'no health page'],
  ['a list', '[]', 'something else'],
  ['nothing', 'null', 'something else'],
])('%s on the port is not taken for the daemon', async (_who, body, why) => {
  const answer = await answering(body, 200, ({ port }) => askDaemon('in', port))
  expect(answer).toMatchObject({ kind: 'silent', why: expect.stringContaining(why) })
})

test('a port on which nobody listens is told', async () => {
  const port = await answering('', 200, ({ port: used }) => Promise.resolve(used))
  expect(await askDaemon('in', port)).toMatchObject({ kind: 'silent' })
})

test('the figures of a page are those that Prometheus would draw', () => {
  const metrics = parseMetrics(
    [
      '# HELP a_seconds of something',
      'a_seconds_bucket{le="0.1",market="in"} 50',
      'a_seconds_bucket{le="1",market="in"} 90',
      'a_seconds_bucket{le="+Inf",market="in"} 100',
      'rejected{reason="a\\"b",market="in"} 3',
      'rejected{reason="stale",market="in"} 4',
      'not a line',
      'odd NaN',
    ].join('\n'),
  )
  expect(quantileOf(metrics, 'a_seconds', 0.5)).toBeCloseTo(0.1)
  expect(quantileOf(metrics, 'a_seconds', 0.7)).toBeCloseTo(0.55)
  expect(quantileOf(metrics, 'a_seconds', 0.99)).toBe(1)
  expect(quantileOf(metrics, 'none', 0.5)).toBeNull()
  expect(sumOf(metrics, 'rejected')).toBe(7)
  expect([figureOf(metrics, 'odd'), figureOf(metrics, 'none')]).toEqual([null, null])
})
