/**
 * Does the package work for somebody who installs it? Builds and packs it aside, installs the file with
 * `npm install --global` under a prefix of its own, without development tools, and then does in an empty
 * folder what the README says: the demo, `init` against the stand-in, a daemon until it is well. By hand, in
 * a minute:
 *
 *     npm run smoke
 *
 * prints one line of JSON and ends with status 1 if anything was not as it is promised.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { TEST_TOTP_SECRET } from '../src/sim/smartapi/logins.ts'

const DEMO_SPEED = '1500'
const WELL_MAX_MS = 60_000
const CLOCK = `2026-07-01T03:50:00.000Z@${Date.now()}x1`

const dir = mkdtempSync(join(tmpdir(), 'chandler-smoke-'))
const desk = join(dir, 'desk')
const prefix = join(dir, 'global')
const program = join(prefix, 'bin/chandler')
/** Nothing of this checkout's: the Node that runs us, and what every shell has. */
const environment = {
  PATH: [join(prefix, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
  HOME: dir,
  SMARTAPI_API_KEY: 'smoke-key',
  SMARTAPI_CLIENT_CODE: 'SMOKE',
  SMARTAPI_PIN: '4321',
  SMARTAPI_TOTP_SECRET: TEST_TOTP_SECRET,
}
const started: ChildProcess[] = []

function chandler(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  return execFileSync(program, args, { cwd: desk, env: { ...environment, ...env }, encoding: 'utf8' })
}

/** Begins one that stays; resolves with its first line of JSON. */
async function begin(
  args: readonly string[],
): Promise<{ child: ChildProcess; answer: Record<string, unknown> }> {
  const env = { ...environment, CHANDLER_CLOCK: CLOCK }
  const child = spawn(program, args, { cwd: desk, env, stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(child)
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  return { child, answer: JSON.parse(line) as Record<string, unknown> }
}

/** The package as it would be published; the checkout's own dist is left alone. */
function packed(): { readonly file: string; readonly fileCount: number; readonly unpackedSize: number } {
  const stage = join(dir, 'stage')
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly files: readonly string[] }
  mkdirSync(stage)
  execFileSync(process.execPath, ['scripts/build.ts', join(stage, 'dist')], { stdio: 'inherit' })
  for (const name of ['package.json', ...files.filter((one) => one !== 'dist')]) {
    if (!existsSync(name)) throw new Error(`package.json promises ${name}, and it is not there`)
    cpSync(name, join(stage, name), { recursive: true })
  }
  const text = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', dir], {
    cwd: stage,
    encoding: 'utf8',
  })
  const [{ filename, files: held, unpackedSize }] = JSON.parse(text) as [
    { filename: string; files: readonly unknown[]; unpackedSize: number },
  ]
  return { file: join(dir, filename), fileCount: held.length, unpackedSize }
}

function playDemo(): { readonly candles: number; readonly unbalanced: number; readonly verdict: string } {
  const { report, verdict } = JSON.parse(chandler(['demo', '--json', '--speed', DEMO_SPEED])) as {
    report: { candles: { total: number }; conservation: readonly { balanced: boolean }[] }
    verdict: { verdict: string }
  }
  const unbalanced = report.conservation.filter(({ balanced }) => !balanced).length
  return { candles: report.candles.total, unbalanced, verdict: verdict.verdict }
}

/** As the README has it, but for the vendor: the stand-in's addresses go into the configuration. */
async function runDaemon(): Promise<{
  readonly health: number
  readonly states: string
  readonly ended: unknown
}> {
  const { answer: vendor } = await begin(['sim', 'smartapi', '--instruments', '12', '--rate', '1'])
  const { restUrl, streamUrl } = vendor as { restUrl: string; streamUrl: string }
  chandler(['init', '--instruments', 'NIFTY 50', '--master', restUrl], { CHANDLER_CLOCK: CLOCK })
  const config = join(desk, 'chandler.yaml')
  const addresses = `    stream:\n      restUrl: ${restUrl}\n      streamUrl: ${streamUrl}\n`
  const ports = readFileSync(config, 'utf8').replace(/port: 800\d/g, 'port: 0')
  writeFileSync(config, ports.replace('    stream:\n', addresses))
  const { child, answer } = await begin(['--json', 'daemon', '--market', 'in'])
  const url = `http://127.0.0.1:${String(answer.port)}/health`
  let page = { status: 0, running: '' }
  for (let waitedMs = 0; waitedMs < WELL_MAX_MS; waitedMs += 100) {
    const reply = await fetch(url)
    const { running } = (await reply.json()) as { running: string | null }
    page = { status: reply.status, running: running ?? '' }
    const status = JSON.parse(chandler(['--json', 'status'])) as {
      markets: { in: { feed: { liveCount: number } | null } }
    }
    // The page was asked first: what it says must be as new as what the files say.
    const isLive = (status.markets.in.feed?.liveCount ?? 0) > 0
    if (page.status === 200 && page.running !== '' && isLive) break
    await pause(100)
  }
  const { markets } = JSON.parse(chandler(['--json', 'status'], { CHANDLER_CLOCK: CLOCK })) as {
    markets: { in: { workerRunning: boolean; feed: { liveCount: number } | null } }
  }
  child.kill('SIGTERM')
  const [ended] = (await once(child, 'exit')) as [number | null]
  const { workerRunning, feed } = markets.in
  return { health: page.status, states: `${page.running} ${workerRunning} ${feed?.liveCount ?? 0}`, ended }
}

try {
  mkdirSync(desk)
  const { file, fileCount, unpackedSize } = packed()
  const install = ['install', '--global', '--prefix', prefix, '--omit=dev', '--no-audit', '--no-fund', file]
  execFileSync('npm', install, { cwd: desk, stdio: ['ignore', 'ignore', 'inherit'] })
  const modules = join(prefix, 'lib/node_modules/chandler/node_modules')
  const hasTools = ['vitest', 'typescript', 'node', 'fast-check'].some((name) =>
    existsSync(join(modules, name)),
  )
  const demo = playDemo()
  const daemon = await runDaemon()
  execFileSync('bash', ['-n'], { input: chandler(['completion', 'bash']) })
  const isAsPromised =
    !hasTools &&
    demo.candles > 0 &&
    demo.unbalanced === 0 &&
    daemon.health === 200 &&
    daemon.states === 'stream@2026-07-01 true 1' &&
    daemon.ended === 0
  const figures = { fileCount, unpackedSize, hasTools, demo, daemon, isAsPromised }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  process.exitCode = isAsPromised ? 0 : 1
} finally {
  for (const child of started) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
}
