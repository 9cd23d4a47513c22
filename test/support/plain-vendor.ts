/**
 * A vendor on a real loopback port that speaks the tiny protocol of `plainVenue`: login and quotes over
 * HTTP, packets over WebSocket. A test decides whom it refuses and what it sends.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

export class PlainVendor {
  /** Names of the tokens given so far are t1, t2, … */
  loginCount = 0
  quoteCount = 0
  /** Of every handshake, in order: the token that it brought. */
  readonly handshakes: string[] = []
  readonly peers: WebSocket[] = []
  /** Everything that clients sent as text, but for pings. */
  readonly texts: string[] = []
  readonly closeCodes: number[] = []
  refuse: (jwt: string, headers: IncomingMessage['headers']) => { status: number; error: string } | null =
    () => null
  answersPings = true
  onSubscribed: (peer: WebSocket, tokens: readonly string[]) => void = () => {}
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true })

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume()
      if (request.url === '/login') this.loginCount += 1
      if (request.url === '/quote') this.quoteCount += 1
      const value = request.url === '/login' ? `t${this.loginCount}` : []
      response.end(JSON.stringify(value))
    })
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get restUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get streamUrl(): string {
    return `${this.restUrl.replace('http', 'ws')}/stream`
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.terminate()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const jwt = request.headers.authorization ?? ''
    this.handshakes.push(jwt)
    const refusal = this.refuse(jwt, request.headers)
    if (refusal !== null) {
      const { status, error } = refusal
      socket.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-error-message: ${error}\r\n` +
          'Content-Length: 0\r\nConnection: close\r\n\r\n',
      )
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (peer) => this.#accept(peer))
  }

  #accept(peer: WebSocket): void {
    this.peers.push(peer)
    peer.on('close', (code) => this.closeCodes.push(code))
    peer.on('message', (data) => {
      const text = String(data)
      if (text === 'ping') {
        if (this.answersPings) peer.send('pong')
        return
      }
      this.texts.push(text)
      const { action, tokens } = JSON.parse(text)
      if (action === 'subscribe') this.onSubscribed(peer, tokens)
    })
  }
}
