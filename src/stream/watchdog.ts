/**
 * Whose silence is it? Called once a second with what each shard has counted so far; pure, so that every
 * silence can be told in a test.
 *
 * Two kinds of silence, because they have two cures and two costs. A socket on which nothing at all
 * arrives, not even the answer to our pings, is dead: it is replaced. A socket that answers pings but
 * brings no tick may be mute (seen in the field after token rollovers) or the market may be quiet; only a
 * whole exchange segment, or a shard of many instruments, is never quiet in continuous trading. Pongs count
 * for the first question and not for the second. Since a quiet market is possible all the same, each
 * reconnect that brought only silence doubles the patience, up to a cap; the first tick restores it.
 *
 * Silence is summed over the time in which we were awake and looking: `elapsedMs` of a late call is cut by
 * the caller, so that a starved process does not take its own absence for the vendor's.
 */

export type Pulse = {
  /** Connected, subscribed and reading: otherwise there is nothing to be silent. */
  readonly isListening: boolean
  /** Everything that arrived so far, over all connections of the shard. */
  readonly receivedCount: number
  /** The ticks among it. */
  readonly tickCount: number
  readonly instrumentCount: number
}

export type WatchLimits = {
  readonly stallMs: number
  readonly dataSilenceMs: number
  readonly dataSilenceMaxMs: number
  /** A shard of fewer instruments is never called mute on its own. */
  readonly muteInstrumentsMin: number
}

type ShardMemory = {
  readonly receivedCount: number
  readonly tickCount: number
  readonly stalledMs: number
  readonly quietMs: number
  readonly patienceMs: number
}

export type WatchMemory = {
  readonly shards: readonly ShardMemory[]
  /** Over all shards together. */
  readonly quietMs: number
  readonly patienceMs: number
}

export type Verdict = {
  readonly shard: number
  readonly reason: 'stalled' | 'mute'
  readonly silentMs: number
}

export type Watch = { readonly memory: WatchMemory; readonly verdicts: readonly Verdict[] }

export function startWatch(shardCount: number, limits: WatchLimits): WatchMemory {
  const patienceMs = limits.dataSilenceMs
  const shard: ShardMemory = { receivedCount: 0, tickCount: 0, stalledMs: 0, quietMs: 0, patienceMs }
  return { shards: new Array<ShardMemory>(shardCount).fill(shard), quietMs: 0, patienceMs }
}

/** `isTrading`: inside a continuous interval. A shard with a verdict is to be reconnected. */
export function watch(
  memory: WatchMemory,
  pulses: readonly Pulse[],
  elapsedMs: number,
  isTrading: boolean,
  limits: WatchLimits,
): Watch {
  const looked = pulses.map((pulse, at) => look(memory.shards[at]!, pulse, elapsedMs, isTrading, limits))
  const anyTick = pulses.some((pulse, at) => pulse.tickCount !== memory.shards[at]!.tickCount)
  const anyListening = pulses.some((pulse) => pulse.isListening)
  const patienceMs = anyTick ? limits.dataSilenceMs : memory.patienceMs
  const quietMs = isTrading && anyListening && !anyTick ? memory.quietMs + elapsedMs : 0
  const allMute = quietMs >= patienceMs

  const verdicts: Verdict[] = []
  const shards = looked.map((shard, at) => {
    const verdict = judge(at, shard, pulses[at]!, allMute ? quietMs : null, limits)
    if (verdict === null) return shard
    verdicts.push(verdict)
    const patience = verdict.reason === 'mute' ? doubled(shard.patienceMs, limits) : shard.patienceMs
    return { ...shard, stalledMs: 0, quietMs: 0, patienceMs: patience }
  })
  return {
    memory: {
      shards,
      quietMs: allMute ? 0 : quietMs,
      patienceMs: allMute ? doubled(patienceMs, limits) : patienceMs,
    },
    verdicts,
  }
}

function look(
  shard: ShardMemory,
  pulse: Pulse,
  elapsedMs: number,
  isTrading: boolean,
  limits: WatchLimits,
): ShardMemory {
  const { receivedCount, tickCount, isListening } = pulse
  const hasTicked = tickCount !== shard.tickCount
  const isStalling = isListening && receivedCount === shard.receivedCount
  const isQuiet = isListening && isTrading && !hasTicked
  return {
    receivedCount,
    tickCount,
    stalledMs: isStalling ? shard.stalledMs + elapsedMs : 0,
    quietMs: isQuiet ? shard.quietMs + elapsedMs : 0,
    patienceMs: hasTicked ? limits.dataSilenceMs : shard.patienceMs,
  }
}

function judge(
  at: number,
  shard: ShardMemory,
  pulse: Pulse,
  feedQuietMs: number | null,
  limits: WatchLimits,
): Verdict | null {
  if (!pulse.isListening) return null
  if (shard.stalledMs >= limits.stallMs) return { shard: at, reason: 'stalled', silentMs: shard.stalledMs }
  // A socket that has only just opened has had no chance to break the silence.
  const hadItsChance = shard.quietMs >= limits.dataSilenceMs
  if (feedQuietMs !== null && hadItsChance) return { shard: at, reason: 'mute', silentMs: feedQuietMs }
  const isLarge = pulse.instrumentCount >= limits.muteInstrumentsMin
  if (!isLarge || shard.quietMs < shard.patienceMs) return null
  return { shard: at, reason: 'mute', silentMs: shard.quietMs }
}

function doubled(patienceMs: number, limits: WatchLimits): number {
  return Math.min(limits.dataSilenceMaxMs, patienceMs * 2)
}

/**
 * Did this process not run for a while (suspended, stopped, starved)? `lateMs` is how late a periodic
 * wake came, in ms of a clock of `speed`. It must be long on the clock and long in truth: at 60 times the
 * speed an ordinary pause of the machine is seconds of the session.
 */
export function hasSlept(lateMs: number, speed: number): boolean {
  return lateMs > ASLEEP_MS && lateMs / speed > ASLEEP_REAL_MS
}

const ASLEEP_MS = 5_000
const ASLEEP_REAL_MS = 250
