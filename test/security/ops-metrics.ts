/** Which metrics do the dashboard and the alerts speak of that no daemon tells? */
import { readFileSync } from 'node:fs'

const METRICS = 'src/dashboard/metrics.ts'
const SPEAKERS = ['ops/prometheus/alerts.yml', 'ops/grafana/chandler.json']
/** What Prometheus makes of one histogram. */
const PARTS = ['_bucket', '_sum', '_count']

/** One line for each name that is none of ours, and for each label that its metric does not carry. */
export function metricFaults(): readonly string[] {
  const known = knownMetrics()
  return SPEAKERS.flatMap((path) => {
    const spoken = new Set(readFileSync(path, 'utf8').match(/\bchandler_[a-z0-9_]+/g) ?? [])
    if (spoken.size === 0) return [`${path}: speaks of no metric at all`]
    const strange = [...spoken].filter((name) => !known.has(name) && !known.has(withoutPart(name)))
    return strange.map((name) => `${path}: ${name} is no metric of ${METRICS}`)
  })
}

/** The same of the watching screen, which reads them as Prometheus would. */
export function screenFaults(): readonly string[] {
  const path = 'src/app/status-worker.ts'
  const read = [...readFileSync(path, 'utf8').matchAll(/\b(?:value|quantile)\('([a-z0-9_]+)'/g)]
  if (read.length === 0) return [`${path}: reads no metric at all`]
  const known = knownMetrics()
  const strange = read.map(([, name]) => `chandler_${name}`).filter((name) => !known.has(name))
  return strange.map((name) => `${path}: ${name} is no metric of ${METRICS}`)
}

/** Each runbook that an alert names. */
export function namedRunbooks(): readonly string[] {
  return [...readFileSync(SPEAKERS[0]!, 'utf8').matchAll(/runbook: (\S+)/g)].map(([, path]) => path!)
}

function withoutPart(name: string): string {
  const part = PARTS.find((end) => name.endsWith(end))
  return part === undefined ? name : name.slice(0, -part.length)
}

/** Names stand there as they are shown, or as the first argument of one of the registry's own methods. */
export function knownMetrics(): ReadonlySet<string> {
  const source = readFileSync(METRICS, 'utf8')
  const whole = [...source.matchAll(/name: '(chandler_[a-z0-9_]+)'/g)].map(([, name]) => name!)
  const short = [...source.matchAll(/#(?:counter|gauge|ofWorker|histogram)\(\s*'([a-z0-9_]+)'/g)]
  return new Set([...whole, ...short.map(([, name]) => `chandler_${name}`)])
}
