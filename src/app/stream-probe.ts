/**
 * What may be looked at while the worker runs? Handed to live views and to whoever tells how the worker is.
 */
import type { Session } from '../domain/session.ts'
import type { FeedStatus } from '../stream/feed.ts'
import type { LiveDay } from './live-day.ts'

export type StreamProbe = {
  readonly day: LiveDay
  readonly session: Session
  readonly feed: () => FeedStatus
}
