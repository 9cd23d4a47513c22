/** Which rows does the matrix have, in their order? */
import type { FaultRow } from '../../test/faults/row.ts'
import { BATCH_ROWS } from './batch.ts'
import { DISK_ROWS } from './disk.ts'
import { KILL_ROWS } from './kills.ts'
import { NETWORK_ROWS } from './network.ts'
import { POWER_ROWS } from './power.ts'
import { PROCESS_ROWS } from './process.ts'
import { SLOW_ROWS } from './slow.ts'
import { SUITE_ROWS } from './suites.ts'

const ROWS: readonly FaultRow[] = [
  ...KILL_ROWS,
  ...POWER_ROWS,
  ...SUITE_ROWS,
  ...DISK_ROWS,
  ...SLOW_ROWS,
  ...PROCESS_ROWS,
  ...NETWORK_ROWS,
  ...BATCH_ROWS,
]

export const FAULT_ROWS: readonly FaultRow[] = ROWS.toSorted((a, b) => a.row - b.row)
