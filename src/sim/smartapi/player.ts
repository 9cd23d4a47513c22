/**
 * When does each update go out? At its time by the stand-in's clock, in turns of a few milliseconds;
 * all that fell due since the last turn goes out together. A stand-in that is behind, because the
 * machine is slow or the process was stopped, sends everything in order and skips nothing.
 *
 * Three queues are merged by time: the source's updates, updates that a fault holds back, and faults
 * that happen at a moment.
 */
import type { UnixMs } from '../../domain/time.ts'
import { type Clock, yieldTurn } from '../../platform/clock.ts'
import type { ExchangeFloor } from './exchange-floor.ts'
import type { FaultPlan, Moment } from './fault-plan.ts'
import type { TickSource, UpdateBatch, UpdateStream } from './source.ts'

export type PlayerOptions = {
  readonly clock: Clock
  readonly source: TickSource
  readonly floor: ExchangeFloor
  readonly plan: FaultPlan
  readonly startMs: UnixMs
  readonly signal: AbortSignal
  readonly onMoment: (moment: Moment) => void
  /** Ends a turn: what was gathered for the sockets goes out. */
  readonly onTurn: (nowMs: UnixMs) => void
}

/** Real time between two turns: short beside a second's stamp, long beside a system call. */
const TURN_REAL_MS = 5
/** A turn that is far behind lets the sockets have their say after so many updates. */
const UPDATES_PER_TURN_MAX = 8_192

export class Player {
  readonly #options: PlayerOptions
  readonly #stream: UpdateStream
  #batch: UpdateBatch | null = null
  #row = 0
  #isEnded = false
  /** Updates of the source that were sent, faults or not. */
  updateCount: number = 0

  constructor(options: PlayerOptions) {
    this.#options = options
    this.#stream = options.source.open(options.startMs)
  }

  /** Whether the source has nothing more to say. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Brings the floor to the state of the start, without sending. To be awaited before anyone connects. */
  async prepare(): Promise<void> {
    const { floor, startMs } = this.#options
    while (await this.#hasUpdate()) {
      if (this.#batch!.atMs[this.#row]! >= startMs) return
      floor.recall(this.#batch!, this.#row++)
    }
  }

  /** Resolves when the signal aborts; the end of the source only leaves it idle. */
  async run(): Promise<void> {
    const { clock, signal, onTurn } = this.#options
    try {
      while (!signal.aborted) {
        const nowMs = clock.wallMs()
        const isBehind = await this.#turn(nowMs)
        onTurn(nowMs)
        await (isBehind ? yieldTurn() : clock.sleep(TURN_REAL_MS * clock.speed, signal))
      }
    } finally {
      this.#stream.close()
    }
  }

  /** Does what is due at `nowMs`; true when it stopped with more of it left. */
  async #turn(nowMs: UnixMs): Promise<boolean> {
    const { floor, plan, onMoment, onTurn } = this.#options
    for (let count = 0; count < UPDATES_PER_TURN_MAX; count++) {
      const hasUpdate = this.#hasRow() || (await this.#hasUpdate())
      const updateMs = hasUpdate ? this.#batch!.atMs[this.#row]! : Number.POSITIVE_INFINITY
      const releaseMs = floor.nextReleaseMs()
      const momentMs = plan.nextMomentMs()
      const dueMs = Math.min(updateMs, releaseMs, momentMs)
      if (dueMs > nowMs) return false
      if (momentMs === dueMs) {
        onTurn(nowMs)
        for (const moment of plan.takeMoments(dueMs)) onMoment(moment)
      } else if (releaseMs === dueMs) {
        floor.releaseNext()
      } else {
        floor.announce(this.#batch!, this.#row++)
        this.updateCount += 1
      }
    }
    return true
  }

  #hasRow(): boolean {
    return this.#batch !== null && this.#row < this.#batch.count
  }

  async #hasUpdate(): Promise<boolean> {
    while (!this.#hasRow()) {
      if (this.#isEnded) return false
      this.#batch = await this.#stream.next()
      this.#row = 0
      this.#isEnded = this.#batch === null
    }
    return true
  }
}
