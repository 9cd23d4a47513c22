/**
 * How long do we wait before we try again? Exponential with full jitter: a random part of 1, 2, 4 … 30 s,
 * so that the sockets of many clients that fell together do not return together.
 */

export type BackoffLimits = { readonly baseMs: number; readonly capMs: number }

/** `attempt` counts from 0; `random` gives [0, 1). The answer lies in [0, capMs). */
export function backoffMs(limits: BackoffLimits, attempt: number, random: () => number): number {
  return random() * Math.min(limits.capMs, limits.baseMs * 2 ** attempt)
}

/** For refusals over rate: never shorter than the doubled base, which jitter only lengthens by half. */
export function pauseMs(limits: BackoffLimits, attempt: number, random: () => number): number {
  return Math.min(limits.capMs, limits.baseMs * 2 ** attempt * (1 + random() / 2))
}
