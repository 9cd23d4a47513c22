/**
 * How does a screen stay in place while its numbers change?
 *
 * In a terminal the painter takes the alternate screen, hides the cursor, and repaints from the top
 * left corner, line by line, inside one synchronised update, so that nothing flickers and nothing
 * scrolls. At the end, also at an abort, the terminal is as it was, and the last picture is printed
 * once below the prompt, because the numbers of a run are wanted after it. Where the output is not a
 * terminal, plain lines come instead, one each `plainEveryMs`.
 *
 * A process that ends without `stop` must call `restore`, which does nothing but write the sequences.
 */
import type { Clock } from '../platform/clock.ts'
import { cutLine } from './line.ts'
import { sizeOf, type TerminalOutput, type TerminalSize } from './output.ts'

export type PainterOptions = {
  readonly output: TerminalOutput
  readonly clock: Clock
  /** The screen for a terminal of this size. */
  readonly draw: (size: TerminalSize) => string
  /** One line for an output that is no terminal; without line end. */
  readonly plain: () => string
  /** Real ms between two pictures, whatever the clock's speed. */
  readonly repaintMs: number
  readonly plainEveryMs: number
  /** Stops the painter. */
  readonly signal: AbortSignal
}

export interface Painter {
  /** Paints at once and then by the clock. Doing it twice is a programmer's error. */
  start(): void
  /** Paints now, in between. */
  paint(): void
  /** Last picture, terminal as it was. Doing it twice is harmless. */
  stop(): void
  /** The terminal as it was, without a picture. Synchronous, for the last moment of a process. */
  restore(): void
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const BEGIN_UPDATE = '\u001b[?2026h\u001b[H'
const END_UPDATE = '\u001b[?2026l'
// Cleared before it is written, not after: behind a line of full width the cursor still stands on the
// last cell, and clearing "the rest" would take that cell.
const CLEAR_LINE = '\u001b[2K'
const CLEAR_BELOW = '\r\n\u001b[J'
/** The last picture leaves room for the prompt and for one closing line. */
const ROWS_AFTER_END = 2

export function createPainter(options: PainterOptions): Painter {
  return options.output.isTTY === true ? new ScreenPainter(options) : new LinePainter(options)
}

type PainterState = 'ready' | 'painting' | 'stopped'

class ScreenPainter implements Painter {
  readonly #options: PainterOptions
  #state: PainterState = 'ready'
  #endTimer: () => void = () => {}
  readonly #onAbort = (): void => this.stop()

  constructor(options: PainterOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, output, repaintMs, signal } = this.#options
    if (this.#state !== 'ready') throw new Error('the painter was started before')
    if (signal.aborted) {
      this.#state = 'stopped'
      return
    }
    this.#state = 'painting'
    output.write(ENTER)
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#endTimer = clock.every(repaintMs * clock.speed, () => this.paint())
    this.paint()
  }

  paint(): void {
    if (this.#state !== 'painting') return
    const { output } = this.#options
    const size = sizeOf(output)
    const lines = this.#draw(size).split('\n').slice(0, size.heightRows)
    const body = lines.map((line) => CLEAR_LINE + cutLine(line, size.widthColumns)).join('\r\n')
    output.write(BEGIN_UPDATE + body + (lines.length < size.heightRows ? CLEAR_BELOW : '') + END_UPDATE)
  }

  stop(): void {
    if (this.#state !== 'painting') return
    const { output } = this.#options
    const { widthColumns, heightRows } = sizeOf(output)
    this.restore()
    output.write(`${this.#draw({ widthColumns, heightRows: Math.max(1, heightRows - ROWS_AFTER_END) })}\n`)
  }

  /** A picture that cannot be drawn is a programmer's error, to be read on a terminal that is as it was. */
  #draw(size: TerminalSize): string {
    try {
      return this.#options.draw(size)
    } catch (error) {
      this.restore()
      throw error
    }
  }

  restore(): void {
    if (this.#state !== 'painting') return
    this.#state = 'stopped'
    this.#endTimer()
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#options.output.write(LEAVE)
  }
}

class LinePainter implements Painter {
  readonly #options: PainterOptions
  #state: PainterState = 'ready'
  #endTimer: () => void = () => {}
  readonly #onAbort = (): void => this.stop()

  constructor(options: PainterOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, plainEveryMs, signal } = this.#options
    if (this.#state !== 'ready') throw new Error('the painter was started before')
    if (signal.aborted) {
      this.#state = 'stopped'
      return
    }
    this.#state = 'painting'
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#endTimer = clock.every(plainEveryMs * clock.speed, () => this.paint())
    this.paint()
  }

  paint(): void {
    if (this.#state === 'painting') this.#options.output.write(`${this.#options.plain()}\n`)
  }

  stop(): void {
    this.paint()
    this.restore()
  }

  restore(): void {
    if (this.#state !== 'painting') return
    this.#state = 'stopped'
    this.#endTimer()
    this.#options.signal.removeEventListener('abort', this.#onAbort)
  }
}
