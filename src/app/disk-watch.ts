/**
 * Is there room for the rest of the day? A worker that runs into a full disk can only stop badly; one that
 * stops a little earlier stops in good order, with everything durable and the gap told.
 */
import { OperatingError } from '../domain/error.ts'
import { fileError, freeBytesAt } from '../platform/durable.ts'
import type { IndiaContext } from './vendor.ts'

/** Real time: a disk fills at its own pace, whatever the clock simulates. */
const LOOK_EVERY_MS = 5_000
const MIB = 1_048_576

/** Looks at once, throwing what it finds, and then again and again until the returned function is called. */
export function watchDisk(context: IndiaContext, onFull: (error: OperatingError) => void): () => void {
  const { config, clock, log } = context
  const { diskWarnBytes, diskStopBytes } = config.markets.in.journal
  let hasWarned = false
  const look = (): OperatingError | null => {
    let freeBytes: number
    try {
      freeBytes = freeBytesAt(config.dataDir)
    } catch (error) {
      return fileError('watching the disk of', config.dataDir, error)
    }
    if (freeBytes < diskStopBytes) return diskLow(config.dataDir, freeBytes, diskStopBytes)
    if (freeBytes < diskWarnBytes && !hasWarned) {
      log.warn('the disk is filling up', { dir: config.dataDir, freeMiB: Math.floor(freeBytes / MIB) })
    }
    hasWarned = freeBytes < diskWarnBytes
    return null
  }
  const error = look()
  if (error !== null) throw error
  return clock.every(LOOK_EVERY_MS * clock.speed, () => {
    const low = look()
    if (low !== null) onFull(low)
  })
}

function diskLow(dir: string, freeBytes: number, stopBytes: number): OperatingError {
  return new OperatingError(
    `watching the disk of ${dir}: ${Math.floor(freeBytes / MIB)} MiB are free and the worker stops below ` +
      `${Math.floor(stopBytes / MIB)}; free space there, or lower markets.in.journal.diskStopBytes`,
    { code: 'DISK_FULL', retryable: true },
  )
}
