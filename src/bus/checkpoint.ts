/**
 * How is a moment of the chain made provable? By a checkpoint: its size, tree head, head and bytes, signed
 * with Ed25519, as a signed note of C2SP (tlog-checkpoint), which existing tools and witnesses read:
 *
 *     chandler/events/in                                  origin, also the name of the key
 *     128                                                 how many events
 *     zL4mHGm2Y6jqaYq0lNDY0n6B8l9tq1T3P7Vhs5sQ8mM=        RFC 6962 tree head over their checksums
 *     head 9e12e73e…                                      checksum of the last of them
 *     bytes 63104                                         of the file up to the end of its line
 *
 *     — chandler/events/in 8Zk0aB…                        4 bytes of the key's hash, 64 of signature
 *
 * The two lines behind the tree head are extension lines; they let a reader compare without building a tree.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import { fileError, linkInto, makeDir, removeFile, writeNewFile } from '../platform/durable.ts'

export type Checkpoint = {
  readonly origin: string
  readonly eventCount: number
  /** Base64. */
  readonly root: string
  readonly head: string
  readonly sizeBytes: number
}

export type SigningKey = {
  readonly name: string
  /** `<name>+<hash>+<base64>`, the public half in the form of C2SP. */
  readonly verifier: string
  sign(checkpoint: Checkpoint): string
}

const ED25519 = 1
const SIGNATURE_BYTES = 64
const KEY_HASH_BYTES = 4

export function keyPath(dir: string): string {
  return join(dir, 'checkpoint.key')
}

/** Makes the key, readable by its owner only, where there is none. */
export function openSigningKey(path: string, name: string): SigningKey {
  const key = createPrivateKey(readKey(path) ?? makeKey(path))
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new OperatingError(
      `reading the key ${path}: it is not of Ed25519; move it aside to get a new one`,
      {
        code: 'KEY_REFUSED',
      },
    )
  }
  const publicBytes = rawPublicKey(key)
  const keyHash = keyHashOf(name, publicBytes)
  const encoded = Buffer.concat([Buffer.of(ED25519), publicBytes]).toString('base64')
  return {
    name,
    verifier: `${name}+${keyHash.toString('hex')}+${encoded}`,
    sign(checkpoint) {
      const body = bodyOf(checkpoint)
      const signature = Buffer.concat([keyHash, sign(null, Buffer.from(body), key)])
      return `${body}\n— ${name} ${signature.toString('base64')}\n`
    },
  }
}

function readKey(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw fileError('reading the key of the checkpoints', path, error)
  }
}

function makeKey(path: string): string {
  const { privateKey } = generateKeyPairSync('ed25519')
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const temp = `${path}.tmp`
  try {
    makeDir(dirname(path))
    removeFile(temp)
    writeNewFile(temp, Buffer.from(text))
    linkInto(temp, path)
  } catch (error) {
    throw fileError('making the key of the checkpoints', path, error)
  }
  return text.toString()
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url')
}

/** What tells keys of one name apart: `sha256(name, newline, algorithm, key)`, its first 4 bytes. */
function keyHashOf(name: string, publicBytes: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), publicBytes])
  return hash('sha256', named, 'buffer').subarray(0, KEY_HASH_BYTES)
}

function bodyOf({ origin, eventCount, root, head, sizeBytes }: Checkpoint): string {
  return `${origin}\n${eventCount}\n${root}\nhead ${head}\nbytes ${sizeBytes}\n`
}

const BODY =
  /([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\nhead ([0-9a-f]{64})\nbytes (0|[1-9]\d{0,15})\n/
const NOTE = new RegExp(`${BODY.source}\\n((?:— [^\\n]+\\n)+)`, 'g')

export type SignedNote = {
  readonly text: string
  readonly checkpoint: Checkpoint
  readonly signatures: readonly { readonly name: string; readonly bytes: Buffer }[]
}

/** Every note in a text; a file may hold many, one behind the other. */
export function parseNotes(text: string): readonly SignedNote[] {
  return [...text.matchAll(NOTE)].map(([note, origin, count, root, head, size, signatures]) => ({
    text: note,
    checkpoint: {
      origin: origin!,
      eventCount: Number(count),
      root: root!,
      head: head!,
      sizeBytes: Number(size),
    },
    signatures: [...signatures!.matchAll(/— (\S+) (\S+)\n/g)].map(([, name, base64]) => ({
      name: name!,
      bytes: bytesOf(base64!),
    })),
  }))
}

/**
 * Nothing for another spelling of the same bytes: a changed note must not pass as the one that was
 * signed.
 */
function bytesOf(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.toString('base64') === base64 ? bytes : Buffer.alloc(0)
}

/** Whether one of these keys signed it. Signatures of others, as of witnesses, are nothing against it. */
export function isSignedBy(note: SignedNote, verifiers: readonly string[]): boolean {
  const body = Buffer.from(bodyOf(note.checkpoint))
  return verifiers.some((verifier) => {
    const key = parseVerifier(verifier)
    if (key === null) return false
    return note.signatures.some(
      ({ name, bytes }) =>
        name === key.name &&
        bytes.length === KEY_HASH_BYTES + SIGNATURE_BYTES &&
        bytes.subarray(0, KEY_HASH_BYTES).equals(key.keyHash) &&
        verify(null, body, key.publicKey, bytes.subarray(KEY_HASH_BYTES)),
    )
  })
}

type PublicKey = { readonly name: string; readonly keyHash: Buffer; readonly publicKey: KeyObject }

/** Null for what is no Ed25519 key of this form, or does not have the hash that it states. */
function parseVerifier(text: string): PublicKey | null {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text)
  const bytes = Buffer.from(match?.[3] ?? '', 'base64')
  if (match === null || bytes.length !== 33 || bytes[0] !== ED25519) return null
  const publicBytes = bytes.subarray(1)
  const keyHash = keyHashOf(match[1]!, publicBytes)
  if (keyHash.toString('hex') !== match[2]) return null
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicBytes.toString('base64url') }
  return { name: match[1]!, keyHash, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
}
