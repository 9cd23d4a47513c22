/**
 * What does it survive on this machine? Every row of the fault matrix that can be produced here, one after the
 * other, with real processes, disks, networks and clocks:
 *
 *     npm run faults                          all of them, about ten minutes
 *     npm run faults -- --row 5 --row 13      these
 *     npm run faults -- --quick               those fit for every change, below two minutes
 *     npm run faults -- --list                what there is, and what this machine lacks
 *
 * prints a line of JSON for each row and one for all of them; ends with status 1 if a row that ran does not
 * hold. A row that cannot run here says why; it is never left out silently. See docs/reliability.md.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { whyNot } from '../test/faults/needs.ts'
import { Place } from '../test/faults/place.ts'
import type { FaultRow, Figures } from '../test/faults/row.ts'
import { FAULT_ROWS } from './faults/rows.ts'

type Line = {
  readonly row: number
  readonly name: string
  /** Null where the row cannot run here. */
  readonly holds: boolean | null
  readonly figures: Figures
  readonly broken: readonly string[]
  readonly skipped: string | null
  readonly command: string
  readonly seconds: number
}

const { values } = parseArgs({
  options: {
    row: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})

/** Places in use: a signal must not leave a mount or a namespace behind. */
const open = new Set<Place>()

async function runRow(row: FaultRow): Promise<Line> {
  const command = `npm run faults -- --row ${row.row}`
  const base = { row: row.row, name: row.name, command }
  const skipped = whyNot(row.needs)
  if (skipped !== null) return { ...base, holds: null, figures: {}, broken: [], skipped, seconds: 0 }
  const startedMs = performance.now()
  const place = new Place(String(row.row), (text) => void process.stderr.write(`  ${row.row}: ${text}\n`))
  open.add(place)
  const outcome = await row.run(place).catch((error: Error) => ({
    figures: {},
    broken: [`the row itself failed: ${error.message}`],
  }))
  const left = await place.clear()
  open.delete(place)
  const broken = [...outcome.broken, ...left.map((what) => `not tidied up: ${what}`)]
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10
  return { ...base, holds: broken.length === 0, figures: outcome.figures, broken, skipped: null, seconds }
}

function isAsked(row: FaultRow): boolean {
  if (values.row.length > 0) return values.row.includes(String(row.row))
  return !values.quick || row.isQuick
}

async function stop(): Promise<void> {
  for (const place of open) await place.clear()
  process.exit(130)
}
process.on('SIGINT', () => void stop())
process.on('SIGTERM', () => void stop())

const rows = FAULT_ROWS.filter(isAsked)
if (values.list) {
  for (const { row, name, injects, mustHold, needs, isQuick } of rows) {
    process.stdout.write(
      `${JSON.stringify({ row, name, injects, mustHold, isQuick, lacks: whyNot(needs) })}\n`,
    )
  }
} else {
  const startedMs = performance.now()
  const lines: Line[] = []
  for (const row of rows) {
    process.stderr.write(`${row.row} ${row.name}\n`)
    const line = await runRow(row)
    lines.push(line)
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
  const summary = {
    ran: lines.filter(({ holds }) => holds !== null).length,
    hold: lines.filter(({ holds }) => holds === true).length,
    broken: lines.filter(({ holds }) => holds === false).map(({ row }) => row),
    skipped: lines.filter(({ holds }) => holds === null).map(({ row, skipped }) => `${row}: ${skipped}`),
    seconds: Math.round((performance.now() - startedMs) / 1_000),
    loadAverage: Math.round(loadavg()[0]! * 10) / 10,
  }
  process.stdout.write(`${JSON.stringify(summary)}\n`)
  // A deadline that a row no longer waits for must not keep the command alive.
  process.exit(summary.broken.length === 0 && summary.ran > 0 ? 0 : 1)
}
