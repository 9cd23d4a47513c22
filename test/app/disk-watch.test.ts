/** A worker ends in good order before the disk is full. */
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { watchDisk } from '../../src/app/disk-watch.ts'
import type { IndiaContext } from '../../src/app/vendor.ts'
import { loadConfig } from '../../src/config.ts'
import type { OperatingError } from '../../src/domain/error.ts'
import { freeBytesAt } from '../../src/platform/durable.ts'
import { tempFolder } from '../store/kit.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** A context whose limits are placed around what is really free here. */
function contextWith(
  diskWarnBytes: number,
  diskStopBytes: number,
): { context: IndiaContext; lines: string[] } {
  const lines: string[] = []
  const base = loadConfig({ dataDir: '.' })
  const journal = { ...base.markets.in.journal, diskWarnBytes, diskStopBytes }
  const config = { ...base, markets: { ...base.markets, in: { ...base.markets.in, journal } } }
  const warn = (line: string): void => void lines.push(line)
  const log = { info: () => {}, warn, error: () => {}, pass: () => {} }
  return { context: { config, clock: new ManualClock(0), log } as unknown as IndiaContext, lines }
}

const FREE_BYTES = freeBytesAt('.')
const TOO_MUCH_BYTES = FREE_BYTES * 2 + 1_048_576

test('a disk with too little room refuses the start in one line that says how much is free', () => {
  const { context } = contextWith(TOO_MUCH_BYTES, TOO_MUCH_BYTES)
  expect(() => watchDisk(context, () => {})).toThrow(
    /MiB are free and the worker stops below \d+; free space/,
  )
})

test('a disk that is filling up is warned of once, not every time it is looked at', async () => {
  const { context, lines } = contextWith(TOO_MUCH_BYTES, 0)
  const errors: OperatingError[] = []
  const stop = watchDisk(context, (error) => errors.push(error))
  await (context.clock as ManualClock).advance(60_000)
  stop()
  expect(lines).toEqual(['the disk is filling up'])
  expect(errors).toEqual([])
  expect((context.clock as ManualClock).timerCount).toBe(0)
})

test('a disk that cannot be looked at any more ends the worker, in one line', async () => {
  const { context } = contextWith(0, 0)
  const dir = tempFolder()
  const errors: OperatingError[] = []
  const stop = watchDisk({ ...context, config: { ...context.config, dataDir: dir } }, (error) =>
    errors.push(error),
  )
  rmSync(dir, { recursive: true })
  await (context.clock as ManualClock).advance(5_000)
  stop()
  expect(errors.map(({ code }) => code)).toEqual(['DIR_UNUSABLE'])
  expect(errors[0]!.message).toContain(dir)
})

test('a disk with room is not spoken of', async () => {
  const { context, lines } = contextWith(0, 0)
  const stop = watchDisk(context, () => {})
  await (context.clock as ManualClock).advance(60_000)
  stop()
  expect(lines).toEqual([])
})
