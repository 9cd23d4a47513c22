/**
 * How does the vendor write it down? A table with the names of its CSV and, where JSON has others, of its
 * JSON. Faults in values are made here, between the truth and its text.
 */
import type { ServerReply } from '../../platform/server.ts'

export type Table = {
  /** Newest first, cells as text, the first one the time. */
  readonly rows: readonly (readonly string[])[]
  readonly csvNames: readonly string[]
  readonly json: (rows: Table['rows']) => object
}

export function csvReply({ rows, csvNames }: Table): ServerReply {
  const lines = [csvNames, ...rows].map((cells) => cells.join(','))
  return {
    status: 200,
    headers: { 'Content-Type': 'application/x-download' },
    body: `${lines.join('\n')}\n`,
  }
}

export function jsonReply(body: object): ServerReply {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body, null, 4),
  }
}

export type Meta = {
  readonly information: string
  readonly symbol: string
  readonly refreshed: string
  /** `5min`, or null for days. */
  readonly interval: string | null
  readonly outputSize: string
}

/** `1. open`, …: the number is part of the name. */
export function seriesJson(meta: Meta, kind: string, names: readonly string[]): Table['json'] {
  const told = [
    ['Information', meta.information],
    ['Symbol', meta.symbol],
    ['Last Refreshed', meta.refreshed],
    ...(meta.interval === null ? [] : [['Interval', meta.interval]]),
    ['Output Size', meta.outputSize],
    ['Time Zone', 'US/Eastern'],
  ].map(([name, value], at) => [`${at + 1}. ${name}`, value])
  return (rows) => ({
    'Meta Data': Object.fromEntries(told),
    [`Time Series (${kind})`]: Object.fromEntries(
      rows.map(([stamp, ...cells]) => [
        stamp,
        Object.fromEntries(cells.map((cell, at) => [`${at + 1}. ${names[at]}`, cell])),
      ]),
    ),
  })
}

export function listJson(symbol: string, names: readonly string[]): Table['json'] {
  return (rows) => ({
    symbol,
    data: rows.map((cells) => Object.fromEntries(cells.map((cell, at) => [names[at], cell]))),
  })
}

/** `218.2`, and `1.0` where the vendor's language writes a whole number of that kind. */
export function free(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

export function fixed(value: number): string {
  return value.toFixed(4)
}
