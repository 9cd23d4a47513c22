/**
 * How does a newcomer begin? With a configuration that explains itself, a list of instruments by name, and a
 * login that shows whether the credentials work. Files that exist are never touched.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { MasterRow } from '../domain/venue.ts'
import { fileError, makeDir, writeNewFile } from '../platform/durable.ts'
import { createSender } from '../platform/http.ts'
import { masterBaseUrl, masterRequest, parseMaster } from '../venues/smartapi/index.ts'
import { indiaCalendar } from './india-day.ts'
import { type PickedInstrument, pickInstruments } from './pick-instruments.ts'
import { connectVendor, type IndiaContext } from './vendor.ts'

export type InitOptions = {
  readonly dir: string
  /** Names to be looked up; see pick-instruments.ts. */
  readonly names: readonly string[]
  /** URL of the host that serves the master, or a file that holds it; the vendor's own host by default. */
  readonly master: string | null
}

export type InitResult = {
  readonly files: readonly string[]
  readonly instruments: readonly PickedInstrument[]
  /** `ok`, or one line that says why not. */
  readonly credentials: string
}

/** What the shipped proxy set asks for, and ten liquid stocks to see something move. */
export const NAMES_DEFAULT: readonly string[] = [
  'Nifty 50',
  'Nifty Bank',
  'India VIX',
  'RELIANCE',
  'HDFCBANK',
  'ICICIBANK',
  'INFY',
  'TCS',
  'SBIN',
  'ITC',
  'LT',
  'AXISBANK',
  'BHARTIARTL',
]

const MASTER_LIMITS = { timeoutMs: 120_000, bodyMaxBytes: 256 * 1024 * 1024 }
const CONFIG_NAME = 'chandler.yaml'
const LIST_NAME = 'instruments.in.csv'

export async function initialise(context: IndiaContext, options: InitOptions): Promise<InitResult> {
  const { dir, names } = options
  const config = join(dir, CONFIG_NAME)
  const list = join(dir, LIST_NAME)
  for (const file of [config, list]) refuseExisting(file)
  // First what may fail, so that a failure leaves nothing half made.
  const instruments = pickInstruments(names, await fetchMaster(options.master))
  try {
    makeDir(dir)
    writeNewFile(config, Buffer.from(CONFIG_TEXT))
    writeNewFile(list, Buffer.from(listText(instruments)))
  } catch (error) {
    throw fileError('writing into', dir, error)
  }
  return { files: [config, list], instruments, credentials: await checkCredentials(context) }
}

function refuseExisting(file: string): void {
  if (!existsSync(file)) return
  throw new OperatingError(
    `initialising: ${file} is there already and was left alone; give another --dir, or edit it by hand`,
    { code: 'DIR_UNUSABLE' },
  )
}

async function fetchMaster(source: string | null): Promise<readonly MasterRow[]> {
  const isUrl = source === null || /^https?:\/\//.test(source)
  const body = isUrl ? await downloaded(source ?? masterBaseUrl) : readMaster(source)
  const answer = parseMaster(body)
  if (answer.ok) return answer.value
  throw new OperatingError(
    `reading the vendor's master from ${source ?? masterBaseUrl}: ${answer.refusal.message}; try again later`,
    { code: 'VENDOR_REFUSED', retryable: true },
  )
}

async function downloaded(baseUrl: string): Promise<string> {
  const reply = await createSender(baseUrl, MASTER_LIMITS)(masterRequest())
  if (reply.status === 200) return reply.body
  throw new OperatingError(`asking ${baseUrl} for the master: status ${reply.status}; try again later`, {
    code: 'VENDOR_REFUSED',
    retryable: true,
  })
}

function readMaster(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new OperatingError(`reading the master ${path}: ${messageOf(error)}; check --master`, {
      code: 'NOT_FOUND',
      cause: error,
    })
  }
}

/** One login. That it fails is told and is no failure of the initialisation. */
async function checkCredentials(context: IndiaContext): Promise<string> {
  try {
    const calendar = indiaCalendar(context.config)
    const utcOffsetMs = calendar.zone.offsetMs(context.clock.wallMs())
    await connectVendor(context, utcOffsetMs).tokens.take()
    return 'ok'
  } catch (error) {
    if (error instanceof OperatingError) return error.message
    throw error
  }
}

function listText(instruments: readonly PickedInstrument[]): string {
  const lines = instruments.map(({ exchange, token, symbol, derivatives }) =>
    [exchange, token, symbol, derivatives ? 'true' : ''].join(','),
  )
  return `exchange,token,symbol,derivatives\n${lines.join('\n')}\n`
}

const CONFIG_TEXT = `# Chandler's configuration. Every key may be left out; what stands here are defaults, and
# docs/configuration.md explains them all. Secrets never stand in this file: set SMARTAPI_API_KEY,
# SMARTAPI_CLIENT_CODE, SMARTAPI_PIN and SMARTAPI_TOTP_SECRET, and ALPHAVANTAGE_API_KEY for the US, or name
# a file that only you can read with the same variable and _FILE.

# The lake: journals, candles, events. Give it a disk of its own, and a backup.
dataDir: ./data

markets:
  in:
    # What is listened to. exchange,token,symbol,derivatives; the last is true for stocks with futures.
    instruments: ./instruments.in.csv
    stream:
      # ltp has no volume, quote has it, snap_quote adds the book.
      mode: quote
      # How long after a minute ends its ticks are still accepted. Later ones are counted and used at settle.
      graceMs: 2000
    # Health and metrics of \`chandler daemon --market in\`, on this machine only.
    http:
      port: 8000
  us:
    batch:
      # What your key allows. A free one: 25 a day, and no more than one a second.
      callsPerMinute: 5
      callsPerDay: 25
    http:
      port: 8001
`
