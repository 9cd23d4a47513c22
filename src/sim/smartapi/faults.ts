/**
 * What goes wrong, and when? A faults file (YAML or JSON) holds a list:
 *
 *     - {at: "10:15:00", for: 30, kind: stall}
 *     - {at: 5000, every: 60, for: 2, kind: drop, share: 0.5, tokens: ["1001"]}
 *     - {at: "11:00:00", kind: disconnect}
 *
 * `at` is a time of the market's day, or a number of ms after the stand-in began (default 0); `every`
 * repeats it each so many seconds; `for` is how long it lasts, in seconds, without it until the end.
 * `share` (default 1) is the part of the packets, or sockets, that it meets, chosen by seed. All times
 * are those of the stand-in's clock.
 */
import { parse } from 'yaml'
import { z } from 'zod'
import { messageOf, OperatingError } from '../../domain/error.ts'
import { readTextFile } from '../../platform/text-file.ts'

type When = { readonly at: string | number; readonly every?: number | undefined }
type Lasting = When & { readonly for?: number | undefined }
type SomeTokens = { readonly tokens?: readonly string[] | undefined }
type OnPackets = Lasting & SomeTokens & { readonly share: number }

export type Fault =
  | (OnPackets & {
      readonly kind: 'drop' | 'duplicate' | 'reorder' | 'corrupt' | 'wrong_length' | 'falling_volume'
    })
  | (OnPackets & { readonly kind: 'late'; readonly by: number })
  | (Lasting & SomeTokens & { readonly kind: 'mute' })
  | (Lasting & { readonly kind: 'stall' | 'reject_401' | 'reject_429' | 'reject_403' | 'e1002' })
  | (Lasting & { readonly kind: 'slow_link'; readonly bytesPerSecond: number })
  | (When & { readonly kind: 'disconnect'; readonly share: number })
  | (When & { readonly kind: 'token_expiry' })
export type FaultKind = Fault['kind']

const seconds = z.number().positive()
const when = {
  at: z
    .union([z.string().regex(/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/, 'not HH:MM:SS'), z.number().min(0)])
    .default(0),
  every: seconds.optional(),
}
const lasting = { ...when, for: seconds.optional() }
const share = z.number().gt(0).max(1).default(1)
const tokens = z.array(z.string()).min(1).optional()
const onPackets = { ...lasting, share, tokens }

const faultSchema = z.discriminatedUnion('kind', [
  /** Packets vanish. */
  z.strictObject({ kind: z.literal('drop'), ...onPackets }),
  /** No packets, but the socket is alive and answers pings. */
  z.strictObject({ kind: z.literal('mute'), ...lasting, tokens }),
  /** Nothing at all comes out of the sockets. */
  z.strictObject({ kind: z.literal('stall'), ...lasting }),
  /** Packets come twice. */
  z.strictObject({ kind: z.literal('duplicate'), ...onPackets }),
  /** A packet comes after its successor. */
  z.strictObject({ kind: z.literal('reorder'), ...onPackets }),
  /** Packets come `by` seconds too late. */
  z.strictObject({ kind: z.literal('late'), ...onPackets, by: seconds }),
  /** Bits are flipped. */
  z.strictObject({ kind: z.literal('corrupt'), ...onPackets }),
  /** Packets are too short or too long for their mode. */
  z.strictObject({ kind: z.literal('wrong_length'), ...onPackets }),
  /** The cumulative volume is smaller than before. */
  z.strictObject({ kind: z.literal('falling_volume'), ...onPackets }),
  /** Sockets break off in the middle of a frame. */
  z.strictObject({ kind: z.literal('disconnect'), ...when, share }),
  /** Handshakes are refused. */
  z.strictObject({ kind: z.literal('reject_401'), ...lasting }),
  z.strictObject({ kind: z.literal('reject_429'), ...lasting }),
  /** REST calls are refused as too many. */
  z.strictObject({ kind: z.literal('reject_403'), ...lasting }),
  /** Subscriptions are refused. */
  z.strictObject({ kind: z.literal('e1002'), ...lasting }),
  /** Every socket carries no more than so many bytes a second. */
  z.strictObject({ kind: z.literal('slow_link'), ...lasting, bytesPerSecond: z.number().positive() }),
  /** Every token that was given out is worth nothing from now on. */
  z.strictObject({ kind: z.literal('token_expiry'), ...when }),
])

const faultsSchema = z.array(faultSchema).superRefine((faults, context) => {
  for (const [at, fault] of faults.entries()) {
    if (fault.every === undefined || fault.kind === 'disconnect' || fault.kind === 'token_expiry') continue
    if (fault.for !== undefined && fault.for < fault.every) continue
    context.addIssue({ code: 'custom', path: [at, 'for'], message: 'must be given and shorter than every' })
  }
})

/** `origin` is named in the error: FAULTS_INVALID with the path of every key that is wrong. */
export function checkFaults(value: unknown, origin: string): readonly Fault[] {
  const checked = faultsSchema.safeParse(value ?? [])
  if (checked.success) return checked.data
  const issues = checked.error.issues.map(({ path, message }) => `${pathText(path)}: ${message}`)
  throw invalid(origin, issues.join('; '))
}

/** Throws FAULTS_INVALID. */
export function loadFaults(path: string): readonly Fault[] {
  let value: unknown
  try {
    value = parse(readTextFile(path))
  } catch (error) {
    throw invalid(path, messageOf(error), error)
  }
  return checkFaults(value, path)
}

/** `[2].share` */
function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
}

function invalid(origin: string, what: string, cause?: unknown): OperatingError {
  return new OperatingError(
    `reading the faults ${origin}: ${what}; correct the file, it is a list of {kind, at, every, for, …}`,
    { code: 'FAULTS_INVALID', cause },
  )
}
