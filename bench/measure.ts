/**
 * How is a figure made comparable? Ours and the baseline run in turns in one process (A B A B …), so that
 * a slow moment of the machine meets both; each is the median of its runs, and the ratio is the median of
 * the ratios of neighbours. Every benchmark ends with one line of JSON.
 */

export type Spread = {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
}

export type BenchLine = {
  readonly name: string
  /** What was measured, in a sentence. */
  readonly what: string
  /** Median over the runs. */
  readonly figure: number
  readonly unit: string
  readonly min: number
  readonly median: number
  readonly max: number
  readonly runs: number
  /** Null where nothing else does the same thing. */
  readonly baseline: number | null
  readonly baselineUnit: string
  readonly baselineWhat: string
  /** Figure over baseline. */
  readonly ratio: number | null
  readonly target: string
  readonly holds: boolean
  readonly notes: Readonly<Record<string, unknown>>
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: medianOf(sorted),
    min: sorted[0]!,
    max: sorted.at(-1)!,
    runs: sorted.length,
  }
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!
}

export type Alternated = {
  readonly ours: readonly number[]
  readonly theirs: readonly number[]
  /** Ours over theirs, run by run. */
  readonly ratios: readonly number[]
}

/** Each function gives one figure of its own. A first round of both warms up and is not counted. */
export async function alternate(
  runs: number,
  ours: () => number | Promise<number>,
  theirs: () => number | Promise<number>,
): Promise<Alternated> {
  const a: number[] = []
  const b: number[] = []
  await ours()
  await theirs()
  for (let run = 0; run < runs; run++) {
    a.push(await ours())
    b.push(await theirs())
  }
  return { ours: a, theirs: b, ratios: a.map((value, at) => value / b[at]!) }
}

/** Seconds that `work` takes. */
export function secondsOf(work: () => void): number {
  const startMs = performance.now()
  work()
  return (performance.now() - startMs) / 1_000
}

export function report(line: BenchLine): void {
  process.stdout.write(
    `${JSON.stringify(line, (_key, value: unknown) => (isRough(value) ? round(value) : value))}\n`,
  )
}

function isRough(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value)
}

/** Four digits say all that a noisy machine knows. */
function round(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4))
}

/** Progress for whoever watches; the figures go to stdout. */
export function say(text: string): void {
  process.stderr.write(`  ${text}\n`)
}

/** `--runs 5` of the command line, or the default. */
export function flag(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? byDefault : Number(process.argv[at + 1])
}
