/** How does a running worker show itself? A live screen in a terminal, else the plain log lines. */
import type { Command } from 'commander'
import { LiveSampler } from '../app/live-sampler.ts'
import type { StreamProbe } from '../app/stream-probe.ts'
import { liveLine, renderLiveView } from '../terminal/live-view.ts'
import { createPainter, type Painter } from '../terminal/painter.ts'
import type { GlobalOptions, Runtime, RuntimeOptions } from './runtime.ts'

export type LiveOptions = { readonly title: string; readonly isWanted: boolean }

export type Live = {
  /** While a screen is painted, log lines go to the screen and not through it. */
  readonly runtimeOptions: RuntimeOptions
  start(runtime: Runtime, probe: StreamProbe): void
  /** Doing it twice is harmless. */
  stop(): void
}

const REPAINT_MS = 250
const PLAIN_EVERY_MS = 5_000

export function showLive(command: Command, { title, isWanted }: LiveOptions): Live {
  const { json } = command.optsWithGlobals<GlobalOptions>()
  const isScreen = isWanted && !json && process.stdout.isTTY === true
  const isPlain = isWanted && !json && !isScreen
  const logLines: string[] = []
  let painter: Painter | undefined
  const writeLog = (line: string): void => {
    if (painter === undefined) process.stderr.write(line)
    else logLines.push(line.trimEnd())
  }
  return {
    runtimeOptions: isScreen ? { writeLog } : {},
    start(runtime, probe) {
      if (!isScreen && !isPlain) return
      const sampler = new LiveSampler(title, runtime.clock, probe, logLines)
      painter = createPainter({
        output: process.stdout,
        clock: runtime.clock,
        draw: (size) => renderLiveView(sampler.sample(), { ...runtime, ...size }),
        plain: () => liveLine(sampler.sample()),
        repaintMs: REPAINT_MS,
        plainEveryMs: PLAIN_EVERY_MS,
        signal: runtime.signal,
      })
      process.once('exit', () => painter?.restore())
      painter.start()
    },
    stop() {
      painter?.stop()
    },
  }
}
