import { describe, expect, test } from 'vitest'
import { advance, override, rollBack } from '../../src/app/epoch-moves.ts'
import { type EpochMeans, recordVerdict } from '../../src/app/gate-epoch.ts'
import { OperatingError } from '../../src/domain/error.ts'
import type { EventPayload, EventType } from '../../src/domain/event.ts'
import type { TruthState } from '../../src/domain/truth.ts'
import { requireContinuity } from '../../src/gates/continuity.ts'
import { foldTruth, TruthFold } from '../../src/gates/state.ts'
import { ingestPayload, MemoryLake, memoryEvent, policy, proxySet, session } from './kit.ts'

const SET = proxySet(['SPY', 'QQQ'])
const MEANS: EpochMeans = { proxySet: SET, policy: policy(), syncsAt: () => [] }
const BY = { operator: 'asha', reason: 'the vendor confirmed the figures by mail' }

function stateOf(lake: MemoryLake): TruthState {
  return foldTruth(lake.market, lake.events).state()
}

/** Sessions 0 to `count` - 1 are canonical. */
function running(count: number, set = SET): MemoryLake {
  const lake = new MemoryLake()
  for (let index = 0; index < count; index++) lake.ingest(index, set)
  return lake
}

function advanced(lake: MemoryLake, index: number, means = MEANS): unknown {
  return lake
    .truth()
    .decide(means.proxySet, (desk) => advance(desk, means, session(index), 'asha', 'advancing'))
}

function faultOf(work: () => unknown): { readonly code: string; readonly message: string } {
  try {
    work()
  } catch (error) {
    if (error instanceof OperatingError) return error
    throw error
  }
  throw new Error('it was allowed')
}

describe('CTT', () => {
  test('the first session that passes begins the record, and each next one moves it', () => {
    const lake = new MemoryLake()
    expect(stateOf(lake).ctt).toBe(null)
    lake.ingest(4, SET)
    expect(stateOf(lake).ctt).toBe(session(4))
    lake.ingest(5, SET)
    expect(stateOf(lake).ctt).toBe(session(5))
  })

  test('sessions that passed out of order wait for the one that is missing', () => {
    const lake = running(2)
    lake.ingest(4, SET)
    lake.ingest(3, SET)
    expect(stateOf(lake).ctt).toBe(session(1))
    lake.ingest(2, SET)
    expect(stateOf(lake).ctt).toBe(session(4))
  })

  test('fail, wait and review leave it where it was', () => {
    const lake = running(2)
    for (const verdict of ['fail', 'wait', 'review'] as const) lake.ingest(2, SET, { verdict })
    expect(stateOf(lake).ctt).toBe(session(1))
  })

  test('a review that is accepted moves it like a pass; a rejected one never does', () => {
    const lake = running(1)
    lake.ingest(1, SET, { verdict: 'review' })
    const [review] = stateOf(lake).reviews
    const record = {
      reviewId: review!.id,
      session: session(1),
      evidenceSha256: review!.evidenceSha256,
      ...BY,
    }
    const rejected = structuredClone(lake.events)
    lake
      .truth()
      .decide(null, (desk) =>
        desk.record('review.decided', 'operator:asha', { ...record, decision: 'accept' }),
      )
    expect(stateOf(lake)).toMatchObject({ ctt: session(1), reviews: [] })
    const other = new MemoryLake()
    other.events.push(...rejected)
    other
      .truth()
      .decide(null, (desk) =>
        desk.record('review.decided', 'operator:asha', { ...record, decision: 'reject' }),
      )
    expect(stateOf(other)).toMatchObject({ ctt: session(0), reviews: [] })
  })

  test('a review is withdrawn when other data lie there: nobody can accept what is gone', () => {
    const lake = running(1)
    lake.ingest(1, SET, { verdict: 'review' })
    lake.ingest(1, SET, { verdict: 'fail', evidence: 1 })
    expect(stateOf(lake).reviews).toEqual([])
  })

  test('a symbol that was held back keeps its own CTT until its session is repaired', () => {
    const set = proxySet(['SPY'])
    const lake = new MemoryLake()
    lake.ingest(0, set, { symbols: ['SPY', 'IBM'] })
    lake.ingest(1, set, { symbols: ['SPY'] })
    lake.ingest(2, set, { symbols: ['SPY', 'IBM'] })
    expect(stateOf(lake)).toMatchObject({ ctt: session(2) })
    expect(stateOf(lake).cttBySymbol.get('IBM')).toBe(session(0))
    lake.ingest(1, set, { symbols: ['SPY', 'IBM'], evidence: 1 })
    expect(stateOf(lake).cttBySymbol.get('IBM')).toBe(session(2))
  })

  test('another proxy set neither lowers it nor lifts it over a gap of its own symbols', () => {
    const lake = running(3, proxySet(['SPY']))
    const other = proxySet(['QQQ'], '2.0.0')
    lake.ingest(4, other, { symbols: ['SPY', 'QQQ'] })
    expect(stateOf(lake).ctt).toBe(session(2))
    lake.ingest(3, other, { symbols: ['SPY', 'QQQ'] })
    expect(stateOf(lake).ctt).toBe(session(4))
  })

  test('a holiday that the calendar learned of later closes the line', () => {
    const lake = running(2)
    lake.ingest(3, SET)
    expect(stateOf(lake).ctt).toBe(session(1))
    lake.ingest(3, SET, { previous: session(1) })
    expect(stateOf(lake).ctt).toBe(session(3))
  })

  test('a session that failed after it had passed stays canonical: nothing is unsaid', () => {
    const lake = running(3)
    lake.ingest(1, SET, { verdict: 'fail', evidence: 7 })
    expect(stateOf(lake).ctt).toBe(session(2))
  })
})

