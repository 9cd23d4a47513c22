/**
 * Is what a runbook tells true? Every command that it shows is typed, in order, in the situation that it is
 * for, and must end as shown and say what is shown. What needs another machine is marked with its reason
 * and counted.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Checklist } from '../../src/domain/checklist.ts'
import { commandsIn, unlike } from './blocks.ts'
import { SCENES, Workshop } from './scenes.ts'

const RUNBOOKS = globSync('runbooks/*.md').filter((path) => basename(path) !== 'README.md')
const SECTIONS = ['## When', '## What you see', '## Do', '## How to know that it worked']
/** systemd, packages, a second machine: what a test cannot have. */
const NOT_RUN_MAX = 8

let workshop: Workshop
beforeAll(async () => {
  workshop = new Workshop()
  await workshop.lake('gated')
}, 60_000)
afterAll(() => workshop.remove())

test('there is a runbook for every situation, and a situation for every runbook', () => {
  const names = RUNBOOKS.map((path) => basename(path, '.md'))
  expect(names.toSorted()).toEqual(Object.keys(SCENES).toSorted())
})

test('every runbook has the sections that a person in a hurry looks for', () => {
  for (const path of RUNBOOKS) {
    const headings = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('## '))
    expect(headings, path).toEqual(SECTIONS)
  }
})

test('commands that cannot be tried here say why, and are few', () => {
  const notRun = RUNBOOKS.flatMap((path) => commandsIn(readFileSync(path, 'utf8'))).filter(
    (command) => command.notRun !== '',
  )
  expect(notRun.length).toBeLessThanOrEqual(NOT_RUN_MAX)
})

for (const path of RUNBOOKS) {
  const name = basename(path, '.md')
  test(`${name}: every command ends and says as shown`, async () => {
    const commands = commandsIn(readFileSync(path, 'utf8')).filter(({ notRun }) => notRun === '')
    expect(commands.length).toBeGreaterThan(0)
    const stage = await workshop.stage(name)
    try {
      for (const { line, text, status, output } of commands) {
        const typed = await stage.type(text)
        const said = `${path}:${line}: ${text}\n${typed.lines.join('\n')}`
        expect(typed.status, said).toBe(status)
        expect(unlike(output, typed.lines), said).toBe(null)
      }
    } finally {
      await stage.end()
    }
  })
}

test('with a live feed the morning has no failure, and it is signed once', async () => {
  const at = '2026-07-02T09:16:00+05:30'
  const stage = await workshop.stage('live-morning', { at, lake: 'morning', hasDaemon: true })
  try {
    await stage.becomes('curl -s http://127.0.0.1:8000/metrics', /^chandler_feed_shards_live\S* [1-9]/)
    const signed = await stage.type('chandler --json sod --market in --operator asha')
    const list = JSON.parse(signed.lines.at(-1)!) as Checklist
    expect(list.items.filter(({ outcome }) => outcome === 'fail')).toEqual([])
    expect(list.items.find(({ name }) => name === 'raw')?.says).toMatch(/^the journal grows: \d+ packet/)
    expect(list.completed).toMatchObject({ operator: 'asha', isNew: true })
    const again = await stage.type('chandler sod --market in --operator ravi')
    expect(again.lines.at(-1)).toBe(`SOD complete: asha, event ${list.completed?.eventIndex}, signed before`)
  } finally {
    await stage.end()
  }
})
