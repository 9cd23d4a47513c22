/** How is a stand-in started from a command's options? Generator or recording, faults, clock, in one call. */
import type { StandInVenue } from '../../domain/stand-in.ts'
import type { MarketDate } from '../../domain/time.ts'
import type { Credentials } from '../../domain/venue.ts'
import { type Clock, type ClockSimulation, formatClockSetting } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { SentUpdate } from './exchange-floor.ts'
import { type Fault, loadFaults } from './faults.ts'
import { createGenerator } from './generator.ts'
import { istDateOf } from './ist.ts'
import { openRecording } from './recording.ts'
import type { TickSource } from './source.ts'
import { type StandIn, startSmartapiStandIn } from './stand-in.ts'

export type RunStandInOptions = {
  readonly clock: Clock
  /** What `clock` was made from, to be told to other processes. */
  readonly simulation?: ClockSimulation
  readonly venue: StandInVenue
  readonly log: Log
  readonly port?: number
  /** Market date; without it the clock's. */
  readonly date?: MarketDate
  /** Path of a recording; without it the generator speaks. */
  readonly recording?: string
  readonly seed?: number
  readonly instrumentCount?: number
  readonly packetsPerSecond?: number
  /** Path of a faults file, or the faults themselves. */
  readonly faults?: string | readonly Fault[]
  readonly credentials?: Credentials
  readonly clientQueueBytesMax?: number
  readonly onSent?: (update: SentUpdate) => void
}

/** What the command prints as one JSON line. */
export type StandInAddress = {
  readonly url: string
  readonly restUrl: string
  readonly streamUrl: string
  readonly masterUrl: string
  /** Value for CHANDLER_CLOCK, where the clock is simulated. */
  readonly clock?: string
}

export type RunningStandIn = { readonly address: StandInAddress; readonly standIn: StandIn }

/** Throws RECORDING_INVALID, FAULTS_INVALID, or USAGE for a port that cannot be had. */
export async function runStandIn(options: RunStandInOptions): Promise<RunningStandIn> {
  const { clock, simulation, venue, log, port = 0, seed = 1, faults = [] } = options
  const { credentials, clientQueueBytesMax, onSent } = options
  const checkedFaults = typeof faults === 'string' ? loadFaults(faults) : faults
  const standIn = await startSmartapiStandIn({
    clock,
    venue,
    port,
    seed,
    log,
    source: await sourceOf(options),
    faults: checkedFaults,
    ...(credentials === undefined ? {} : { credentials }),
    ...(clientQueueBytesMax === undefined ? {} : { clientQueueBytesMax }),
    ...(onSent === undefined ? {} : { onSent }),
  })
  const { url, restUrl, streamUrl, masterUrl } = standIn
  const setting = simulation === undefined ? {} : { clock: formatClockSetting(simulation) }
  return { address: { url, restUrl, streamUrl, masterUrl, ...setting }, standIn }
}

function sourceOf(options: RunStandInOptions): TickSource | Promise<TickSource> {
  const {
    clock,
    date = istDateOf(clock.wallMs()),
    recording,
    seed,
    instrumentCount,
    packetsPerSecond,
  } = options
  if (recording !== undefined) return openRecording(recording, date)
  return createGenerator({
    date,
    ...(seed === undefined ? {} : { seed }),
    ...(instrumentCount === undefined ? {} : { instrumentCount }),
    ...(packetsPerSecond === undefined ? {} : { packetsPerSecond }),
  })
}