describe('the same evidence', () => {
  test('judged again by the ingestion gate is no second event', () => {
    const lake = running(2)
    const again = lake.ingest(1, SET)
    expect(again.event_index).toBe(1)
    expect(lake.events).toHaveLength(2)
  })

  test('judged again by the intelligence gate is the same verdict and no second event', () => {
    const lake = running(2)
    const judge = (): unknown => lake.truth().decide(SET, (desk) => recordVerdict(desk, MEANS, session(1)))
    const first = judge()
    const second = judge()
    expect(second).toEqual({ ...(first as object), isNew: false })
    expect(lake.events).toHaveLength(3)
  })

  test('failing again after the halt was lifted halts again, without judging twice', () => {
    const lake = running(1)
    const judge = (): unknown => lake.truth().decide(SET, (desk) => recordVerdict(desk, MEANS, session(3)))
    judge()
    const { halt } = stateOf(lake)
    lake
      .truth()
      .decide(null, (desk) => desk.record('halt.cleared', 'operator:asha', { haltId: halt!.id, ...BY }))
    expect(stateOf(lake).halt).toBe(null)
    judge()
    expect(stateOf(lake).halt?.failedChecks).toEqual(halt?.failedChecks)
    expect(lake.events.filter(({ event_type }) => event_type === 'gate.epoch')).toHaveLength(1)
  })

  test('recorded at another moment, under another name and file, decides the same', () => {
    const lake = running(3)
    advanced(lake, 1)
    const later = lake.events.map((event) => ({
      ...event,
      recorded_at: '2031-01-01T00:00:00.000Z',
      event_time: 'never',
    }))
    expect(foldTruth('us', later).state()).toEqual(stateOf(lake))
  })
})

