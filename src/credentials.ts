/**
 * Who are we to the vendor? Each secret comes from a variable, or from a file that the variable of the same
 * name with `_FILE` points to (what systemd and container platforms give). Errors name the variable and
 * never show a value, not even a part of it.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { type Environment, processEnvironment } from './config.ts'
import { messageOf, OperatingError } from './domain/error.ts'
import { Secret } from './domain/secret.ts'
import type { Credentials } from './domain/venue.ts'

/**
 * SMARTAPI_API_KEY, _CLIENT_CODE, _PIN and _TOTP_SECRET, or files named by the same with `_FILE`. Throws
 * CREDENTIALS_MISSING naming all that are missing, CONFIG_INVALID for what is there but cannot be used.
 */
export function readCredentials(env: Environment = processEnvironment): Credentials {
  const missing: string[] = []
  const take = (name: string): Secret => {
    const value = readSecret(name, env)
    if (value === null) missing.push(name)
    return new Secret(value ?? '')
  }
  const apiKey = take('SMARTAPI_API_KEY')
  const clientCode = take('SMARTAPI_CLIENT_CODE')
  const pin = take('SMARTAPI_PIN')
  const totp = take('SMARTAPI_TOTP_SECRET')
  if (missing.length > 0) {
    throw new OperatingError(
      `reading credentials: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set; ` +
        'set each, or name a file with the same variable and _FILE',
      { code: 'CREDENTIALS_MISSING' },
    )
  }
  return { apiKey, clientCode, pin, totpSecret: base32Secret('SMARTAPI_TOTP_SECRET', totp) }
}

/** ALPHAVANTAGE_API_KEY, or the file named by ALPHAVANTAGE_API_KEY_FILE. Throws as `readCredentials` does. */
export function readAlphavantageKey(env: Environment = processEnvironment): Secret {
  const name = 'ALPHAVANTAGE_API_KEY'
  const value = readSecret(name, env)
  if (value !== null) return new Secret(value)
  throw new OperatingError(
    `reading credentials: ${name} is not set; set it, or name a file with ${name}_FILE; ` +
      'a free key is given at https://www.alphavantage.co/support/#api-key',
    { code: 'CREDENTIALS_MISSING' },
  )
}

function readSecret(name: string, env: Environment): string | null {
  const direct = env[name] ?? ''
  const file = env[`${name}_FILE`] ?? ''
  if (direct !== '' && file !== '') {
    throw unusable(`${name} and ${name}_FILE are both set; unset one`)
  }
  const value = file === '' ? direct : readSecretFile(`${name}_FILE`, file)
  if (value === '') return null
  // A secret becomes a header: a blank or a line break in it is a slip of the editor.
  if (/^[\x21-\x7e]+$/.test(value)) return value
  throw unusable(`${name} has a blank or an unprintable character; remove it`)
}

function readSecretFile(variable: string, file: string): string {
  let fd: number | null = null
  try {
    fd = openSync(file, 'r')
    if ((fstatSync(fd).mode & 0o077) !== 0) {
      throw unusable(`${file} (${variable}) is open to others; chmod 600 it`)
    }
    const value = readFileSync(fd, 'utf8').replace(/\r?\n$/, '')
    if (value === '') throw unusable(`${file} (${variable}) is empty; write the secret to it`)
    return value
  } catch (error) {
    if (error instanceof OperatingError) throw error
    throw unusable(`${file} (${variable}): ${messageOf(error)}; check the path`, error)
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

function base32Secret(name: string, secret: Secret): Secret {
  const text = secret.reveal().toUpperCase().replace(/=+$/, '')
  // Eight characters carry five bytes: no whole number of bytes leaves 1, 3 or 6 characters over.
  if (/^[A-Z2-7]+$/.test(text) && ![1, 3, 6].includes(text.length % 8)) return new Secret(text)
  throw unusable(`${name} is not base32; it is the text beside the QR code, A-Z and 2-7`)
}

function unusable(what: string, cause?: unknown): OperatingError {
  return new OperatingError(`reading credentials: ${what}`, { code: 'CONFIG_INVALID', cause })
}
