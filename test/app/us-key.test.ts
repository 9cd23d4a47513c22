import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readAlphavantageKey } from '../../src/credentials.ts'

const dir = mkdtempSync(join(tmpdir(), 'chandler-us-key-'))
afterAll(() => rmSync(dir, { recursive: true }))

test('the key comes from its variable or from a file that only its owner may read', () => {
  expect(readAlphavantageKey({ ALPHAVANTAGE_API_KEY: 'KEY1' }).reveal()).toBe('KEY1')
  const file = join(dir, 'key')
  writeFileSync(file, 'KEY2\n', { mode: 0o600 })
  expect(readAlphavantageKey({ ALPHAVANTAGE_API_KEY_FILE: file }).reveal()).toBe('KEY2')
  const open = join(dir, 'open')
  writeFileSync(open, 'KEY3\n', { mode: 0o644 })
  expect(() => readAlphavantageKey({ ALPHAVANTAGE_API_KEY_FILE: open })).toThrow(/open to others; chmod 600/)
})

test('a missing key is named with its two variables', () => {
  expect(() => readAlphavantageKey({})).toThrow(
    /ALPHAVANTAGE_API_KEY is not set; .*ALPHAVANTAGE_API_KEY_FILE/,
  )
})