describe('a halt', () => {
  test('is one line with its verdict: the process may die right behind it', () => {
    const lake = running(1)
    lake.crashAfter = 1 // the verdict is written, its announcement is not
    expect(() => lake.truth().decide(SET, (desk) => recordVerdict(desk, MEANS, session(2)))).toThrow()
    lake.crashAfter = Number.POSITIVE_INFINITY
    expect(lake.events.at(-1)?.event_type).toBe('gate.epoch')
    expect(stateOf(lake).halt).not.toBe(null)
    lake.truth().decide(null, () => {})
    expect(lake.events.at(-1)).toMatchObject({ event_type: 'halt.raised', payload: { causeEvent: 1 } })
  })

  test('stops advance, override and rollback, and starting an evaluation, until it is lifted', () => {
    const lake = running(3)
    advanced(lake, 0)
    advanced(lake, 1)
    const state = stateOf(lake)
    lake.truth().decide(null, (desk) => {
      desk.record('halt.raised', 'operator:asha', {
        haltId: 'H-9',
        reason: 'stop',
        failedChecks: [],
        causeEvent: null,
      })
    })
    const before = lake.events.length
    const moves = [
      () => advanced(lake, 2),
      () =>
        lake.truth().decide(SET, (desk) => override(desk, MEANS, session(2), BY, session(3), 'overriding')),
      () => lake.truth().decide(SET, (desk) => rollBack(desk, SET, session(0), BY, 'rolling back')),
      () => requireContinuity(stateOf(lake), SET),
    ]
    expect(moves.map((move) => faultOf(move).code)).toEqual(['HALTED', 'HALTED', 'HALTED', 'HALTED'])
    expect(lake.events).toHaveLength(before)
    expect(stateOf(lake).epoch).toEqual(state.epoch)
  })

  test('does not stop gate 1: what was missing can arrive', () => {
    const lake = running(1)
    lake.truth().decide(SET, (desk) => recordVerdict(desk, MEANS, session(1)))
    lake.ingest(1, SET)
    expect(stateOf(lake)).toMatchObject({ ctt: session(1) })
    expect(stateOf(lake).halt).not.toBe(null)
  })
})

test('a snapshot that a crash left behind is healed even by a command that is refused', () => {
  const lake = running(2)
  const before = lake.files.get('ctt.json')
  lake.crashAfter = 1
  expect(() => lake.ingest(2, SET)).toThrow()
  expect(stateOf(lake).ctt).toBe(session(2))
  expect(lake.files.get('ctt.json')).toBe(before)
  lake.crashAfter = Number.POSITIVE_INFINITY
  faultOf(() => lake.truth().decide(SET, (desk) => rollBack(desk, SET, session(0), BY, 'rolling back')))
  expect(JSON.parse(lake.files.get('ctt.json')!)).toMatchObject({ ctt: session(2) })
})

describe('an override', () => {
  const alarmed = (): MemoryLake => {
    const lake = running(4)
    lake
      .truth()
      .decide(null, (desk) => desk.record('alert.raised', 'system:feed', { id: 'A-1', text: 'mute' }))
    return lake
  }
  const forced = (lake: MemoryLake, index: number, until: number): unknown =>
    lake
      .truth()
      .decide(SET, (desk) => override(desk, MEANS, session(index), BY, session(until), 'overriding'))

  test('holds who, why, before, after and the failed checks, and marks the epoch', () => {
    const lake = alarmed()
    forced(lake, 1, 4)
    expect(lake.events.at(-1)?.payload).toMatchObject({
      ...BY,
      failedChecks: ['health.alerts'],
      before: null,
      after: { epochId: `TE-${session(1)}`, session: session(1) },
      expiresAfter: session(4),
    })
    expect(stateOf(lake).epoch).toMatchObject({ session: session(1), overridden: true })
    expect(JSON.parse(lake.files.get('truth_epoch.json')!)).toMatchObject({
      overridden: true,
      override: { operator: 'asha', expires_after: session(4), expired: false },
    })
  })

  test('never reaches beyond CTT, whatever the operator understands', () => {
    const lake = alarmed()
    expect(faultOf(() => forced(lake, 4, 6))).toMatchObject({ code: 'GATE_REFUSED' })
    expect(stateOf(lake).epoch).toBe(null)
  })

  test('is refused where nothing fails', () => {
    expect(faultOf(() => forced(running(2), 1, 2)).message).toMatch(/nothing to override/)
  })

  test('blocks the gate while it is in force, expires, and carries no evaluation afterwards', () => {
    const lake = alarmed()
    forced(lake, 1, 4)
    lake.truth().decide(null, (desk) => desk.record('alert.resolved', 'operator:asha', { id: 'A-1' }))
    const verdict = (index: number): string =>
      lake.truth().decide(SET, (desk) => recordVerdict(desk, MEANS, session(index))).verdict.verdict
    lake.ingest(4, SET)
    expect(requireContinuity(stateOf(lake), SET).overridden).toBe(true)
    lake.ingest(5, SET)
    expect(faultOf(() => requireContinuity(stateOf(lake), SET)).message).toMatch(/carried it until/)
    expect(verdict(5)).toBe('pass')
    expect(verdict(4)).toBe('fail')
  })

  test('that would be over before it begins is none', () => {
    const lake = alarmed()
    expect(faultOf(() => forced(lake, 1, 2)).message).toMatch(/expired before it began/)
  })
})

