/** Would the runbooks' test notice? What it reads out of a runbook, and when an output is not as shown. */
import { expect, test } from 'vitest'
import { commandsIn, unlike } from './blocks.ts'

test('commands are read with line, status and output; other blocks are not commands', () => {
  const markdown = [
    'Text with $ a dollar.',
    '```console',
    '$ chandler status',
    'one',
    '',
    'two',
    "$ grep -c '#' file  # exits with 3",
    '```',
    '```yaml',
    '$ no command',
    '```',
    '```console not run: needs systemd',
    '$ systemctl stop it',
    '```',
  ].join('\n')
  expect(commandsIn(markdown)).toEqual([
    { line: 3, text: 'chandler status', status: 0, output: ['one', '', 'two'], notRun: '' },
    { line: 7, text: "grep -c '#' file", status: 3, output: [], notRun: '' },
    { line: 13, text: 'systemctl stop it', status: 0, output: [], notRun: 'needs systemd' },
  ])
})

test('a block that is skipped without a reason is refused', () => {
  expect(() => commandsIn('```console skip\n$ ls\n```')).toThrow('a block says "console skip"')
})

test('what is shown must be what is said, line by line, up to the end', () => {
  const said = ['a 12 ms', 'b', 'c', 'd (e)']
  expect(unlike(said, said)).toBe(null)
  expect(unlike(['a … ms', '…', 'd (e)'], said)).toBe(null)
  expect(unlike(['a … ms', '…'], said)).toBe(null)
  expect(unlike(['…', 'c', '…'], said)).toBe(null)
  expect(unlike(['a … ms', 'c', '…'], said)).toBe('c')
  expect(unlike(['a 12 ms', 'b', 'c'], said)).toBe('the end, instead of: d (e)')
  expect(unlike([], said)).toBe('the end, instead of: a 12 ms')
  expect(unlike(['…', 'd .e.'], said)).toBe('d .e.')
  expect(unlike(['…', 'c', '…', 'b', '…'], said)).toBe('b')
})
