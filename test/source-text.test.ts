// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the samples are source text
import { expect, test } from 'vitest'
import { blankSource, codeBlocks } from './support/source-text.ts'

/** Blanks squeezed: what is left is code. */
function codeOf(text: string): string {
  return blankSource(text).replace(/ +/g, ' ').trim()
}

test('prose is not code: comments, strings, templates and regular expressions are blanked', () => {
  expect(codeOf('a() // Date.now()')).toBe('a()')
  expect(codeOf('a() /* Date.now()\n */ b()')).toBe('a() \n b()')
  expect(codeOf("a('Date.now() // \\' ') + b(\"x\")")).toBe('a( ) + b( )')
  expect(codeOf('a(`Date.now() $x ${b(`{${c}`)} } /*`) + d')).toBe('a(` ${b(` ${c}`)} `) + d')
  expect(codeOf('a.replace(/["\'`{/[/]]/g, b) / 2 // x')).toBe('a.replace( , b) / 2')
  expect(codeOf('const x = a / b / c')).toBe('const x = a / b / c')
  expect(codeOf('`${{ a: 1 }.a}` + b')).toBe('`${{ a: 1 }.a}` + b')
})

test('what is blanked keeps its place', () => {
  const text = "const a = 'x' // y\nconst b = `\n${a}\n`\n"
  expect(blankSource(text)).toHaveLength(text.length)
  expect(blankSource(text).split('\n')).toHaveLength(text.split('\n').length)
  expect(blankSource(text, { keepLiterals: true })).toBe("const a = 'x'     \nconst b = `\n${a}\n`\n")
})

test('bodies of functions count, tables and classes do not', () => {
  const text = `
import { x } from 'y'
type T = {
  a: 1
}
const table = {
  a: [{
    b: 1,
  }],
}
export class C {
  method(a: { b: number }): void {
    if (a) {
      x()
    }
  }
}
const f = (): T => {
  return { a: 1 }
}
function g(): { a: 1 } {
  return {
    a: 1,
  }
}
`
  const counted = codeBlocks(text).map(({ line, lineCount }) => [line, lineCount])
  expect(counted).toEqual([
    [13, 3],
    [12, 5],
    [18, 3],
    [21, 5],
  ])
})
