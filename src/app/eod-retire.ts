/**
 * Which journals may go, and how do they go? Only those of sessions that CTT covers, that are older than the
 * operator said, and whose archive was read back a moment ago with every file of the journal in it. First the
 * event, durable, then the files: what is missing afterwards has always been said before.
 */
import { join } from 'node:path'
import { addDays } from '../calendars/dates.ts'
import type { Config } from '../config.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import { removeDir } from '../platform/durable.ts'
import { journalDir } from '../store/lake.ts'
import { openMarketChain } from './chain.ts'
import { type Archived, type ArchivedFile, newestArchive, readBack, sessionFiles } from './eod-archive.ts'
import { INDIA, lockIndia } from './india-day.ts'
import { operatorActor } from './truth.ts'
import type { TruthContext } from './truth-market.ts'
import { journalDates } from './verify.ts'

export type RetirementPlan = {
  /** Sessions whose journals may go. */
  readonly ready: readonly { readonly session: MarketDate; readonly archived: Omit<Archived, 'isNew'> }[]
  /** Old enough, and kept for a reason. */
  readonly kept: readonly { readonly session: MarketDate; readonly why: string }[]
}

export function planRetirement(
  config: Config,
  options: {
    readonly today: MarketDate
    readonly days: number
    readonly ctt: MarketDate | null
    readonly archive: string
  },
): RetirementPlan {
  const { today, days, ctt, archive } = options
  const before = addDays(today, -days)
  const ready: RetirementPlan['ready'][number][] = []
  const kept: RetirementPlan['kept'][number][] = []
  for (const session of journalDates(config).filter((date) => date < before)) {
    const archived = newestArchive(archive, INDIA, session)
    const why = whyNot(config, session, ctt, archived)
    if (why === null && archived !== null) ready.push({ session, archived })
    else kept.push({ session, why: why ?? 'it is not archived' })
  }
  return { ready, kept }
}

function whyNot(
  config: Config,
  session: MarketDate,
  ctt: MarketDate | null,
  archived: Omit<Archived, 'isNew'> | null,
): string | null {
  if (ctt === null || session > ctt) return `CTT (${ctt ?? 'nowhere yet'}) does not cover it`
  if (archived === null) return 'it is not archived'
  try {
    readBack(archived)
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return messageOf(error)
  }
  const copied = new Set(archived.list.files.map(keyOf))
  const journal = `${journalDir({ market: INDIA, date: session })}/`
  const missing = sessionFiles(config, INDIA, session).find(
    (file) => file.path.startsWith(journal) && !copied.has(keyOf(file)),
  )
  return missing === undefined ? null : `${missing.path} is not in its archive as it is now`
}

function keyOf({ path, sha256 }: ArchivedFile): string {
  return `${sha256} ${path}`
}

/** Deletes the journals of the plan; each is an event before it goes. Throws LOCK_HELD beside a worker. */
export function retire(
  { config, clock, log }: TruthContext,
  { ready }: RetirementPlan,
  operator: string,
): void {
  if (ready.length === 0) return
  const lock = lockIndia(config)
  try {
    const note = (text: string): void => log.warn(text)
    const chain = openMarketChain({ dataDir: config.dataDir, market: INDIA, clock, note })
    for (const { session, archived } of ready) {
      const path = journalDir({ market: INDIA, date: session })
      const files = archived.list.files.filter((file) => file.path.startsWith(`${path}/`))
      chain.append({
        type: 'journal.retired',
        atMs: clock.wallMs(),
        actor: operatorActor(operator),
        payload: {
          session,
          path,
          files: files.length,
          bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
          archive: archived.dir,
          archive_list_sha256: archived.listSha256,
        },
      })
      removeDir(join(config.dataDir, path))
    }
  } finally {
    lock.release()
  }
}
