import { expect, test } from 'vitest'
import { killCuration } from './kills.ts'

test('killed at any moment and run again, the tree is the one of a run that nobody disturbed', async () => {
  const result = await killCuration([[0.2], [0.7, 0.4], [0.97]], 'statement')
  expect(result).toEqual({ killed: 4, tooLate: 0, differences: [] })
}, 60_000)
