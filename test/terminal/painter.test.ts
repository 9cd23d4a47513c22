import { expect, test } from 'vitest'
import type { UnixMs } from '../../src/domain/time.ts'
import type { Clock } from '../../src/platform/clock.ts'
import { createPainter, type PainterOptions } from '../../src/terminal/painter.ts'
import { createProgress, renderProgressLine } from '../../src/terminal/progress.ts'

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
const LEAVE_SCREEN = '\u001b[?1049l'

class HandClock implements Clock {
  readonly speed = 1
  #nowMs = 0
  #timers: { periodMs: number; nextMs: number; wake: () => void }[] = []

  wallMs(): UnixMs {
    return this.#nowMs as UnixMs
  }
  monoMs(): number {
    return this.#nowMs
  }
  sleepUntil(): Promise<void> {
    return Promise.resolve()
  }
  sleep(): Promise<void> {
    return Promise.resolve()
  }
  every(periodMs: number, wake: () => void): () => void {
    const timer = { periodMs, nextMs: this.#nowMs + periodMs, wake }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }
  after(): () => void {
    return () => {}
  }
  get timerCount(): number {
    return this.#timers.length
  }
  advance(durationMs: number): void {
    this.#nowMs += durationMs
    for (const timer of [...this.#timers]) {
      for (; timer.nextMs <= this.#nowMs; timer.nextMs += timer.periodMs) timer.wake()
    }
  }
}

function setUp(isTTY: boolean, changes: Partial<PainterOptions> = {}) {
  const written: string[] = []
  const clock = new HandClock()
  const controller = new AbortController()
  const output = { isTTY, columns: 20, rows: 5, write: (text: string) => written.push(text) }
  let count = 0
  const painter = createPainter({
    output,
    clock,
    draw: ({ widthColumns, heightRows }) => `picture ${++count} in ${widthColumns}x${heightRows}`,
    plain: () => `line ${++count}`,
    repaintMs: 100,
    plainEveryMs: 1_000,
    signal: controller.signal,
    ...changes,
  })
  return { painter, clock, controller, output, written, text: () => written.join('') }
}

test('a terminal is painted in place, and is as it was after the end', () => {
  const { painter, clock, written, text } = setUp(true)
  painter.start()
  expect(text()).toContain(HIDE_CURSOR)
  clock.advance(200)
  expect(written.filter((part) => part.includes('picture'))).toHaveLength(3)
  expect(written.at(-1)).not.toContain('\n\n')
  painter.stop()
  painter.stop()
  expect(written.filter((part) => part.includes(LEAVE_SCREEN))).toHaveLength(1)
  expect(text().lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text().lastIndexOf(HIDE_CURSOR))
  expect(written.at(-1)).toBe('picture 4 in 20x3\n')
  expect(clock.timerCount).toBe(0)
})

test('an abort restores the terminal', () => {
  const { painter, clock, controller, text } = setUp(true)
  painter.start()
  controller.abort()
  expect(text()).toContain(SHOW_CURSOR + LEAVE_SCREEN)
  expect(clock.timerCount).toBe(0)
})

test('a picture that cannot be drawn leaves a terminal on which the error can be read', () => {
  const { painter, text, clock } = setUp(true, {
    draw: () => {
      throw new Error('no picture')
    },
  })
  expect(() => painter.start()).toThrow('no picture')
  expect(text()).toContain(LEAVE_SCREEN)
  expect(clock.timerCount).toBe(0)
})

test('a resized terminal gets pictures of its new size, never longer than the screen', () => {
  const { painter, clock, output, written } = setUp(true, {
    draw: (size) => 'row of the picture\n'.repeat(size.heightRows * 2),
  })
  painter.start()
  output.columns = 6
  output.rows = 3
  clock.advance(100)
  expect(written.at(-1)!.split('\r\n')).toHaveLength(3)
  expect(written.at(-1)).toContain('row o…')
})

test('the last cell of a full line is never cleared', () => {
  const { painter, written } = setUp(true, { draw: () => Array(5).fill('x'.repeat(20)).join('\n') })
  painter.start()
  for (const clear of ['K', '0K', 'J', '0J']) expect(written.at(-1)).not.toContain(`x\u001b[${clear}`)
})

test('what is no terminal gets plain lines at its own pace', () => {
  const { painter, clock, written } = setUp(false)
  painter.start()
  clock.advance(2_500)
  painter.stop()
  expect(written).toEqual(['line 1\n', 'line 2\n', 'line 3\n', 'line 4\n'])
})

test('an aborted run never touches the terminal', () => {
  const { painter, controller, written } = setUp(true)
  controller.abort()
  painter.start()
  painter.stop()
  expect(written).toEqual([])
})

function progress(isTTY: boolean, json: boolean) {
  const written: string[] = []
  const clock = new HandClock()
  const output = { isTTY, columns: 80, rows: 24, write: (text: string) => Boolean(written.push(text)) }
  const made = createProgress({
    output: output as unknown as Parameters<typeof createProgress>[0]['output'],
    clock,
    label: 'backfill',
    unit: 'symbols',
    totalCount: 1_000,
    json,
    color: false,
    unicode: true,
  })
  return { made, clock, written }
}

test('progress on a pipe is one line each tenth of the work', () => {
  const { made, clock, written } = progress(false, false)
  for (let done = 1; done <= 1_000; done += 1) {
    clock.advance(1)
    made.update(done)
  }
  made.stop()
  expect(written).toHaveLength(10)
  expect(written[4]).toBe('backfill: 50 % (500 of 1,000 symbols), 1,000/s, 500 ms left\n')
})

test('slow progress on a pipe is one line each five seconds', () => {
  const { made, clock, written } = progress(false, false)
  for (let done = 1; done <= 60; done += 1) {
    clock.advance(250)
    made.update(done, `SYM\u001b[2J${done}`)
  }
  expect(written).toHaveLength(3)
  expect(written[0]).toBe('backfill: 2 % (20 of 1,000 symbols), 4.0/s, 4 min 05 s left, SYM20\n')
})

test('progress with --json is silent', () => {
  const { made, written } = progress(true, true)
  made.update(500)
  made.stop()
  expect(written).toEqual([])
})

test('progress in a terminal is a bar in place, and the cursor comes back', () => {
  const { made, clock, written } = progress(true, false)
  clock.advance(60_000)
  made.update(1_000)
  made.stop()
  const text = written.join('')
  expect(text).toContain('100 %  1,000 of 1,000 symbols  16.7/s  took 1 min 00 s')
  expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR))
})

test('a progress line gives up its bar before its figures', () => {
  const state = {
    label: 'backfill',
    unit: 'symbols',
    doneCount: 250,
    totalCount: 1_000,
    elapsedMs: 9_000,
    note: 'IBM',
  }
  const options = { color: false, unicode: true }
  expect(renderProgressLine(state, { ...options, widthColumns: 90 })).toMatchInlineSnapshot(
    `"backfill ▕███▌          ▏  25 %  250 of 1,000 symbols  27.8/s  27 s left  IBM"`,
  )
  expect(renderProgressLine(state, { ...options, widthColumns: 60 })).toMatchInlineSnapshot(
    `"backfill  25 %  250 of 1,000 symbols  27.8/s  27 s left  IBM"`,
  )
})
