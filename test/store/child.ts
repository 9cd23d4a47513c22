/** What a test runs in a process of its own; the first argument says what, the second where. */
import { hash } from 'node:crypto'
import { createPublisher } from '../../src/store/publish.ts'
import { readCandles } from '../../src/store/read.ts'
import { INSTRUMENTS, part } from './requests.ts'
import { DAY, parquetOf, sampleTable } from './tables.ts'

const [mode, dataDir = '', partCount = '0'] = process.argv.slice(2)

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function duckDbIsLoaded(): boolean {
  const report = process.report.getReport() as { sharedObjects?: readonly string[] }
  return (report.sharedObjects ?? []).some((path) => path.includes('duckdb'))
}

if (mode === 'encode') {
  const metadata = { date: '2026-07-01', market: 'in', revision: 3, schema: 'x' }
  say(hash('sha256', parquetOf(sampleTable(50, [0, 1, 2]), metadata)))
}

if (mode === 'publish') {
  const publisher = await createPublisher({ dataDir, market: 'in', note: say })
  publisher.setInstruments(INSTRUMENTS)
  say('ready')
  for (let minute = 0; minute < Number(partCount); minute++) {
    const { path, sha256 } = await publisher.publish(part(minute))
    say(`published ${path} ${sha256}`)
  }
  await publisher.end()
}

if (mode === 'read') {
  say(String(duckDbIsLoaded()))
  await readCandles({ dataDir, market: 'in', fromDate: DAY.date, toDate: DAY.date })
  say(String(duckDbIsLoaded()))
}
