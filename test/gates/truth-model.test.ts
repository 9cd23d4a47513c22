import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { count, emptyTally, history, PRELUDE, World } from './truth-model.ts'

const RUNS = 2_000

test('TE <= CTT <= RDT, and the fold is the paper model, in every state, crashes included', () => {
  const tally = emptyTally()
  fc.assert(
    fc.property(history, fc.boolean(), (steps, isRunning) => {
      const world = new World()
      if (isRunning) for (const each of PRELUDE) world.run(each, tally)
      for (const each of steps) {
        world.run(each, tally)
        world.check()
      }
      world.heal()
      const before = world.check()
      world.heal()
      expect(world.check()).toEqual(before)
      count(world.lake, tally)
    }),
    { numRuns: RUNS },
  )
  // The histories must have been worth it: each kind of move happened often.
  expect(tally.advanced).toBeGreaterThan(RUNS * 1.1) // the prelude's own are about RUNS
  expect(tally.overridden).toBeGreaterThan(RUNS / 100)
  expect(tally.rolledBack).toBeGreaterThan(RUNS / 100)
  expect(tally.halts).toBeGreaterThan(RUNS / 10)
  expect(tally.invalidated).toBeGreaterThan(RUNS / 100)
  expect(tally.crashes).toBeGreaterThan(RUNS / 10)
})
