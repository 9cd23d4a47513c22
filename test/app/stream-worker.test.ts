/** How does a worker end that was asked to before it could begin, or whose disk gives up? */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lockIndia } from '../../src/app/india-day.ts'
import { runStream } from '../../src/app/stream-worker.ts'
import { createClock } from '../../src/platform/clock.ts'
import { tempFolder } from '../store/kit.ts'
import { at } from '../support/session-kit.ts'
import { contextIn, DAY, type TestContext } from './kit.ts'

/** Real waits, on the test's day. */
function inRealTime(context: TestContext, speed: number): TestContext {
  const simulation = { instantMs: at('08:00'), realMs: Date.now(), speed }
  return { ...context, clock: createClock(simulation) as never, simulation }
}

test('asked to stop while the vendor does not let it in, it ends in good order', async () => {
  const context = contextIn(tempFolder())
  const log = {
    ...context.log,
    warn: (message: string) => {
      if (message.includes('login failed')) context.abort()
    },
  }
  const result = await runStream({ ...inRealTime(context, 100), log })
  expect(result).toEqual({ kind: 'stopped', date: DAY.date })
  lockIndia(context.config).release() // it is free again
})

test('asked to stop before it began, it does not begin', async () => {
  const context = contextIn(tempFolder())
  context.abort()
  expect(await runStream(inRealTime(context, 1))).toEqual({ kind: 'stopped', date: DAY.date })
  expect(readdirSync(context.config.dataDir)).toEqual(['.lock'])
})

test('where another worker runs it does not begin, and asks the vendor nothing', async () => {
  const context = contextIn(tempFolder())
  const lock = lockIndia(context.config)
  await expect(runStream(inRealTime(context, 1))).rejects.toMatchObject({ code: 'LOCK_HELD' })
  lock.release()
  expect(context.logLines).toEqual([])
})
