/** How does the process end that met a defect, and what does it read of the paths and symbols it is given? */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fileIn, run, tempDir } from '../simulation/processes.ts'
import { firstLine, InstalledCommand } from './installed.ts'

const dir = tempDir('process')
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const DEFECTS: readonly (readonly [string, string])[] = [
  ['an exception that nobody caught', 'setTimeout(() => { throw new Error("lost its way") }, 500)'],
  ['a promise that nobody awaited', 'setTimeout(() => { Promise.reject(new Error("lost its way")) }, 500)'],
]

test.each(DEFECTS)('%s ends the process with a line, its stack and status 1', async (_name, code) => {
  const module = fileIn(dir, `defect-${code.length}.mjs`, code)
  const args = ['--data-dir', join(dir, 'data'), 'status', '--watch']
  const command = new InstalledCommand(args, {}, `${firstLine()} --import ${module}`)
  expect(await command.ended).toBe(1)
  expect(command.text).toMatch(/^chandler: lost its way$/m)
  expect(command.text).toMatch(/^chandler: this is a defect; please report the lines above$/m)
})

const BASE = ['--data-dir', join(dir, 'data'), 'candles']

test.each([
  [[...BASE, '../../../../etc/passwd', '--market', 'us']],
  [[...BASE, "QAAA' OR '1'='1", '--date', '2026-07-01']],
  [[...BASE, 'QAAA', '--date', "2026-07-01'; COPY (SELECT 1) TO '/tmp/x'; --"]],
  [[...BASE, 'QAAA', '--market', 'us', '--date', '../../../etc']],
])('a path or SQL as symbol or date is refused as a name that is not there: %j', async (args) => {
  const { status, stdout, stderr } = await run(args)
  expect([1, 2]).toContain(status)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^chandler: /)
  expect(stderr).not.toMatch(/root:|\bat .*\.ts:|defect/)
})
