import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { type Config, clockSimulation, loadConfig, refuseSimulatedTime } from '../src/config.ts'
import { OperatingError } from '../src/domain/error.ts'

const dir = mkdtempSync(join(tmpdir(), 'chandler-config-'))
afterAll(() => rmSync(dir, { recursive: true }))

function load(text: string): Config {
  const file = join(dir, 'chandler.yaml')
  writeFileSync(file, text)
  return loadConfig({ file })
}

function refusal(run: () => unknown): OperatingError {
  try {
    run()
  } catch (error) {
    if (error instanceof OperatingError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** The file that the contract shows, letter by letter. */
const CONTRACT = `
dataDir: ./data
markets:
  in:
    timezone: Asia/Kolkata
    calendar: nse
    instruments: ./instruments.in.csv     # header: exchange,token,symbol
    proxySet: ./proxy-sets/in.json
    stream:
      venue: smartapi
      restUrl: https://apiconnect.angelone.in
      streamUrl: wss://smartapisocket.angelone.in/smart-stream
      mode: quote                         # ltp | quote | snap_quote
      graceMs: 2000
  us:
    timezone: America/New_York
    calendar: nyse
    proxySet: ./proxy-sets/us.json
    batch:
      venue: alphavantage
      restUrl: https://www.alphavantage.co
      callsPerMinute: 5
      callsPerDay: 25
      symbols: ./symbols.us.csv           # header: symbol
`

test('the documented file is read, and says no more than the defaults', () => {
  const config = load(CONTRACT)
  const empty = mkdtempSync(join(dir, 'empty-'))
  expect(load('')).toEqual(config)
  expect(loadConfig({ cwd: dir })).toEqual(config)
  const relocated = JSON.parse(JSON.stringify(config).replaceAll(dir, empty)) as Config
  expect(loadConfig({ cwd: empty })).toEqual({ ...relocated, file: null })
  expect(config.markets.in.stream.graceMs).toBe(2_000)
  expect(config.markets.in.journal).toEqual({
    segmentBytes: 16_777_216,
    segmentMinutes: 15,
    ringBytes: 16_777_216,
    syncIntervalMs: 100,
    syncBytes: 1_048_576,
    ballastBytes: 67_108_864,
    diskWarnBytes: 1_073_741_824,
    diskStopBytes: 268_435_456,
  })
})

test('paths in the file are relative to the file; --data-dir is relative to the working directory', () => {
  const inner = join(dir, 'etc')
  mkdirSync(inner)
  const text = 'dataDir: ../lake\nmarkets: { in: { calendarOverride: o.yaml, proxySet: /p/in.json } }'
  writeFileSync(join(inner, 'c.yaml'), text)
  const config = loadConfig({ cwd: dir, file: 'etc/c.yaml' })
  expect(config.file).toBe(join(inner, 'c.yaml'))
  expect(config.dataDir).toBe(join(dir, 'lake'))
  expect(config.markets.in.instruments).toBe(join(inner, 'instruments.in.csv'))
  expect(config.markets.in.calendarOverride).toBe(join(inner, 'o.yaml'))
  expect(config.markets.in.proxySet).toBe('/p/in.json')
  expect(config.markets.us.batch.symbols).toBe(join(inner, 'symbols.us.csv'))
  expect(loadConfig({ cwd: dir, file: 'etc/c.yaml', dataDir: 'other' }).dataDir).toBe(join(dir, 'other'))
})

test('a configuration cannot be changed by anybody, at any depth', () => {
  const { markets } = load('')
  expect(() => Object.assign(markets.in.stream, { graceMs: 1 })).toThrow(TypeError)
  expect(() => Object.assign(markets.us.batch, { callsPerDay: 1 })).toThrow(TypeError)
})

test('a file that was asked for must exist; the default file need not', () => {
  const error = refusal(() => loadConfig({ cwd: dir, file: 'absent.yaml' }))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toMatch(/absent\.yaml.*ENOENT.*--config/)
  expect(loadConfig({ cwd: join(dir, 'nowhere') }).file).toBeNull()
})

const stream = (line: string): string => `markets:\n  in:\n    stream:\n      ${line}\n`
const journal = (line: string): string => `markets:\n  in:\n    journal:\n      ${line}\n`

test.each([
  [stream('graceMss: 5'), /line 4: markets\.in\.stream\.graceMss: unknown key; did you mean graceMs\?/],
  [stream('gracems: 5'), /did you mean graceMs\?/],
  ['datadir: x', /line 1: datadir: unknown key; did you mean dataDir\?/],
  ['colour: red', /line 1: colour: unknown key; known here: dataDir, markets/],
  ['markets: { eu: {} }', /markets\.eu: unknown key; known here: in, us/],
  ['apiKey: 1', /apiKey: unknown key; secrets never stand in this file/],
  ['__proto__: { a: 1 }', /__proto__: unknown key/],
  [
    stream('graceMs: 2s'),
    /line 4: markets\.in\.stream\.graceMs: wrong type; it must be (number|a whole number)/,
  ],
  [stream('graceMs: 1.5'), /graceMs: wrong type; it must be a whole number/],
  [stream('graceMs: -1'), /graceMs: out of range; the smallest value is 0/],
  [stream('graceMs: 120001'), /graceMs: out of range; the largest value is 120000/],
  [stream('graceMs: .inf'), /graceMs: /],
  [stream('graceMs:'), /graceMs: wrong type/],
  [stream('mode: depth'), /mode: not a known value; it must be ltp or quote or snap_quote/],
  [stream('venue: zerodha'), /venue: not a known value; it must be smartapi/],
  [stream('restUrl: apiconnect.angelone.in'), /restUrl: not accepted; it must be an https:\/\/ URL/],
  [stream('restUrl: http://apiconnect.angelone.in'), /restUrl: not accepted/],
  [stream('restUrl: https://apiconnect.angelone.in/rest'), /restUrl: not accepted/],
  [stream('streamUrl: ws://10.0.0.1/x'), /streamUrl: not accepted; it must be a wss:\/\/ URL/],
  [stream('streamUrl: wss://me:pin@host/x'), /streamUrl: not accepted/],
  [stream('streamUrl: https://host/x'), /streamUrl: not accepted/],
  ['markets: { in: { timezone: Asia/Calcutta } }', /timezone: not a known value; it must be Asia\/Kolkata/],
  ['markets: { us: { calendar: nse } }', /markets\.us\.calendar: not a known value; it must be nyse/],
  [
    'markets: { us: { batch: { callsPerMinute: 0 } } }',
    /callsPerMinute: out of range; the smallest value is 1/,
  ],
  ['markets: { in: }', /markets\.in: wrong type; it must be a group of keys/],
  ['dataDir: ""', /dataDir: out of range/],
  ['- a\n- b', /the file: wrong type; it must be a group of keys/],
  ['words', /the file: wrong type/],
  ['a: [', /line \d+, column \d+: not YAML/],
  ['dataDir: a\ndataDir: b', /line 2, column 1: not YAML \(DUPLICATE_KEY\)/],
  ['dataDir: !secret x', /not YAML/],
  [stream('graceMs: x\n      mode: y\n      venue: z'), /\(and 2 more\)$/],
])('a setting that cannot be is refused with file, line and key: %j', (text, message) => {
  const error = refusal(() => load(text))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toContain(join(dir, 'chandler.yaml'))
  expect(error.message).toMatch(message)
})

test.each([
  [stream('pingIntervalMs: 25000'), /markets\.in\.stream\.pingIntervalMs: must be less than socketSilenceMs/],
  [stream('fallbackWindowMs: 30000'), /backoffCapMs: must be less than fallbackWindowMs/],
  [journal('ringBytes: 3000000'), /markets\.in\.journal\.ringBytes: must be a power of two/],
  [journal('ringBytes: 1048576'), /syncBytes: must be at most half of ringBytes/],
  [journal('segmentBytes: 65536'), /syncBytes: must be at most segmentBytes/],
  ['markets: { us: { batch: { callsPerDay: 4 } } }', /callsPerMinute: must be at most callsPerDay/],
])('limits that contradict each other are refused: %j', (text, message) => {
  expect(refusal(() => load(text)).message).toMatch(message)
})

test('limits at the edges of their ranges are accepted', () => {
  expect(load(stream('graceMs: 0')).markets.in.stream.graceMs).toBe(0)
  expect(load(stream('graceMs: 120000')).markets.in.stream.graceMs).toBe(120_000)
  expect(load(journal('ballastBytes: 0')).markets.in.journal.ballastBytes).toBe(0)
  const tight = 'ringBytes: 1048576\n      syncBytes: 65536\n      segmentBytes: 65536'
  expect(load(journal(tight)).markets.in.journal).toMatchObject({ ringBytes: 1_048_576, syncBytes: 65_536 })
})

test('a stand-in on this machine may speak without encryption', () => {
  for (const host of ['127.0.0.1:4000', 'localhost:4000', '[::1]:4000']) {
    const text = stream(`restUrl: http://${host}\n      streamUrl: ws://${host}/smart-stream`)
    expect(load(text).markets.in.stream.restUrl).toBe(`http://${host}`)
  }
  for (const host of ['127.0.0.1.example.com', 'localhost.example.com', '0.0.0.0', '128.0.0.1']) {
    expect(refusal(() => load(stream(`restUrl: http://${host}`))).code).toBe('CONFIG_INVALID')
  }
})

test('a value that should not be there is never shown, in whatever key it stands', () => {
  const secret = 'hunter2hunter2'
  const texts = [
    `smartapiPin: ${secret}`,
    `dataDir: { x: ${secret} }`,
    stream(`graceMs: ${secret}`),
    stream(`mode: ${secret}`),
    stream(`restUrl: https://me:${secret}@host`),
    `dataDir: *${secret}`,
    `dataDir: "${secret}`,
    `{ ${secret}`,
  ]
  for (const text of texts) expect(refusal(() => load(text)).message).not.toContain(secret)
})

test('no text at all brings the loader down: it loads or refuses with CONFIG_INVALID', () => {
  const words = [
    'dataDir',
    'markets',
    'in',
    'stream',
    'graceMs',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    '1',
  ]
  const yamlish = fc.array(fc.constantFrom(...words, '&a', '*a', '!!x', '"', '#', '?'), { maxLength: 40 })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        yamlish.map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          load(text)
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError)
          expect((error as OperatingError).code).toBe('CONFIG_INVALID')
        }
      },
    ),
    { numRuns: 400 },
  )
})

