/**
 * How do the tests run? In two groups, one after the other: what needs nothing but its own process, two files
 * at a time; then what plays sessions with real processes on accelerated time, one file at a time, because
 * on a machine that is busy with something else 60 times the speed is 60 times the hiccup.
 *
 * Processes, not threads: tests open locks and start worker threads of their own.
 */
import { defineConfig, type TestUserConfig, type ViteUserConfig } from 'vitest/config'

const PLAYED = [
  'test/acceptance/**/*.test.ts',
  'test/cli/**/*.test.ts',
  'test/journal/faults.test.ts', // real disks that are full, real system calls that fail
  'test/runbooks/**/*.test.ts',
  'test/simulation/**/*.test.ts',
]

const shared: Pick<
  TestUserConfig,
  'pool' | 'testTimeout' | 'hookTimeout' | 'execArgv' | 'restoreMocks' | 'unstubEnvs'
> = {
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
  execArgv: ['--disable-warning=ExperimentalWarning'],
  // A leaked timer or a stubbed variable must not reach the next test.
  restoreMocks: true,
  unstubEnvs: true,
}

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: [...PLAYED],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'played',
          include: [...PLAYED],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})

export default config
