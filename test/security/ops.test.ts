/** Do the files of ops/ close what they promise to close, and speak of what there is? */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { knownMetrics, metricFaults, namedRunbooks, screenFaults } from './ops-metrics.ts'

const unit = readFileSync('ops/systemd/chandler@.service', 'utf8')
const compose = parse(readFileSync('ops/docker/compose.yaml', 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
const dockerfile = readFileSync('ops/docker/Dockerfile', 'utf8')

test('alerts, panels and the watching screen speak only of metrics that a daemon tells', () => {
  expect(knownMetrics().size).toBeGreaterThan(25)
  expect(metricFaults()).toEqual([])
  expect(screenFaults()).toEqual([])
})

test('every alert names a runbook that is there', () => {
  expect(namedRunbooks().length).toBeGreaterThan(10)
  expect(namedRunbooks().filter((path) => !existsSync(path))).toEqual([])
})

test.each([
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'CapabilityBoundingSet=',
  'RestrictNamespaces=yes',
  'LockPersonality=yes',
  'SystemCallFilter=@system-service',
  'UMask=0077',
  'LimitCORE=0',
  'WatchdogSec=60',
  'User=chandler',
])('the systemd unit says %s', (line) => {
  expect(unit.split('\n')).toContain(line)
})

test('no secret is a value in a unit, a compose file or an image', () => {
  for (const text of [unit, readFileSync('ops/docker/compose.yaml', 'utf8'), dockerfile]) {
    expect(text).not.toMatch(/(KEY|PIN|SECRET|CODE)["']?\s*[:=]\s*["']?[A-Za-z0-9]/)
  }
})

test('each container is nobody in particular, cannot write its root and opens no port', () => {
  const services = Object.values(compose.services)
  expect(services).toHaveLength(2)
  for (const service of services) {
    expect(service).toMatchObject({
      read_only: true,
      user: '10001:10001',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
    expect(service.ports).toBeUndefined()
    expect(service.privileged).toBeUndefined()
    expect(service.network_mode).toBeUndefined()
  }
  expect(dockerfile).toMatch(/^USER chandler$/m)
  expect(dockerfile).toMatch(/^HEALTHCHECK /m)
})
