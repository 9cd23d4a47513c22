import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { UnixMs } from '../../src/domain/time.ts'
import { formatClockSetting } from '../../src/platform/clock.ts'
import { credentialsOf, type Exchange, fileIn, run, startExchange, tempDir } from '../simulation/processes.ts'

const dir = tempDir('init')
const clock = formatClockSetting({
  instantMs: Date.parse('2026-07-01T03:00:00Z') as UnixMs,
  realMs: Date.now(),
  speed: 1,
})
let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange({ clock, instrumentCount: 12, packetsPerSecond: 1 })
})

afterAll(async () => {
  await exchange.command.end('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

test('a newcomer gets a configuration, the instruments by name, and a tried login', async () => {
  const { restUrl, streamUrl } = exchange
  const config = fileIn(dir, 'stand-in.yaml', { markets: { in: { stream: { restUrl, streamUrl } } } })
  const made = join(dir, 'made')
  const args = ['init', '--dir', made, '--master', restUrl, '--instruments', 'NIFTY 50']
  const first = await run(['--config', config, ...args], { ...credentialsOf('INIT'), CHANDLER_CLOCK: clock })
  expect([first.status, first.stderr]).toEqual([0, expect.not.stringContaining('Error')])
  expect(first.stdout).toContain('credentials: ok')
  const list = readFileSync(join(made, 'instruments.in.csv'), 'utf8')
  expect(list).toBe('exchange,token,symbol,derivatives\nNSE,99926000,Nifty 50,\n')
  const status = await run(['--config', join(made, 'chandler.yaml'), '--json', 'status'])
  expect(status.status).toBe(0)
  const again = await run(args)
  expect(again.status).toBe(1)
  expect(again.stderr).toMatch(
    /^chandler: initialising: .*chandler\.yaml is there already and was left alone/,
  )
}, 30_000)

test('each completion script is sound for its shell, and knows the commands', async () => {
  const { stdout } = await run(['completion', 'bash'])
  execFileSync('bash', ['-n'], { input: stdout })
  const ask = `${stdout}\nCOMP_WORDS=(chandler epoch ad); COMP_CWORD=2; _chandler; echo "\${COMPREPLY[@]}"`
  expect(execFileSync('bash', ['-c', ask]).toString()).toBe('advance\n')
  expect((await run(['completion', 'tcsh'])).status).toBe(2)
})
