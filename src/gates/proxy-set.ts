/**
 * Which instruments stand for the market's roles, and is it still the same list? A truth epoch says "the
 * market as these instruments show it", so it is locked to the definition's version and to the hash of its
 * content.
 *
 * The version is for people, the hash decides: a file that was edited without raising its version is another
 * definition all the same. Blanks and the order of keys do not count, the order of symbols within a role
 * does (the first one stands for the role where only one can). `required` is part of the content, written
 * out, so that "all of the roles" and the same list by name are one definition.
 *
 * Files: `chandler.proxy_set.v1`, see proxy-sets/README.md.
 */
import { z } from 'zod'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { Json } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import { canonicalText, digestOf } from './digest.ts'

const SYMBOLS_MAX = 500
const SEMANTIC_VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/

const SymbolName = z
  .string()
  .regex(/^\S(.{0,62}\S)?$/, 'a symbol without blanks at its ends, at most 64 long')
const Symbols = z.array(SymbolName).min(1).max(SYMBOLS_MAX)
const Shape = z.strictObject({
  schema: z.literal('chandler.proxy_set.v1'),
  market: z.string().min(1),
  version: z.string().regex(SEMANTIC_VERSION, 'a semantic version such as 1.0.0'),
  roles: z
    .array(z.strictObject({ role: z.string().regex(/^[a-z][a-z0-9_]{0,40}$/), symbols: Symbols }))
    .min(1)
    .max(100),
  required: Symbols.optional(),
})

/** Throws PROXY_SET_INVALID with the file and what is wrong in it. `file` is only named, not read. */
export function parseProxySet(text: string, file: string, market: string): ProxySet {
  let value: unknown
  try {
    value = JSON.parse(text)
    // What JSON can say and canonical JSON cannot, such as half of a surrogate pair, shows here.
    canonicalText(value as Json)
  } catch (error) {
    throw invalid(file, `not JSON (${messageOf(error)})`, error)
  }
  const result = Shape.safeParse(value)
  if (!result.success) {
    const issue = result.error.issues[0]!
    throw invalid(file, `${issue.path.join('.') || 'the file'}: ${issue.message}`)
  }
  const { schema, version, roles } = result.data
  if (result.data.market !== market) {
    throw invalid(file, `it is of the market "${result.data.market}", not of "${market}"`)
  }
  const twice = firstTwice(roles.map(({ role }) => role))
  if (twice !== undefined) throw invalid(file, `the role ${twice} stands there twice`)
  const all = new Set(roles.flatMap(({ symbols }) => symbols))
  const required = [...new Set(result.data.required ?? all)].toSorted()
  const stranger = required.find((symbol) => !all.has(symbol))
  if (stranger !== undefined) throw invalid(file, `required: ${stranger} has no role`)
  const definition = { schema, market, version, roles, required }
  return { ...definition, sha256: digestOf(definition) }
}

/** The definition as text that `parseProxySet` reads back to the same hash. */
export function proxySetText({ schema, market, version, roles, required }: ProxySet): string {
  const definition: Json = {
    schema,
    market,
    version,
    roles: roles.map(({ role, symbols }) => ({ role, symbols })),
    required,
  }
  return `${canonicalText(definition)}\n`
}

function firstTwice(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index)
}

function invalid(file: string, what: string, cause?: unknown): OperatingError {
  return new OperatingError(`reading the proxy set ${file}: ${what}; correct the file, nothing was moved`, {
    code: 'PROXY_SET_INVALID',
    cause,
  })
}
