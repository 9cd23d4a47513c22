/**
 * What must a vendor's folder tell a stand-in server? The stand-in speaks the vendor's protocol from
 * the other side: it reads what clients send and makes what the vendor would answer. Pure, like
 * `StreamVenue`; no method throws, whatever a client sends.
 */
import type { Exchange } from './instrument.ts'
import type { EncodePacket } from './packet.ts'
import type { Mode } from './tick.ts'

/** One well-formed wish of a client. Tokens in the order they were sent, repetitions included. */
export type StandInSubscribe = {
  readonly kind: 'subscribe' | 'unsubscribe'
  /** '' where the client gave none. */
  readonly correlationId: string
  readonly mode: Mode
  readonly instruments: readonly { readonly exchange: Exchange; readonly token: string }[]
}

/** A wish that the vendor would refuse as malformed; answer with `errorFrame`. */
export type StandInProblem = {
  readonly kind: 'problem'
  /** '' where the client gave none or it could not be read. */
  readonly correlationId: string
  /** The vendor's code and wording, for SmartAPI `E1001` and `Invalid Request Payload.` */
  readonly code: string
  readonly message: string
}

export interface StandInVenue {
  readonly name: string
  readonly encodePacket: EncodePacket
  /** Bytes of the longest packet of any mode: the size of a buffer that always suffices. */
  readonly packetBytesMax: number
  /** Reads a text frame of a client that is not a ping. Takes any text at all. */
  parseSubscribeRequest(text: string): StandInSubscribe | StandInProblem
  /** Text frame with which the vendor refuses. */
  errorFrame(correlationId: string, code: string, message: string): string
  readonly pingText: string
  readonly pongText: string
  /** Code and wording of "more subscriptions than a session may have". */
  readonly subscriptionLimit: { readonly code: string; readonly message: string }
  /** The vendor's number for an exchange, as on the wire. */
  exchangeCode(exchange: Exchange): number
  /** Null for a number that the vendor does not use. */
  exchangeOfCode(code: number): Exchange | null
}
