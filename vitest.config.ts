/**
 * How do the tests run? In three groups, one after the other: what needs nothing but its own process, and
 * what runs commands to their end, two files at a time; then what plays sessions with real processes on
 * accelerated time, one file at a time, because on a machine that is busy with something else 60 times the
 * speed is 60 times the hiccup.
 *
 * Processes, not threads: tests open locks and start worker threads of their own.
 */
import { defineConfig, type TestUserConfig, type ViteUserConfig } from 'vitest/config'

const PLAYED = [
  'test/journal/faults.test.ts', // real disks that are full, real system calls that fail
  'test/simulation/{daemon,faults,kill-loop,worker-life}.test.ts',
]

const COMMANDS = [
  'test/cli/**/*.test.ts',
  'test/runbooks/**/*.test.ts',
  'test/security/**/*.test.ts',
  'test/simulation/**/*.test.ts',
]

type Shared = Pick<
  TestUserConfig,
  'pool' | 'testTimeout' | 'hookTimeout' | 'execArgv' | 'restoreMocks' | 'unstubEnvs'
>

const shared: Shared = {
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
  execArgv: ['--disable-warning=ExperimentalWarning'],
  // A leaked timer or a stubbed variable must not reach the next test.
  restoreMocks: true,
  unstubEnvs: true,
}

type Project = { readonly test: TestUserConfig & { readonly name: string } }

function group(
  groupOrder: number,
  name: string,
  files: Pick<TestUserConfig, 'include' | 'exclude'>,
): Project {
  const maxWorkers = name === 'played' ? 1 : 2
  return { test: { ...shared, ...files, name, maxWorkers, sequence: { groupOrder } } }
}

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      group(0, 'rooms', { include: ['test/**/*.test.ts'], exclude: [...PLAYED, ...COMMANDS] }),
      group(1, 'commands', { include: COMMANDS, exclude: PLAYED }),
      group(2, 'played', { include: PLAYED }),
    ],
  },
})

export default config
