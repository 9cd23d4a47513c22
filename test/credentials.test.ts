import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import type { Environment } from '../src/config.ts'
import { readCredentials } from '../src/credentials.ts'
import { OperatingError } from '../src/domain/error.ts'

const dir = mkdtempSync(join(tmpdir(), 'chandler-credentials-'))
afterAll(() => rmSync(dir, { recursive: true }))

const COMPLETE: Environment = {
  SMARTAPI_API_KEY: 'key-of-test',
  SMARTAPI_CLIENT_CODE: 'C0000',
  SMARTAPI_PIN: '0000',
  SMARTAPI_TOTP_SECRET: 'JBSWY3DPEHPK3PXP',
}

function secretFile(content: string, mode = 0o600): string {
  const path = join(dir, `secret-${content.length}-${mode}`)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

function refusal(env: Environment): OperatingError {
  try {
    readCredentials(env)
  } catch (error) {
    if (error instanceof OperatingError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test('all that is missing is named in one line', () => {
  const none = refusal({})
  expect(none.code).toBe('CREDENTIALS_MISSING')
  expect(none.message).toMatch(
    /SMARTAPI_API_KEY, SMARTAPI_CLIENT_CODE, SMARTAPI_PIN, SMARTAPI_TOTP_SECRET are not set/,
  )
  expect(none.message).not.toContain('\n')
  const one = refusal({ ...COMPLETE, SMARTAPI_PIN: '' })
  expect(one.message).toMatch(/: SMARTAPI_PIN is not set;/)
})

test('credentials from variables cannot be printed', () => {
  const credentials = readCredentials(COMPLETE)
  expect(credentials.pin.reveal()).toBe('0000')
  expect(credentials.totpSecret.reveal()).toBe('JBSWY3DPEHPK3PXP')
  const shown = `${inspect(credentials, { depth: 9, showHidden: true })} ${JSON.stringify(credentials)}`
  for (const value of Object.values(COMPLETE)) expect(shown).not.toContain(value)
})

test('a secret in a file of its owner is read, without the newline at its end', () => {
  const path = secretFile('1234\r\n')
  const env = { ...COMPLETE, SMARTAPI_PIN: undefined, SMARTAPI_PIN_FILE: path }
  expect(readCredentials(env).pin.reveal()).toBe('1234')
})

test.each([[0o640], [0o604], [0o644], [0o620]])(
  'a secret file that others may open is refused: mode %o',
  (mode) => {
    const env = { ...COMPLETE, SMARTAPI_PIN: undefined, SMARTAPI_PIN_FILE: secretFile('1234', mode) }
    const error = refusal(env)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toMatch(/SMARTAPI_PIN_FILE\) is open to others; chmod 600/)
  },
)

test('what is there but cannot be used is refused without showing it', () => {
  const both = { ...COMPLETE, SMARTAPI_PIN_FILE: secretFile('1234') }
  expect(refusal(both).message).toMatch(/SMARTAPI_PIN and SMARTAPI_PIN_FILE are both set/)
  const absent = { ...COMPLETE, SMARTAPI_PIN: '', SMARTAPI_PIN_FILE: join(dir, 'absent') }
  expect(refusal(absent).message).toMatch(/absent \(SMARTAPI_PIN_FILE\): ENOENT/)
  const folder = mkdtempSync(join(dir, 'folder-'))
  expect(refusal({ ...absent, SMARTAPI_PIN_FILE: folder }).message).toMatch(/SMARTAPI_PIN_FILE\)/)
  expect(refusal({ ...absent, SMARTAPI_PIN_FILE: secretFile('') }).message).toMatch(/is empty/)
  const lines = { ...COMPLETE, SMARTAPI_API_KEY: 'first\r\nsecond' }
  expect(refusal(lines).message).toMatch(/SMARTAPI_API_KEY has a blank or an unprintable character/)
  expect(refusal(lines).message).not.toContain('first')
})

test.each([['not-base32'], ['JBSWY3DPEHPK3PX1'], ['JBSWY3DPEHPK3PXPA'], ['====']])(
  'a TOTP secret that is not base32 is refused without showing it: %s',
  (secret) => {
    const error = refusal({ ...COMPLETE, SMARTAPI_TOTP_SECRET: secret })
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toMatch(/SMARTAPI_TOTP_SECRET is not base32/)
    expect(error.message).not.toContain(secret)
  },
)

test('a TOTP secret may be lower case and padded', () => {
  const env = { ...COMPLETE, SMARTAPI_TOTP_SECRET: 'jbswy3dpehpk3pxpaa======' }
  expect(readCredentials(env).totpSecret.reveal()).toBe('JBSWY3DPEHPK3PXPAA')
})
