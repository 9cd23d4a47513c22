/**
 * Does a lake that is being written look damaged? A file is published just when `verify` opens its folder.
 */
import { expect, test, vi } from 'vitest'
import { verifyLake } from '../../src/store/verify.ts'
import { publisherAt, tempFolder } from './kit.ts'
import { DAY, sampleInstruments, sampleTable } from './tables.ts'

const hooks = vi.hoisted(() => ({ beforeListing: (_path: string): void => {} }))

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>()
  const readdirSync = (path: string, options: never): unknown => {
    hooks.beforeListing(path)
    return fs.readdirSync(path, options)
  }
  return { ...fs, readdirSync }
})

test('what a worker publishes while we look is not damage', () => {
  const dir = tempFolder()
  const publisher = publisherAt(dir, sampleInstruments(2))
  let hhmm = 915
  const publishOne = (): void => {
    const { columns } = sampleTable(2, [hhmm - 915])
    publisher.publish({ file: { kind: 'part', day: DAY, hhmm: `0${hhmm++}` }, columns, journalToSeq: 1 })
  }
  publishOne()
  let listingCount = 0
  hooks.beforeListing = (path) => {
    if (!path.includes('staging/in/candles')) return
    listingCount++
    publishOne()
  }
  const report = verifyLake(dir, 'in')
  hooks.beforeListing = () => {}
  expect(listingCount).toBeGreaterThan(0)
  expect(report.findings.filter(({ damage }) => damage)).toEqual([])
})
