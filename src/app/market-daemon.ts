/**
 * What stands around the daemon of one market? The page that says how it is, the monitors that look once a
 * minute and write down what an operator should look at, and the word to systemd that we are still ourselves.
 */
import type { ChildProcess } from 'node:child_process'
import type { Chain } from '../bus/chain.ts'
import { healthOf } from '../dashboard/health.ts'
import { MarketMetrics, METRICS_TYPE } from '../dashboard/metrics.ts'
import { messageOf } from '../domain/error.ts'
import type { PlannedJob } from '../domain/job.ts'
import { SECOND_MS } from '../domain/time.ts'
import type { WorkerSample } from '../domain/worker-sample.ts'
import { newSuggestions, type Suggestion, suggestionsOf } from '../monitors/monitors.ts'
import { takeLock } from '../platform/lock.ts'
import { type ReadOnlyServer, serveReadOnly } from '../platform/read-only-server.ts'
import type { ServiceNotify } from '../platform/service-notify.ts'
import { openMarketChain } from './chain.ts'
import { type DaemonState, runDaemon } from './daemon.ts'
import { INDIA, lockDir } from './india-day.ts'
import { readInstruments } from './instruments-file.ts'
import type { JobCommand } from './job-run.ts'
import { MarketWatch, type Present } from './market-watch.ts'
import { calendarOf, type Market } from './truth-market.ts'
import type { IndiaContext } from './vendor.ts'

export type MarketDaemonOptions = {
  readonly market: Market
  readonly command: JobCommand
  readonly version: string
  readonly notify: ServiceNotify
  readonly onListening?: (port: number) => void
}

const WATCHDOG_MS = 15 * SECOND_MS
const VIEW_AGE_MAX_MS = SECOND_MS

/** Returns when asked to stop. Throws LOCK_HELD, CONFIG_INVALID, CHAIN_BROKEN, INSTRUMENTS_INVALID. */
export async function runMarketDaemon(context: IndiaContext, options: MarketDaemonOptions): Promise<void> {
  // Before the port: two daemons of one market are told by the lock, and not by who was first to listen.
  const lock = takeLock(lockDir(context.config.dataDir), `daemon-${options.market}`)
  try {
    await runLocked(context, options)
  } finally {
    lock.release()
  }
}

async function runLocked(context: IndiaContext, options: MarketDaemonOptions): Promise<void> {
  const { config, clock, log, signal, simulation } = context
  const { market, command, notify } = options
  const calendar = calendarOf(config, market)
  const chain = openMarketChain({ dataDir: config.dataDir, market, clock, note: (text) => log.warn(text) })
  const instruments = market === INDIA ? readInstruments(config.markets.in.instruments) : []
  const post = new Post(context, options, chain)
  const server = await post.serve(config.markets[market].http.port)
  const stopWatchdog = clock.every(WATCHDOG_MS * clock.speed, () => notify('WATCHDOG=1'))
  try {
    log.info('health and metrics', { url: `http://127.0.0.1:${server.port}/health` })
    options.onListening?.(server.port)
    notify('READY=1')
    await runDaemon({
      calendar,
      instruments,
      chain,
      command,
      clock,
      isSimulated: simulation !== undefined,
      log,
      signal,
      onJob: (child, job) => post.hear(child, job),
      onMinute: (state) => post.minute(state),
    })
  } finally {
    notify('STOPPING=1')
    stopWatchdog()
    await server.stop()
  }
}

/** Where what the jobs tell arrives, and from where it is shown. */
class Post {
  readonly #context: IndiaContext
  readonly #options: MarketDaemonOptions
  readonly #chain: Chain
  readonly #watch: MarketWatch
  #worker: WorkerSample | null = null
  #job: PlannedJob | null = null
  /** When the worker spoke last, or was begun; on the monotonic clock. */
  #heardMonoMs = 0
  #shown: { readonly monoMs: number; readonly view: ReturnType<MarketWatch['view']> } | null = null

  constructor(context: IndiaContext, options: MarketDaemonOptions, chain: Chain) {
    this.#context = context
    this.#options = options
    this.#chain = chain
    this.#watch = new MarketWatch(context, options.market)
  }

  hear(child: ChildProcess, job: PlannedJob): void {
    const { clock } = this.#context
    this.#job = job
    this.#heardMonoMs = clock.monoMs()
    child.on('message', (message) => {
      if (!isSample(message)) return
      this.#worker = message
      this.#heardMonoMs = clock.monoMs()
    })
    child.once('exit', () => {
      this.#worker = null
      this.#job = null
    })
  }

  /** What the monitors see for the first time goes into the chain, and that is all that they do. */
  minute(_state: DaemonState): void {
    const { log } = this.#context
    try {
      const found = suggestionsOf(this.#watch.facts(this.#present()))
      for (const suggestion of newSuggestions(found, this.#watch.knownSuggestions()))
        this.#suggest(suggestion)
    } catch (error) {
      log.error('the monitors could not look', { why: messageOf(error) })
    }
  }

  #suggest(suggestion: Suggestion): void {
    const { clock, log } = this.#context
    const { monitor, key, level, isUrgent, text, command, evidence } = suggestion
    log.warn(`[SUGGESTION] ${text}`, { monitor, urgent: isUrgent, run: command })
    this.#chain.append({
      type: 'suggestion',
      atMs: clock.wallMs(),
      actor: 'system:monitor',
      payload: { monitor, key, severity: level, urgent: isUrgent, text, command, evidence },
    })
  }

  async serve(port: number): Promise<ReadOnlyServer> {
    const { clock, log } = this.#context
    const metrics = new MarketMetrics(() => this.#view())
    return await serveReadOnly({
      port,
      pages: {
        '/health': () => {
          const sampleAgeMs = (clock.monoMs() - this.#heardMonoMs) / clock.speed
          const health = healthOf(this.#view(), sampleAgeMs)
          const status = health.status === 'ok' ? 200 : 503
          return { status, type: 'application/json', body: `${JSON.stringify(health)}\n` }
        },
        '/metrics': async () => ({ status: 200, type: METRICS_TYPE, body: await metrics.text() }),
      },
      onError: (error) => log.error('a page could not be made', { why: messageOf(error) }),
    })
  }

  /** One page asks for it many times. */
  #view(): ReturnType<MarketWatch['view']> {
    const monoMs = this.#context.clock.monoMs()
    const isFresh = this.#shown !== null && monoMs - this.#shown.monoMs < VIEW_AGE_MAX_MS
    if (this.#shown === null || !isFresh) this.#shown = { monoMs, view: this.#watch.view(this.#present()) }
    return this.#shown.view
  }

  #present(): Present {
    return {
      worker: this.#worker,
      runningJob: this.#job?.id ?? null,
      isWorkerDue: this.#job?.name === 'stream',
      version: this.#options.version,
    }
  }
}

function isSample(message: unknown): message is WorkerSample {
  return (
    typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'worker-sample'
  )
}
