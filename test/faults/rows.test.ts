import { expect, test } from 'vitest'
import { FAULT_ROWS } from '../../scripts/faults/rows.ts'

test('every row of the fault matrix, 1 to 31, is there once and says what must hold', () => {
  expect(FAULT_ROWS.map(({ row }) => row)).toEqual(Array.from({ length: 31 }, (_, at) => at + 1))
  const silent = FAULT_ROWS.filter(({ name, injects, mustHold }) => [name, injects, mustHold].includes(''))
  expect(silent).toEqual([])
})
