/** `chandler status`: one screen that says how it stands; with `--watch` one that goes on saying it. */
import type { Command } from 'commander'
import { statusReport } from '../app/status.ts'
import { reportOf, StatusWatch } from '../app/status-watch.ts'
import { MARKETS, marketOf } from '../app/truth-market.ts'
import { SECOND_MS } from '../domain/time.ts'
import { sizeOf } from '../terminal/output.ts'
import { createPainter, type Painter } from '../terminal/painter.ts'
import { renderStatus } from '../terminal/status-screen.ts'
import { renderWatch, watchLine } from '../terminal/watch-screen.ts'
import type { WatchSnapshot } from '../terminal/watch-snapshot.ts'
import { listenForEnd } from './keys.ts'
import { positive } from './numbers.ts'
import { createRuntime, print, printJson, type Runtime, scrubber } from './runtime.ts'

type Options = { readonly watch?: true; readonly market?: string; readonly every: number }

/** The clock on the screen moves, whether anything else does or not. */
const REPAINT_MS = SECOND_MS

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('one screen: feed, times of truth, gaps, journal, disk')
    .option('--watch', 'goes on, in place, until q or Ctrl-C')
    .option('--market <market>', 'in or us; both unless given')
    .option('--every <seconds>', 'with --watch: how often it looks', positive, 2)
    .action(async (options: Options, command: Command) => {
      const markets = options.market === undefined ? MARKETS : [marketOf(options.market)]
      const runtime = createRuntime(command, options.watch ? { writeLog: () => {} } : {})
      if (options.watch) return await watch(runtime, new StatusWatch(runtime, markets), options.every)
      const report = statusReport(runtime)
      const shown = Object.entries(report.markets).filter(([name]) => markets.some((known) => known === name))
      const status = { ...report, markets: Object.fromEntries(shown) }
      if (runtime.json) printJson(status)
      else print(renderStatus(status, { ...runtime, ...sizeOf(process.stdout) }))
    })
}

/** A terminal gets a screen; anything else one line, or with --json one document, for each look. */
async function watch(runtime: Runtime, source: StatusWatch, everySeconds: number): Promise<void> {
  const { clock, json } = runtime
  const ending = new AbortController()
  const signal = AbortSignal.any([runtime.signal, ending.signal])
  const pauseMs = everySeconds * SECOND_MS * clock.speed
  let snapshot = await source.look()
  if (json || process.stdout.isTTY !== true) {
    while (!signal.aborted) {
      if (json) printJson(reportOf(snapshot))
      else print(watchLine(snapshot))
      await clock.sleep(pauseMs, signal)
      if (!signal.aborted) snapshot = await source.look()
    }
    return
  }
  const painter = screen(runtime, signal, () => snapshot)
  const stopListening = listenForEnd(process.stdin, () => ending.abort())
  const onResize = (): void => painter.paint()
  process.stdout.on('resize', onResize)
  try {
    painter.start()
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal)
      if (!signal.aborted) snapshot = await source.look()
      painter.paint()
    }
  } finally {
    process.stdout.off('resize', onResize)
    stopListening()
    painter.stop()
  }
}

function screen(runtime: Runtime, signal: AbortSignal, snapshot: () => WatchSnapshot): Painter {
  const { clock } = runtime
  const painter = createPainter({
    output: process.stdout,
    clock,
    draw: (size) => scrubber.scrub(renderWatch(snapshot(), { ...runtime, ...size, nowMs: clock.wallMs() })),
    plain: () => watchLine(snapshot()),
    repaintMs: REPAINT_MS,
    plainEveryMs: REPAINT_MS,
    signal,
  })
  process.once('exit', () => painter.restore())
  return painter
}
