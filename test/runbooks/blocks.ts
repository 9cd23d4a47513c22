/**
 * What does a runbook tell its reader to type, and what does it say will be seen? Blocks of the language
 * `console`: a line that begins with `$ ` is a command, what follows up to the next one is its output. A
 * command that ends with `# exits with N` shall. Behind `console`, `not run: WHY` marks a block for another
 * machine.
 *
 * Of the shown output `…` stands for anything within a line, and a line that is only `…` for any lines.
 */

export type ShownCommand = {
  /** Number of its line in the runbook, from 1. */
  readonly line: number
  readonly text: string
  readonly status: number
  readonly output: readonly string[]
  /** Why it is not run; '' where it is. */
  readonly notRun: string
}

const FENCE = /^```(.*)$/
const EXITS = /\s+# exits with (\d+)$/

export function commandsIn(markdown: string): readonly ShownCommand[] {
  const commands: (ShownCommand & { output: string[] })[] = []
  let block: { readonly notRun: string } | null = null
  let isFenced = false
  for (const [at, line] of markdown.split('\n').entries()) {
    const info = FENCE.exec(line)?.[1]
    if (info !== undefined) {
      isFenced = !isFenced
      block = isFenced && info.startsWith('console') ? { notRun: notRunOf(info) } : null
    } else if (block !== null && line.startsWith('$ ')) {
      const typed = line.slice(2)
      const status = Number(EXITS.exec(typed)?.[1] ?? 0)
      commands.push({ line: at + 1, text: typed.replace(EXITS, ''), status, output: [], ...block })
    } else if (block !== null) commands.at(-1)?.output.push(line)
  }
  return commands
}

function notRunOf(info: string): string {
  const why = /^console not run: (.+)$/.exec(info)?.[1]
  if (info !== 'console' && why === undefined) throw new Error(`a block says "${info}"`)
  return why ?? ''
}

/** Null where the output is as shown; else the first shown line that was not found. */
export function unlike(shown: readonly string[], output: readonly string[]): string | null {
  let at = 0
  let isFree = false
  for (const line of shown) {
    if (line.trim() === '…') {
      isFree = true
      continue
    }
    const pattern = patternOf(line)
    const found = isFree ? output.findIndex((one, index) => index >= at && pattern.test(one)) : at
    if (found < 0 || !pattern.test(output[found] ?? '\n')) return line
    at = found + 1
    isFree = false
  }
  const rest = output.slice(at).filter((line) => line !== '')
  return isFree || rest.length === 0 ? null : `the end, instead of: ${rest[0]}`
}

function patternOf(line: string): RegExp {
  const parts = line
    .trimEnd()
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}\\s*$`)
}