describe('a rollback', () => {
  test('opens a generation, restores an earlier epoch, and deletes nothing', () => {
    const lake = running(3)
    advanced(lake, 0)
    advanced(lake, 2)
    lake.truth().decide(SET, (desk) => rollBack(desk, SET, session(0), BY, 'rolling back'))
    const { epoch, epochs } = stateOf(lake)
    expect(epoch).toMatchObject({ epochId: `TE-${session(0)}.g2`, session: session(0), generation: 2 })
    expect(epochs.map(({ epochId }) => epochId)).toEqual([
      `TE-${session(0)}`,
      `TE-${session(2)}`,
      `TE-${session(0)}.g2`,
    ])
    advanced(lake, 1)
    expect(stateOf(lake).epoch?.epochId).toBe(`TE-${session(1)}.g2`)
  })

  test('only goes where an epoch was', () => {
    const lake = running(4)
    advanced(lake, 1)
    advanced(lake, 3)
    const fault = faultOf(() =>
      lake.truth().decide(SET, (desk) => rollBack(desk, SET, session(2), BY, 'rolling back')),
    )
    expect(fault.message).toContain(`there are ${session(1)}`)
  })
})

describe('another proxy set', () => {
  const OTHER = proxySet(['SPY', 'QQQ'], '1.1.0')
  const OTHER_MEANS: EpochMeans = { ...MEANS, proxySet: OTHER }

  test('invalidates the epoch at the next command, and its old definition stays readable', () => {
    const lake = running(2)
    advanced(lake, 1)
    expect(faultOf(() => requireContinuity(stateOf(lake), OTHER)).code).toBe('DISCONTINUITY')
    lake.truth().decide(OTHER, () => {})
    lake.truth().decide(OTHER, () => {})
    expect(lake.events.filter(({ event_type }) => event_type === 'epoch.invalidated')).toHaveLength(1)
    expect(stateOf(lake).epoch?.status).toBe('INVALIDATED')
    expect(faultOf(() => requireContinuity(stateOf(lake), SET)).code).toBe('DISCONTINUITY')
    expect(JSON.parse(lake.files.get('truth_epoch.json')!).validity_context.proxy_status).toBe('INVALIDATED')
    expect([SET, OTHER].every(({ sha256 }) => lake.files.has(`proxy-sets/${sha256}.json`))).toBe(true)
  })

  test('needs a new epoch, which may stand on the same session and is another generation', () => {
    const lake = running(2)
    advanced(lake, 1)
    advanced(lake, 1, OTHER_MEANS)
    expect(stateOf(lake).epoch).toMatchObject({ epochId: `TE-${session(1)}.g2`, status: 'CANONICAL' })
    expect(requireContinuity(stateOf(lake), OTHER).session).toBe(session(1))
  })

  test('is kept durably before the first event that names it', () => {
    const lake = new MemoryLake()
    lake.crashAfter = 1
    expect(() => lake.ingest(0, SET)).toThrow()
    expect([...lake.files.keys()]).toEqual([`proxy-sets/${SET.sha256}.json`])
    expect(lake.events).toEqual([])
  })
})

