/** Whose code do we run? What lock file, manifest and npm's settings say, so that nobody else's comes in. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

type Locked = {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly link?: boolean
  readonly inBundle?: boolean
}
type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

const text = (path: string): string => readFileSync(path, 'utf8')
const manifest = JSON.parse(text('package.json')) as Manifest
const lock = JSON.parse(text('package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> }
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
const REGISTRY = 'https://registry.npmjs.org/'

test('every dependency is one exact version, in the manifest and in the lock file', () => {
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(wanted.length).toBeGreaterThan(20)
  expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  const differing = wanted.filter(
    ([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version,
  )
  expect(differing).toEqual([])
})

test('nothing comes from git, a URL, a folder or another registry, and each has its checksum', () => {
  expect(packages.length).toBeGreaterThan(100)
  const strangers = packages.filter(
    ([, { resolved, link }]) => link === true || (resolved !== undefined && !resolved.startsWith(REGISTRY)),
  )
  expect(strangers.map(([path]) => path)).toEqual([])
  const unsealed = packages.filter(
    ([, { integrity, inBundle }]) => !integrity?.startsWith('sha512-') && inBundle !== true,
  )
  expect(unsealed.map(([path]) => path)).toEqual([])
})

test('no package runs a script when it is installed, but the one that brings Node', () => {
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true)
  expect(scripted.map(([path]) => path)).toEqual(['node_modules/node'])
  expect(Object.keys(manifest.dependencies)).not.toContain('node')
  expect(
    Object.keys(manifest.scripts).filter((name) => /^(pre|post)?(install|prepare|publish)/.test(name)),
  ).toEqual([])
})

test("npm's settings take no git dependency and write exact versions, and no secret stands in them", () => {
  const settings = text('.npmrc')
  expect(settings).toMatch(/^save-exact=true$/m)
  expect(settings).toMatch(/^allow-git=none$/m)
  expect(settings).not.toMatch(/token|_auth|password/i)
})

test('the socket that meets the vendor is of a version without the known faults', () => {
  const [major = 0, minor = 0] = (manifest.dependencies.ws ?? '').split('.').map(Number)
  expect(major * 1_000 + minor).toBeGreaterThanOrEqual(8_021)
})
