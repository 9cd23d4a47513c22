/**
 * How do the tests run? `vitest run` takes every test that ends within seconds; `vitest run --mode long`
 * takes the long simulations (`*.long.test.ts`) and nothing else. Processes, not threads: tests open locks
 * and start worker threads of their own.
 */
import { defineConfig, type ViteUserConfigFnObject } from 'vitest/config'

const LONG = 'test/**/*.long.test.ts'

const config: ViteUserConfigFnObject = defineConfig(({ mode }) => ({
  test: {
    include: mode === 'long' ? [LONG] : ['test/**/*.test.ts'],
    exclude: mode === 'long' ? [] : [LONG],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: mode === 'long' ? 30 * 60_000 : 30_000,
    hookTimeout: 30_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // A leaked timer or a stubbed variable must not reach the next test.
    restoreMocks: true,
    unstubEnvs: true,
  },
}))

export default config