describe('a line that cannot be', () => {
  const lake = running(2)
  advanced(lake, 1)
  const [first, second, gate, move] = lake.events.map(
    ({ event_type, payload }) => [event_type, payload] as const,
  )
  const cases: readonly (readonly [
    string,
    readonly (readonly [EventType, EventPayload])[],
    number,
    RegExp,
  ])[] = [
    ['TE beyond CTT', [first!, gate!, move!], 1, /it passed although/],
    ['TE without its gate', [first!, second!, move!], 2, /without its gate/],
    [
      'TE with the gate of another target',
      [first!, second!, gate!, changed(move!, { to: session(0) })],
      3,
      /without its gate/,
    ],
    [
      'TE from somewhere else',
      [first!, second!, gate!, changed(move!, { from: session(0) })],
      3,
      /TE was nowhere/,
    ],
    [
      'a name that is not the next',
      [first!, second!, gate!, changed(move!, { epochId: 'TE-1' })],
      3,
      /its name is/,
    ],
    [
      'TE moved although an alert came after its gate',
      [first!, second!, gate!, ['alert.raised', { id: 'A-1', text: 'mute' }], move!],
      4,
      /although the alert A-1 was not resolved/,
    ],
    ['the same move twice', [first!, second!, gate!, move!, move!], 4, /it does not lie after TE/],
    ['the same evidence passed twice', [first!, first!], 1, /judged twice/],
    [
      'a verdict that is not that of its checks',
      [first!, second!, changed(gate!, { verdict: 'fail' })],
      2,
      /not that of its checks/,
    ],
    [
      'a session before itself',
      [['gate.ingest', ingestPayload(1, SET, { previous: session(1) })]],
      0,
      /not before it/,
    ],
    [
      'a review that nobody asked for',
      [
        [
          'review.decided',
          { reviewId: 'R', decision: 'accept', session: session(0), evidenceSha256: 'a'.repeat(64), ...BY },
        ],
      ],
      0,
      /no review R/,
    ],
    ['a halt lifted that nobody raised', [['halt.cleared', { haltId: 'H-0', ...BY }]], 0, /no halt H-0/],
    [
      'an epoch invalidated that is none',
      [['epoch.invalidated', { epochId: 'TE', was: SET, proxySet: SET } as unknown as EventPayload]],
      0,
      /not the epoch/,
    ],
    ['a payload without what it should hold', [['gate.epoch', { target: 'soon' }]], 0, /target: /],
  ]
  test.each(cases)('ends the fold at its index: %s', (_name, lines, index, words) => {
    const fold = new TruthFold('us')
    const fault = faultOf(() => {
      for (const [at, [type, payload]] of lines.entries()) fold.apply(memoryEvent('us', at, type, payload))
    })
    expect(fault.code).toBe('CHAIN_BROKEN')
    expect(fault.message).toContain(`event ${index} (`)
    expect(fault.message).toMatch(words)
  })

  test('leaves a fold that answers nothing any more', () => {
    const fold = new TruthFold('us')
    faultOf(() => fold.apply(memoryEvent('us', 1, 'job.run', {})))
    expect(() => fold.state()).toThrow(/broken fold/)
    expect(() => fold.apply(memoryEvent('us', 0, 'job.run', {}))).toThrow(/broken fold/)
  })

  test('of another market, or out of its place, ends it too: markets share nothing', () => {
    expect(faultOf(() => foldTruth('in', [memoryEvent('us', 0, 'job.run', {})])).message).toMatch(/market us/)
    expect(faultOf(() => foldTruth('us', [memoryEvent('us', 1, 'job.run', {})])).message).toMatch(
      /event 0 was to be/,
    )
  })

  function changed(
    line: readonly [EventType, EventPayload],
    change: EventPayload,
  ): readonly [EventType, EventPayload] {
    return [line[0], { ...line[1], ...change }]
  }
})

test('an alert without an id or a severity is critical all the same, and is known by its event', () => {
  const state = foldTruth('us', [memoryEvent('us', 0, 'alert.raised', { what: 'odd' })]).state()
  expect(state.alerts).toEqual([{ id: 'us-0', severity: 'critical', text: '{"what":"odd"}', eventIndex: 0 }])
})
