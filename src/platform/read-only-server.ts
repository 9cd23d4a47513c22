/**
 * Who may ask how we are? Whoever is on this machine, by GET or HEAD, under this machine's name. A page of
 * the internet that a browser here has opened may not: it can send requests to the loopback, and by a name
 * of its own that resolves there it can even read the answers, so the Host that was asked for must be ours,
 * exactly and once, before anything else is looked at. There is nothing here that changes anything.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'

export type Page = {
  readonly status: number
  readonly type: string
  readonly body: string
}

export type ReadOnlyOptions = {
  /** 0 takes a free port. */
  readonly port: number
  /** By exact path. A page that cannot be made is answered with 500 and told to `onError`. */
  readonly pages: Readonly<Record<string, () => Page | Promise<Page>>>
  readonly onError: (error: unknown) => void
}

export interface ReadOnlyServer {
  readonly port: number
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const LIMITS = {
  connectionsMax: 64,
  headerBytesMax: 8_192,
  requestsPerSocketMax: 1_000,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
  keepAliveMs: 5_000,
  checkIntervalMs: 1_000,
}

const STRICT_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** Rejects with CONFIG_INVALID when the port cannot be had. */
export async function serveReadOnly(options: ReadOnlyOptions): Promise<ReadOnlyServer> {
  const server = createServer({
    maxHeaderSize: LIMITS.headerBytesMax,
    headersTimeout: LIMITS.headersTimeoutMs,
    requestTimeout: LIMITS.requestTimeoutMs,
    keepAliveTimeout: LIMITS.keepAliveMs,
    connectionsCheckingInterval: LIMITS.checkIntervalMs,
    requireHostHeader: false,
  })
  keepTheNewest(server)
  server.maxRequestsPerSocket = LIMITS.requestsPerSocketMax
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo
  server.on('request', (request, response) => void answer(options, port, request, response))
  // Nothing here is ever upgraded, and nothing is expected with a body.
  server.on('upgrade', (_request, socket) => socket.destroy())
  server.on('checkContinue', (request, response) => void answer(options, port, request, response))
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/**
 * Where there are too many connections, the one that has been open longest goes: turning away the newest
 * would let anybody on this machine who opens a few, and says nothing, keep the page from everybody else.
 */
function keepTheNewest(server: Server): void {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    const [oldest] = open
    if (open.size > LIMITS.connectionsMax) oldest?.destroy()
  })
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const what = systemCodeOf(error) === 'EADDRINUSE' ? 'another program listens there' : messageOf(error)
      reject(
        new OperatingError(
          `listening on ${HOST}:${port} for health and metrics: ${what}; ` +
            'stop that program, or set another markets.*.http.port (0 takes a free one)',
          { code: 'CONFIG_INVALID', cause: error },
        ),
      )
    })
    server.listen({ host: HOST, port, exclusive: true }, resolve)
  })
}

async function answer(
  options: ReadOnlyOptions,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request, port)
  const page = refusal ?? (await pageOf(options, request.url ?? ''))
  const body = Buffer.from(page.body)
  response.writeHead(page.status, {
    ...STRICT_HEADERS,
    'Content-Type': page.type,
    'Content-Length': body.byteLength,
    ...(page.status === 405 ? { Allow: 'GET, HEAD' } : {}),
    // A body that nobody reads would be taken for the next request.
    ...(hasBody(request) ? { Connection: 'close' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function refusalOf(request: IncomingMessage, port: number): Page | null {
  const { headers, method, rawHeaders } = request
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  const own = [`${HOST}:${port}`, `localhost:${port}`, `[::1]:${port}`]
  const isOurs = names.filter((name) => name === 'host').length === 1 && own.includes(headers.host ?? '')
  if (!isOurs) return plain(421, 'this host is not served here')
  const { origin } = headers
  const site = headers['sec-fetch-site']
  const isForeign =
    (origin !== undefined && !own.some((host) => origin === `http://${host}`)) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  if (isForeign) return plain(403, 'other sites may not ask')
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD')
  if (hasBody(request)) return plain(413, 'a request has no body here')
  return null
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

async function pageOf({ pages, onError }: ReadOnlyOptions, path: string): Promise<Page> {
  const make = Object.hasOwn(pages, path) ? pages[path] : undefined
  if (make === undefined) return plain(404, `there is ${Object.keys(pages).join(' and ')}`)
  try {
    return await make()
  } catch (error) {
    onError(error)
    return plain(500, 'this page could not be made; the log says why')
  }
}

function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` }
}
