/**
 * How is the output in the runbooks renewed when commands say something else? `node
 * test/runbooks/refresh.ts [name…]` types every command and writes down what it said, with `…` for what
 * changes from run to run. Read the difference before keeping it: a test can only hold that the words are
 * the same, not that they are right.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { commandsIn } from './blocks.ts'
import { type Typed, Workshop } from './scenes.ts'

/** What is another in every run. */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/^chandler status {2}.*$/, 'chandler status  …'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '…'],
  [/\b[0-9a-f]{12,64}\b/g, '…'],
  [/127\.0\.0\.1:\d+/g, '127.0.0.1:…'],
  [/\/\S*chandler-runbooks-[^/\s]*(\/[a-z-]+)?/g, '…'],
  [/\d\d:\d\d:\d\d {2}\([^()]* ago\)/g, '…  (… ago)'],
  [/\b\d{8}T\d{9}Z\b/g, '…'],
  [/_\d{8}T\d{9}Z\b/g, '_…'],
  [/waitMs=\d+/g, 'waitMs=…'],
  [/\bseq [\d,]+ .*$/g, 'seq …'],
  [/\b(\d+ min )?\d+(\.\d+)? (ms|s)\b/g, '…'],
  [/\d+(\.\d+)? [GTMK]iB/g, '…'],
  [/^\d+(\.\d+)?[KMG]\t/, '…\t'],
  [/\b\d\d:\d\d (UTC[+-]\d\d:\d\d) ─+$/g, '… $1 …'],
]
/** Lines that nobody reads when there are many: the first and the last of them are enough. */
const CROWDS: readonly RegExp[] = [/^pass {3}/]
/** What a bar would show on a terminal. */
const PROGRESS = /^[a-z ]+: +\d+ % \(/
const CROWD_MIN = 4

function stable(lines: readonly string[]): readonly string[] {
  return thinned(lines).map((line) =>
    CHANGES.reduce((text, [from, to]) => text.replace(from, to), line).trimEnd(),
  )
}

function thinned(lines: readonly string[]): readonly string[] {
  const out: string[] = []
  for (let at = 0; at < lines.length; ) {
    if (PROGRESS.test(lines[at]!)) {
      if (out.at(-1) !== '…') out.push('…')
      at += 1
      continue
    }
    const crowd = CROWDS.find((pattern) => pattern.test(lines[at]!))
    const end = lines.findIndex((line, index) => index > at && !(crowd?.test(line) ?? false))
    const count = crowd === undefined ? 1 : (end < 0 ? lines.length : end) - at
    if (count < CROWD_MIN) out.push(...lines.slice(at, at + count))
    else out.push(lines[at]!, '…', lines[at + count - 1]!)
    at += count
  }
  return out
}

/** Behind each command its new output; shown lines that are only `…` keep hiding what they hid. */
function rewritten(markdown: string, said: ReadonlyMap<number, Typed>): string {
  const out: string[] = []
  let skips = false
  for (const [at, line] of markdown.split('\n').entries()) {
    const typed = said.get(at + 1)
    if (typed !== undefined) {
      const text = line.replace(/\s+# exits with \d+$/, '')
      out.push(typed.status === 0 ? text : `${text}  # exits with ${typed.status}`)
      out.push(...stable(typed.lines.filter((one, index) => one !== '' || index > 0)))
      skips = true
    } else if (line.startsWith('$ ') || line.startsWith('```')) {
      skips = false
      out.push(line)
    } else if (!skips) out.push(line)
  }
  return out.join('\n')
}

const wanted = process.argv.slice(2)
const workshop = new Workshop()
try {
  for (const path of globSync('runbooks/*.md').filter((one) => basename(one) !== 'README.md')) {
    const name = basename(path, '.md')
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const markdown = readFileSync(path, 'utf8')
    const stage = await workshop.stage(name)
    const said = new Map<number, Typed>()
    try {
      for (const { line, text, notRun } of commandsIn(markdown)) {
        if (notRun === '') said.set(line, await stage.type(text))
      }
    } finally {
      await stage.end()
    }
    writeFileSync(path, rewritten(markdown, said))
    process.stdout.write(`${name}: ${said.size} commands\n`)
  }
} finally {
  workshop.remove()
}