test('an unreadable default file is an error, not an absence', () => {
  const place = mkdtempSync(join(dir, 'folder-'))
  mkdirSync(join(place, 'chandler.yaml'))
  expect(refusal(() => loadConfig({ cwd: place })).message).toMatch(/EISDIR/)
  chmodSync(place, 0o755)
})

test('simulated time is read from CHANDLER_CLOCK and from nowhere else', () => {
  expect(clockSimulation({})).toBeUndefined()
  expect(clockSimulation({ CHANDLER_CLOCK: '' })).toBeUndefined()
  expect(clockSimulation({ CHANDLER_CLOCK: '2026-07-01T03:45:00Z@1790000000000x60' })).toEqual({
    instantMs: Date.parse('2026-07-01T03:45:00Z'),
    realMs: 1_790_000_000_000,
    speed: 60,
  })
  expect(refusal(() => clockSimulation({ CHANDLER_CLOCK: 'noon' })).code).toBe('CONFIG_INVALID')
})

test('simulated time never meets a real vendor', () => {
  const simulation = clockSimulation({ CHANDLER_CLOCK: '2026-07-01T03:45:00Z@1790000000000x60' })
  const real = ['angelone.in']
  const local = ['http://127.0.0.1:4000', 'ws://127.0.0.1:4000/smart-stream']
  const vendor = [
    'https://apiconnect.angelone.in',
    'https://APICONNECT.AngelOne.in',
    'https://apiconnect.angelone.in.:443',
    'wss://angelone.in/smart-stream',
  ]
  expect(() => refuseSimulatedTime(simulation, local, real)).not.toThrow()
  expect(() => refuseSimulatedTime(undefined, vendor, real)).not.toThrow()
  expect(() => refuseSimulatedTime(simulation, ['https://notangelone.in'], real)).not.toThrow()
  for (const url of vendor) {
    const error = refusal(() => refuseSimulatedTime(simulation, [...local, url], real))
    expect(error.message).toMatch(/CHANDLER_CLOCK.*angelone\.in is a real vendor's host/)
  }
})

test('a key that may ask 75 times a minute is not slowed down by the interval of a free one', () => {
  const intervalOf = (batch: object): number =>
    load(JSON.stringify({ markets: { us: { batch } } })).markets.us.batch.intervalMs
  expect(intervalOf({})).toBe(1_200)
  expect(intervalOf({ callsPerMinute: 75, callsPerDay: 100_000 })).toBe(800)
  expect(intervalOf({ callsPerMinute: 75, callsPerDay: 100_000, intervalMs: 1_000 })).toBe(1_000)
})
