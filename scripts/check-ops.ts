/**
 * Do the files of ops/ say what the program does? By hand, after any change there or to a metric:
 *
 *     npm run check:ops
 *
 * Asks promtool, systemd-analyze and docker where the machine has them, and says where it has not: what was
 * not checked is never counted as sound. The names of metrics are compared in any case.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { metricFaults } from '../test/security/ops-metrics.ts'

type Outcome = { readonly what: string; readonly state: 'ok' | 'failed' | 'not here'; readonly says: string }

const UNIT = 'ops/systemd/chandler@.service'
/** The scale of systemd-analyze: 0 is closed, 10 is open. */
const EXPOSURE_MAX = 2

function ask(what: string, program: string, args: readonly string[], cwd = '.'): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) return { what, state: 'not here', says: `${program} is not on this machine` }
  const says = `${stdout}${stderr}`.trim()
  return {
    what,
    state: status === 0 ? 'ok' : 'failed',
    says: status === 0 ? says.split('\n').at(-1)!.trim() || 'sound' : says,
  }
}

function prometheus(): readonly Outcome[] {
  return [
    ask('alert rules', 'promtool', ['check', 'rules', 'alerts.yml'], 'ops/prometheus'),
    ask('alert rules against series', 'promtool', ['test', 'rules', 'alerts.test.yml'], 'ops/prometheus'),
    ask('prometheus configuration', 'promtool', ['check', 'config', 'prometheus.yml'], 'ops/prometheus'),
  ]
}

/** Verified as an instance, with a program that exists in the place of ours. */
function systemd(): readonly Outcome[] {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-ops-'))
  try {
    const unit = join(dir, 'chandler@in.service')
    writeFileSync(unit, readFileSync(UNIT, 'utf8'))
    const verified = ask('systemd unit', 'systemd-analyze', [
      'verify',
      '--man=no',
      '--recursive-errors=no',
      unit,
    ])
    const limit = `--threshold=${EXPOSURE_MAX * 10}`
    const measured = ask('systemd exposure', 'systemd-analyze', ['security', '--offline=true', limit, unit])
    const [figure = ''] = /Overall exposure level.*/.exec(measured.says) ?? []
    return [verified, { ...measured, says: figure || measured.says }]
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Secrets and configuration are only named, so nothing has to be there. Both are plug-ins of docker. */
function docker(): readonly Outcome[] {
  const withPlugIn = (what: string, plugIn: string, args: readonly string[]): Outcome => {
    const has = spawnSync('docker', [plugIn, 'version']).status === 0
    return has ? ask(what, 'docker', args) : { what, state: 'not here', says: `docker ${plugIn} is not here` }
  }
  return [
    withPlugIn('compose file', 'compose', ['compose', '-f', 'ops/docker/compose.yaml', 'config', '--quiet']),
    withPlugIn('Dockerfile', 'buildx', ['buildx', 'build', '--check', '-f', 'ops/docker/Dockerfile', '.']),
  ]
}

const faults = metricFaults()
const metrics: Outcome = {
  what: 'metrics by name',
  state: faults.length === 0 ? 'ok' : 'failed',
  says: faults.join('\n') || 'every metric of ops/ is one of ours',
}
const outcomes = [metrics, ...prometheus(), ...systemd(), ...docker()]
for (const { what, state, says } of outcomes) {
  process.stdout.write(`${state.padEnd(8)}  ${what}: ${says.replaceAll('\n', '\n          ')}\n`)
}
process.exitCode = outcomes.some(({ state }) => state === 'failed') ? 1 : 0
