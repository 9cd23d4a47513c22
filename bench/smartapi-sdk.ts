/**
 * How does the official SDK decode a packet? `smartapi-javascript` does not export its parser; it stands
 * in the message handler that `connect` gives to the socket. So the SDK runs as it is, on a socket that
 * never connects: its `ws` is replaced, in the SDK's own module cache, by a class that keeps the instance,
 * and a frame is given to the handler that the SDK put there (`onmessage`), as `ws` would give it.
 */
import { createRequire } from 'node:module'

type Handler = (event: { readonly data: Buffer }) => void

class StillSocket {
  static opened: StillSocket | null = null
  onmessage: Handler = () => {}
  constructor() {
    StillSocket.opened = this
  }
  send(): void {}
  close(): void {}
}

type Sdk = {
  connect(): Promise<unknown>
  on(event: 'tick', hear: (tick: Readonly<Record<string, unknown>>) => void): void
  close(): void
}
type SdkClass = new (login: Readonly<Record<string, string>>) => Sdk

export type SdkDecoder = {
  /** Decodes one packet by the SDK's message handler; returns what it triggered its listeners with. */
  readonly decode: (packet: Buffer) => Readonly<Record<string, unknown>>
  readonly close: () => void
}

export function openSdkDecoder(): SdkDecoder {
  const require = createRequire(import.meta.url)
  const sdkPath = require.resolve('smartapi-javascript/lib/websocket2.0.js')
  const wsPath = createRequire(sdkPath).resolve('ws')
  require(wsPath)
  require.cache[wsPath]!.exports = StillSocket
  const WebSocketV2 = require(sdkPath) as SdkClass
  const sdk = new WebSocketV2({ clientcode: 'bench', jwttoken: 'bench', apikey: 'bench', feedtype: 'bench' })
  let tick: Readonly<Record<string, unknown>> = {}
  sdk.on('tick', (heard) => {
    tick = heard
  })
  void sdk.connect()
  const socket = StillSocket.opened!
  return {
    decode: (packet) => {
      socket.onmessage({ data: packet })
      return tick
    },
    close: () => sdk.close(),
  }
}
