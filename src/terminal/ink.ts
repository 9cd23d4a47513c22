/**
 * In which colours? Only the sixteen that every terminal has and that its owner has chosen, and never
 * colour alone: whatever a colour says is also said by a glyph or a word.
 */

const SGR = {
  plain: '',
  bold: '1',
  dim: '2',
  up: '32',
  down: '31',
  flat: '37',
  upDim: '2;32',
  downDim: '2;31',
  flatDim: '2;37',
  upVendor: '36',
  downVendor: '35',
  flatVendor: '34',
  good: '32',
  warn: '33',
  bad: '1;31',
  accent: '36',
  inverse: '7',
} as const

export type Style = keyof typeof SGR

export type Ink = (style: Style, text: string) => string

export function createInk(color: boolean): Ink {
  if (!color) return (_, text) => text
  return (style, text) => (SGR[style] === '' || text === '' ? text : `\u001b[${SGR[style]}m${text}\u001b[0m`)
}
