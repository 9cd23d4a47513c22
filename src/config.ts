/**
 * What was this program told? The file becomes one frozen, checked `Config`. Every limit stands here with
 * its unit, its default and its range, and so do the relations between limits, so that a setting which
 * cannot work is refused at start and not at noon.
 *
 * Secrets never stand in the file (see credentials.ts). A message about the file names the key and what was
 * expected, not what stood there: it might be a secret that lost its way.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { type Config, checkShape, defaultsOfShape, type FileConfig, relations } from './config-shape.ts'
import { messageOf, OperatingError, systemCodeOf } from './domain/error.ts'
import { type ClockSimulation, parseClockSetting } from './platform/clock.ts'

export type { Config } from './config-shape.ts'

export type ConfigSource = {
  /** Given with `--config`: then it must exist. Else `chandler.yaml`, which may be absent. */
  readonly file?: string | undefined
  /** Given with `--data-dir`: relative to `cwd`, and stronger than the file. */
  readonly dataDir?: string | undefined
  readonly cwd?: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The only place that sees the process's own environment; everything else takes it as an argument. */
export const processEnvironment: Environment = process.env

const FILE_DEFAULT = 'chandler.yaml'
/** Throws CONFIG_INVALID with file, line and key. Touches no other file than the configuration. */
export function loadConfig(source: ConfigSource = {}): Config {
  const cwd = source.cwd ?? process.cwd()
  const file = resolve(cwd, source.file ?? FILE_DEFAULT)
  const text = readConfigFile(file, source.file !== undefined)
  const checked = parseConfig(text ?? '', file)
  const at = (relative: string): string => resolve(dirname(file), relative)
  const atOrNull = (relative: string | null): string | null => (relative === null ? null : at(relative))
  const { in: india, us } = checked.markets
  const config: Config = {
    file: text === null ? null : file,
    dataDir: source.dataDir === undefined ? at(checked.dataDir) : resolve(cwd, source.dataDir),
    markets: {
      in: {
        ...india,
        calendarOverride: atOrNull(india.calendarOverride),
        instruments: at(india.instruments),
        proxySet: at(india.proxySet),
        gates: { ...india.gates, policy: at(india.gates.policy) },
      },
      us: {
        ...us,
        calendarOverride: atOrNull(us.calendarOverride),
        proxySet: at(us.proxySet),
        batch: { ...us.batch, symbols: at(us.batch.symbols) },
        gates: { ...us.gates, policy: at(us.gates.policy) },
      },
    },
  }
  return deepFreeze(config)
}

function readConfigFile(file: string, mustExist: boolean): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' && !mustExist) return null
    throw invalid(`reading ${file}: ${messageOf(error)}; check the path given with --config`, error)
  }
}

function parseConfig(text: string, file: string): FileConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines })
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0])
    throw invalid(`reading ${file}: line ${line}, column ${col}: not YAML (${fault.code}); correct the line`)
  }
  const result = checkShape(plainOf(document, file))
  if (!result.success) {
    const issue = result.error.issues[0]!
    const moreCount = result.error.issues.length - 1
    const more = moreCount === 0 ? '' : ` (and ${moreCount} more)`
    throw invalid(`reading ${file}: ${whereOf(issue, document, lines)}${wordsOf(issue)}${more}`)
  }
  for (const [key, holds, words] of relations(result.data)) {
    if (!holds)
      throw invalid(`reading ${file}: markets.${key}: must be ${words}; change the one or the other`)
  }
  return result.data
}

function plainOf(document: Document, file: string): unknown {
  try {
    return document.contents === null ? {} : document.toJS()
  } catch (error) {
    // The only thing left to fail; its text would show the alias, so it is not passed on as a cause.
    if (!(error instanceof ReferenceError)) throw error
    throw invalid(`reading ${file}: an alias (*) without its anchor (&), or far too many; write values out`)
  }
}

type Issue = z.core.$ZodIssue

/** The full key of what the issue is about; unknown keys are one step below the issue's own path. */
function keysOf(issue: Issue): readonly string[] {
  const keys = issue.path.map(String)
  return issue.code === 'unrecognized_keys' ? [...keys, issue.keys[0]!] : keys
}

function whereOf(issue: Issue, document: Document, lines: LineCounter): string {
  const keys = keysOf(issue)
  const parent = keys.length < 2 ? document.contents : document.getIn(keys.slice(0, -1), true)
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === keys.at(-1))
    : null
  const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined
  const line = offset === undefined ? '' : `line ${lines.linePos(offset).line}: `
  return `${line}${keys.join('.') || 'the file'}: `
}

function wordsOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return unknownKey(issue.path.map(String), issue.keys[0]!)
  if (issue.code === 'too_small') return `out of range; the smallest value is ${issue.minimum}`
  if (issue.code === 'too_big') return `out of range; the largest value is ${issue.maximum}`
  if (issue.code === 'invalid_value') return `not a known value; it must be ${issue.values.join(' or ')}`
  if (issue.code !== 'invalid_type') return `not accepted; it must be ${issue.message}`
  const expected = issue.expected === 'object' ? 'a group of keys' : issue.expected
  return `wrong type; it must be ${expected === 'int' ? 'a whole number' : expected}`
}

const SECRET_WORDS = /key|pin|secret|passw|totp|token|client|mpin/i

function unknownKey(parent: readonly string[], key: string): string {
  let known: unknown = defaultsOfShape()
  for (const step of parent) known = (known as Record<string, unknown>)[step]
  const names = Object.keys(known as object)
  const nearest = names
    .map((name) => ({ name, distance: editDistance(name.toLowerCase(), key.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0]
  if (nearest !== undefined && nearest.distance <= Math.max(1, key.length / 4)) {
    return `unknown key; did you mean ${nearest.name}?`
  }
  if (SECRET_WORDS.test(key)) return 'unknown key; secrets never stand in this file, see SMARTAPI_… variables'
  return `unknown key; known here: ${names.join(', ')}`
}

/** Insertions, deletions and replacements that turn one text into the other. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      line.push(Math.min(replaced, above[column]! + 1, line[column - 1]! + 1))
    }
    above = line
  }
  return above[b.length]!
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  }
  return Object.freeze(value)
}

/** CHANDLER_CLOCK, or undefined when time is real. Throws CONFIG_INVALID. */
export function clockSimulation(env: Environment = processEnvironment): ClockSimulation | undefined {
  const setting = env.CHANDLER_CLOCK
  return setting === undefined || setting === '' ? undefined : parseClockSetting(setting)
}

/** Throws CONFIG_INVALID when time is simulated and one of `urls` leads to a vendor's real host. */
export function refuseSimulatedTime(
  simulation: ClockSimulation | undefined,
  urls: readonly string[],
  realHosts: readonly string[],
): void {
  if (simulation === undefined) return
  for (const url of urls) {
    const host = new URL(url).hostname.replace(/\.$/, '')
    if (!realHosts.some((real) => host === real || host.endsWith(`.${real}`))) continue
    throw invalid(
      `starting with CHANDLER_CLOCK: time is simulated but ${host} is a real vendor's host; ` +
        'unset CHANDLER_CLOCK, or configure the URL of a stand-in',
    )
  }
}

function invalid(message: string, cause?: unknown): OperatingError {
  return new OperatingError(message, { code: 'CONFIG_INVALID', cause })
}
