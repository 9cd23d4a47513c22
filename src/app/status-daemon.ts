/**
 * What does the running daemon say of its market? Asked over its own pages, as any monitor would; nothing is
 * asked of the worker. A port is no proof of who answers: the page must name the market, and the caller knows
 * by the lock whether there is a daemon of this data directory at all. What is answered is measured, cut and
 * read as numbers, whoever wrote it.
 */
import { messageOf } from '../domain/error.ts'
import { createSender } from '../platform/http.ts'
import type { WatchDaemon } from '../terminal/watch-snapshot.ts'

export type DaemonAnswer =
  | { readonly kind: 'silent'; readonly why: string }
  | (Omit<Extract<WatchDaemon, { readonly kind: 'answers' }>, 'worker'> & { readonly metrics: Metrics })

/** By name without labels, and with each label that it had. */
export type Metrics = readonly Metric[]

export type Metric = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Of a page on this machine: more is no page of ours. */
const LIMITS = { timeoutMs: 1_000, bodyMaxBytes: 1 << 20 }
const REASONS_MAX = 20
const REASON_LENGTH_MAX = 400

/** Never rejects. */
export async function askDaemon(market: string, port: number): Promise<DaemonAnswer> {
  const send = createSender(`http://127.0.0.1:${port}`, LIMITS)
  try {
    const [health, metrics] = await Promise.all(
      ['/health', '/metrics'].map((path) => send({ method: 'GET', path, headers: {} })),
    )
    const told: unknown = JSON.parse(health!.body)
    if (!isHealth(told) || told.market !== market) {
      return { kind: 'silent', why: `port ${port} is answered by something else` }
    }
    const reasons = told.reasons.slice(0, REASONS_MAX)
    return {
      kind: 'answers',
      isWell: health!.status === 200,
      reasons: reasons.map((reason) => String(reason).slice(0, REASON_LENGTH_MAX)),
      running: typeof told.running === 'string' ? told.running : null,
      metrics: metrics!.status === 200 ? parseMetrics(metrics!.body) : [],
    }
  } catch (error) {
    const why = error instanceof SyntaxError ? 'its answer is no health page' : messageOf(error)
    return { kind: 'silent', why: why.split(';')[0]! }
  }
}

type Health = { readonly market: unknown; readonly reasons: readonly unknown[]; readonly running: unknown }

function isHealth(value: unknown): value is Health {
  return (
    typeof value === 'object' &&
    value !== null &&
    'reasons' in value &&
    Array.isArray(value.reasons) &&
    'market' in value &&
    'running' in value
  )
}

const LINE = /^([a-z_][a-z0-9_]*)(?:\{([^}]*)\})? (\S+)$/i
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/gi

/** Reads the text format of Prometheus; a line that is none is passed over. */
export function parseMetrics(text: string): Metrics {
  return text.split('\n').flatMap((line) => {
    const match = LINE.exec(line)
    if (match === null) return []
    const labels = Object.fromEntries(
      [...(match[2] ?? '').matchAll(LABEL)].map(([, name, value]) => [name!, value!]),
    )
    return [{ name: match[1]!, labels, value: Number(match[3]) }]
  })
}

/** Null where it is not told. */
export function figureOf(metrics: Metrics, name: string): number | null {
  const metric = metrics.find((known) => known.name === name)
  return metric === undefined || !Number.isFinite(metric.value) ? null : metric.value
}

export function sumOf(metrics: Metrics, name: string): number {
  return metrics.reduce((sum, metric) => sum + (metric.name === name ? metric.value : 0), 0)
}

/**
 * The bound in seconds below which that share of a histogram lies, drawn straight within its bucket as
 * Prometheus does; null where nothing was counted.
 */
export function quantileOf(metrics: Metrics, name: string, share: number): number | null {
  const buckets = metrics
    .filter((metric) => metric.name === `${name}_bucket`)
    .map(({ labels, value }) => ({ bound: Number(labels.le?.replace('+Inf', 'Infinity')), count: value }))
    .filter(({ bound }) => !Number.isNaN(bound))
    .toSorted((a, b) => a.bound - b.bound)
  const total = buckets.at(-1)?.count ?? 0
  if (!(total > 0)) return null
  const wanted = share * total
  const at = buckets.findIndex(({ count }) => count >= wanted)
  const from = buckets[at - 1] ?? { bound: 0, count: 0 }
  const to = buckets[at]!
  if (!Number.isFinite(to.bound)) return from.bound
  return from.bound + ((to.bound - from.bound) * (wanted - from.count)) / Math.max(1, to.count - from.count)
}
