/**
 * What can go wrong outside our code? An operating error is expected, named and told in one line:
 * what we were doing, what happened, what to do. Programmer errors are ordinary `Error`s and crash.
 */

export type ErrorCode =
  | 'USAGE'
  | 'CONFIG_INVALID'
  | 'CREDENTIALS_MISSING'
  | 'INSTRUMENTS_INVALID'
  | 'CAPACITY_EXCEEDED'
  | 'LOGIN_REFUSED'
  | 'TOTP_REFUSED'
  | 'VENDOR_UNREACHABLE'
  | 'VENDOR_REFUSED'
  | 'LOCK_HELD'
  | 'DIR_UNUSABLE'
  | 'DISK_FULL'
  | 'JOURNAL_FAILED'
  | 'JOURNAL_CORRUPT'
  | 'JOURNAL_FOREIGN'
  | 'JOURNAL_MISSING'
  | 'PUBLISH_CONFLICT'
  | 'PARQUET_INVALID'
  | 'RECORDING_INVALID'
  | 'FAULTS_INVALID'
  | 'NOT_FOUND'
  | 'VERIFY_FAILED'
  | 'SYMBOLS_INVALID'
  | 'KEY_REFUSED'
  | 'BATCH_FAILED'
  | 'LAKE_NEWER' // written by a newer version of this program
  | 'CALENDAR_INVALID'
  | 'PROXY_SET_INVALID'
  | 'POLICY_INVALID'
  | 'CHAIN_BROKEN'
  | 'GATE_REFUSED' // exit status 3
  | 'HALTED' // exit status 3
  | 'DISCONTINUITY' // the epoch was made with another proxy set

export type OperatingErrorOptions = {
  readonly code: ErrorCode
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

export class OperatingError extends Error {
  override readonly name = 'OperatingError'
  readonly code: ErrorCode
  readonly retryable: boolean

  /** `message` reads "what we were doing: what happened; what to do". It never holds a secret. */
  constructor(message: string, options: OperatingErrorOptions) {
    super(message, { cause: options.cause })
    this.code = options.code
    this.retryable = options.retryable ?? false
  }
}

/** The operating system's error code (`ENOSPC`, `EACCES`, …), or '' when there is none. */
export function systemCodeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : ''
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
