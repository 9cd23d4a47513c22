/**
 * What in a TypeScript source is code? A small scanner, not a parser: it blanks out comments, strings,
 * templates and regular expressions, keeping every line break and every column, so that rules about code
 * do not trip over prose, and braces can be counted. Code inside a template's `${…}` stays.
 */

/** A slash after one of these begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|await|yield))$/

const LITERAL_STARTS: readonly (readonly [string, RegExp])[] = [
  ['//', /\/\/[^\n]*/y],
  ['/*', /\/\*[\s\S]*?\*\//y],
  ["'", /'(?:\\[\s\S]|[^'\\\n])*'/y],
  ['"', /"(?:\\[\s\S]|[^"\\\n])*"/y],
]
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y
const TEMPLATE_PIECE = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y

export type BlankOptions = {
  /** Keep the content of strings, templates and regular expressions: only comments become blanks. */
  readonly keepLiterals?: boolean
}

export function blankSource(text: string, options: BlankOptions = {}): string {
  const keep = options.keepLiterals ?? false
  let out = ''
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = []
  let depth = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = out.length
    return pattern.exec(text)?.[0] ?? ''
  }
  const blank = (piece: string): void => {
    out += piece.replace(/[^\n]/g, ' ')
  }
  const literal = (piece: string): void => {
    if (keep) out += piece
    else blank(piece)
  }
  const template = (): void => {
    literal(take(TEMPLATE_PIECE))
    if (text[out.length] === '`') out += '`'
    else if (text.startsWith('${', out.length)) {
      templates.push(depth)
      depth++
      out += '${'
    }
  }
  while (out.length < text.length) {
    const start = LITERAL_STARTS.find(([mark]) => text.startsWith(mark, out.length))
    const found = start === undefined ? '' : take(start[1])
    const char = text[out.length]!
    if (found !== '') {
      if (found.startsWith('/')) blank(found)
      else literal(found)
    } else if (char === '`') {
      out += char
      template()
    } else if (char === '/' && BEFORE_REGEX.test(out.trimEnd().slice(-10)) && take(REGEX) !== '') {
      literal(take(REGEX))
    } else {
      if (char === '{') depth++
      if (char === '}') depth--
      out += char
      if (char === '}' && templates.at(-1) === depth) {
        templates.pop()
        template()
      }
    }
  }
  return out
}

export type Block = { readonly line: number; readonly lineCount: number }

/**
 * The blocks of code between braces: bodies of functions, and of loops inside them. Not counted are
 * bodies of classes and of types, and object literals, which may be as long as a table is.
 */
export function codeBlocks(text: string): readonly Block[] {
  const code = blankSource(text)
  const blocks: Block[] = []
  const open: { readonly line: number; readonly counts: boolean }[] = []
  let line = 1
  for (let index = 0; index < code.length; index++) {
    const char = code[index]
    if (char === '\n') line++
    if (char === '{') open.push({ line, counts: opensCode(code, index) })
    if (char !== '}') continue
    const block = open.pop()
    if (block === undefined) throw new Error(`line ${line}: a brace too many`)
    if (block.counts) blocks.push({ line: block.line, lineCount: line - block.line + 1 })
  }
  if (open.length > 0) throw new Error(`line ${open.at(-1)!.line}: a brace is not closed`)
  return blocks
}

function opensCode(code: string, brace: number): boolean {
  const before = code.slice(Math.max(0, brace - 400), brace).trimEnd()
  const header = before.slice(before.lastIndexOf('\n') + 1)
  if (/\b(class|interface)\b[^{}]*$/.test(header)) return false
  if (/=>$/.test(before)) return true
  return !/(?:[=([,:|&<?$]|\b(?:return|import|export|default|type))$/.test(before)
}
