/** Is what somebody sees who looks again and again what one reading of the whole journal says? */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { indiaJournalDir } from '../../src/app/india-day.ts'
import { DayReading } from '../../src/app/status-day.ts'
import { tempFolder } from '../store/kit.ts'
import { contextIn, DAY, DayRun, type TestContext } from './kit.ts'

const dirOf = ({ config }: TestContext): string => indiaJournalDir(config, DAY.date)

function seen(reading: DayReading): object {
  const { fold, lastSeq, sizeBytes, segmentCount } = reading.look()
  return {
    lastSeq,
    sizeBytes,
    segmentCount,
    packets: fold.packetCount(),
    outcomes: fold.outcomes(),
    gaps: fold.gaps(),
    heardMs: fold.lastReceivedMs(),
    minute: fold.firstOpenMinute(),
  }
}

/** One that never looked before, with the checkpoint out of its way. */
const whole = (context: TestContext): object => {
  const dir = dirOf(context)
  rmSync(join(dir, 'checkpoint'), { force: true })
  return seen(new DayReading(dir, DAY.date))
}

const time = (minute: number, second: number): string =>
  `09:${String(minute).padStart(2, '0')}:${String(second).padStart(2, '0')}`

async function play(run: DayRun, from: number, to: number): Promise<void> {
  for (let minute = from; minute < to; minute++) {
    for (const second of [5, 20, 40])
      run.packet(time(minute, second), { price: 29_000, dayVolume: minute * 60 + second })
    run.minute(time(minute, 0).slice(0, 5))
  }
  await run.day.published()
  await run.day.journal.whenDurable(run.day.journal.committedSeq())
}

test('each look goes on where the last one stopped, and sees what the whole journal says', async () => {
  const context = contextIn(tempFolder())
  const reading = new DayReading(dirOf(context), DAY.date)
  const run = (await DayRun.open(context)).start('08:55')
  await play(run, 15, 18)
  const first = reading.look()
  expect(seen(reading)).toEqual(whole(context))
  await play(run, 18, 20)
  const second = reading.look()
  expect(second.fold).toBe(first.fold)
  expect(second.lastSeq).toBeGreaterThan(first.lastSeq)
  expect(seen(reading)).toEqual(whole(context))
  expect(reading.look()).toBe(second)
  await run.end('09:20:30')
  expect(seen(reading)).toEqual(whole(context))
})

test('a look from a checkpoint, or from one that is damaged, sees the same', async () => {
  const context = contextIn(tempFolder())
  const dir = dirOf(context)
  const run = (await DayRun.open(context)).start('08:55')
  await play(run, 15, 24)
  while (!existsSync(join(dir, 'checkpoint'))) await pause(5)
  await play(run, 24, 26)
  const fromCheckpoint = seen(new DayReading(dir, DAY.date))
  writeFileSync(join(dir, 'checkpoint'), 'no checkpoint at all')
  expect(seen(new DayReading(dir, DAY.date))).toEqual(fromCheckpoint)
  expect(whole(context)).toEqual(fromCheckpoint)
  await run.end('09:26:30')
})
