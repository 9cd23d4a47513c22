/**
 * How far is long work, and when will it be done? In a terminal a bar in place (cli-progress moves the
 * cursor and throttles); elsewhere plain lines, one each tenth of the work or each five seconds; with
 * `--json` nothing, because stderr is then read by programs.
 */
import { type Options, type Params, SingleBar } from 'cli-progress'
import type { Clock } from '../platform/clock.ts'
import { formatCount, formatDuration } from './figures.ts'
import { createInk } from './ink.ts'
import { cleanText, cutLine, visibleWidth } from './line.ts'
import { meterBar } from './meter.ts'
import { sizeOf, type TerminalOutput } from './output.ts'

export type ProgressOptions = {
  /** A NodeJS stream when it is a terminal; usually stderr. */
  readonly output: TerminalOutput & NodeJS.WritableStream
  readonly clock: Clock
  /** What is being done: `backfill`. */
  readonly label: string
  /** What is counted: `symbols`. */
  readonly unit: string
  readonly totalCount: number
  readonly json: boolean
  readonly color: boolean
  readonly unicode: boolean
}

export interface Progress {
  /** `note` is what is being worked on. Cheap: may be called for every step. */
  update(doneCount: number, note?: string): void
  /** Ends the bar and leaves its last state. Doing it twice is harmless; not doing it keeps a timer. */
  stop(): void
}

export type ProgressState = {
  readonly label: string
  readonly unit: string
  readonly doneCount: number
  readonly totalCount: number
  /** Real ms since the start. */
  readonly elapsedMs: number
  readonly note: string
}

const PLAIN_EVERY_MS = 5_000
const PLAIN_STEPS = 10
const BAR_COLUMNS_MAX = 40
const BAR_COLUMNS_MIN = 8
/** Kept free behind the figures as soon as there is a note, so that the bar does not change its length. */
const NOTE_COLUMNS = 18
const REPAINTS_PER_SECOND = 10
/** The first steps of the work say nothing about its rate. */
const RATE_AFTER_MS = 250

export function createProgress(options: ProgressOptions): Progress {
  if (options.json) return { update: () => {}, stop: () => {} }
  return options.output.isTTY === true ? barProgress(options) : lineProgress(options)
}

function barProgress(options: ProgressOptions): Progress {
  const { output, clock, label, unit, totalCount } = options
  const startMs = clock.monoMs()
  let note = ''
  const format = (_: Options, params: Params): string => {
    const elapsedMs = (clock.monoMs() - startMs) / clock.speed
    const state = { label, unit, doneCount: params.value, totalCount, elapsedMs, note }
    return renderProgressLine(state, { ...options, widthColumns: sizeOf(output).widthColumns - 1 })
  }
  const bar = new SingleBar({
    stream: output,
    format,
    fps: REPAINTS_PER_SECOND,
    hideCursor: true,
    // The line is cut to the width here; cli-progress would count colours as columns.
    linewrap: null,
    gracefulExit: false,
  } as Options)
  bar.start(totalCount, 0)
  return {
    update(doneCount, work = note) {
      note = work
      bar.update(doneCount)
    },
    stop: () => bar.stop(),
  }
}

function lineProgress(options: ProgressOptions): Progress {
  const { output, clock, label, unit, totalCount } = options
  const startMs = clock.monoMs()
  let writtenMs = startMs
  let writtenStep = 0
  let last = { doneCount: 0, note: '' }
  let written = { doneCount: -1, note: '' }
  const write = (): void => {
    written = last
    writtenMs = clock.monoMs()
    const elapsedMs = (writtenMs - startMs) / clock.speed
    output.write(`${plainProgressLine({ label, unit, totalCount, elapsedMs, ...last })}\n`)
  }
  return {
    update(doneCount, work = last.note) {
      last = { doneCount, note: work }
      const step = Math.floor((ratioOf(doneCount, totalCount) * PLAIN_STEPS * 1_000 + 1e-6) / 1_000)
      const waitedMs = (clock.monoMs() - writtenMs) / clock.speed
      if (step <= writtenStep && waitedMs < PLAIN_EVERY_MS) return
      writtenStep = step
      write()
    },
    stop() {
      if (last.doneCount !== written.doneCount) write()
    },
  }
}

export type ProgressLineOptions = {
  readonly widthColumns: number
  readonly color: boolean
  readonly unicode: boolean
}

/** One line, not wider than `widthColumns`; the bar gives way first, then the note. */
export function renderProgressLine(state: ProgressState, options: ProgressLineOptions): string {
  const ink = createInk(options.color)
  const { unicode, widthColumns } = options
  const label = cleanText(state.label)
  const figures = [
    percentText(state),
    `${countText(state)} ${cleanText(state.unit)}`,
    rateText(state),
    etaText(state),
  ]
  const tail = figures.filter((text) => text !== '').join('  ')
  const note = cleanText(state.note)
  const noteColumns = note === '' ? 0 : NOTE_COLUMNS
  const barColumns = Math.min(BAR_COLUMNS_MAX, widthColumns - label.length - tail.length - noteColumns - 4)
  const bar = ink(
    'accent',
    meterBar(ratioOf(state.doneCount, state.totalCount), Math.max(0, barColumns), unicode),
  )
  const framed = unicode ? `${ink('dim', '▕')}${bar}${ink('dim', '▏')}` : `[${bar}]`
  const head = barColumns < BAR_COLUMNS_MIN ? label : `${label} ${framed}`
  const line = `${head} ${tail}`
  const withNote = note === '' ? line : `${line}  ${ink('dim', note)}`
  return cutLine(visibleWidth(line) >= widthColumns - 4 ? line : withNote, widthColumns)
}

/** `backfill: 40 % (4,000 of 10,000 symbols), 12.0/s, 8 min 20 s left, RELIANCE` */
export function plainProgressLine(state: ProgressState): string {
  const parts = [
    `${cleanText(state.label)}: ${percentText(state).trim()} (${countText(state)} ${cleanText(state.unit)})`,
    rateText(state),
    etaText(state),
    cleanText(state.note),
  ]
  return parts.filter((text) => text !== '').join(', ')
}

function ratioOf(doneCount: number, totalCount: number): number {
  if (totalCount <= 0) return 1
  return Math.max(0, Math.min(1, doneCount / totalCount))
}

/** Rounded down: 100 % means done. */
function percentText({ doneCount, totalCount }: ProgressState): string {
  return `${String(Math.floor(ratioOf(doneCount, totalCount) * 100 + 1e-9)).padStart(3)} %`
}

function countText({ doneCount, totalCount }: ProgressState): string {
  return `${formatCount(doneCount)} of ${formatCount(totalCount)}`
}

/** Per second, or per minute where that is less than one; '' before there is anything to divide. */
function rateText({ doneCount, elapsedMs }: ProgressState): string {
  if (doneCount <= 0 || elapsedMs < RATE_AFTER_MS) return ''
  const perSecond = (doneCount / elapsedMs) * 1_000
  if (perSecond >= 100) return `${formatCount(perSecond)}/s`
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`
}

/** From the mean rate so far: steadier than any window, and the work is many equal steps. */
function etaText({ doneCount, totalCount, elapsedMs }: ProgressState): string {
  if (doneCount >= totalCount) return `took ${formatDuration(elapsedMs)}`
  if (doneCount <= 0 || elapsedMs < RATE_AFTER_MS) return ''
  return `${formatDuration((elapsedMs / doneCount) * (totalCount - doneCount))} left`
}
