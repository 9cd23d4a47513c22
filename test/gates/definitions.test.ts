import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { operatorName, statedReason, substantialReason } from '../../src/gates/justification.ts'
import { limitFaults, readPolicy, strategyFaults } from '../../src/gates/policy.ts'
import { parseProxySet, proxySetText } from '../../src/gates/proxy-set.ts'
import { stateOf } from '../../src/gates/times.ts'
import { policy, proxySet, session } from './kit.ts'

const MARKETS = ['in', 'us'] as const

function faultOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof OperatingError) return `${error.code} ${error.message}`
    throw error
  }
  throw new Error('it was accepted')
}

describe('a proxy set', () => {
  test.each(MARKETS)('that is shipped for %s is valid, and its policy fits it', (market) => {
    const set = parseProxySet(readFileSync(`proxy-sets/${market}.json`, 'utf8'), 'shipped', market)
    const { policy: shipped, faults } = readPolicy(readFileSync(`policies/${market}.json`, 'utf8'), 'shipped')
    expect(faults).toEqual([])
    expect([...limitFaults(shipped!), ...strategyFaults(shipped!, set)]).toEqual([])
    expect(set.required.length).toBeGreaterThan(0)
  })

  test('is known by its content: blanks, order of keys and a written-out default change nothing', () => {
    const a = parse(
      '{"schema":"chandler.proxy_set.v1","market":"us","version":"1.0.0",' +
        '"roles":[{"role":"x","symbols":["B","A"]}]}',
    )
    const b = parse(
      '{ "version":"1.0.0", "required":["A","B","A"], "roles":[{"symbols":["B","A"],"role":"x"}],' +
        ' "market":"us","schema":"chandler.proxy_set.v1"}',
    )
    expect(b.sha256).toBe(a.sha256)
    expect(proxySet(['A', 'B'], '1.0.1').sha256).not.toBe(proxySet(['A', 'B'], '1.0.0').sha256)
    expect(proxySet(['A', 'B']).sha256).not.toBe(proxySet(['A', 'C']).sha256)
  })

  test('that is kept is read back as the same definition', () => {
    const set = proxySet(['Nifty 50', 'M&M'])
    expect(parse(proxySetText(set))).toEqual(set)
  })

  test.each([
    ['no JSON', '{', /not JSON/],
    ['half of a surrogate pair', '{"schema":"\\ud800"}', /not JSON/],
    ['another market', text({ market: 'in' }), /of the market "in"/],
    ['an unknown key', text({ colour: 1 }), /colour/],
    ['a version of two parts', text({ version: '1.0' }), /semantic version/],
    ['no roles', text({ roles: [] }), /roles/],
    ['a role without symbols', text({ roles: [{ role: 'x', symbols: [] }] }), /roles\.0\.symbols/],
    [
      'a role twice',
      text({
        roles: [
          { role: 'x', symbols: ['A'] },
          { role: 'x', symbols: ['B'] },
        ],
      }),
      /twice/,
    ],
    ['a required symbol without a role', text({ required: ['Z'] }), /Z has no role/],
    ['nothing required', text({ required: [] }), /required/],
  ])('with %s is refused, with the file and what is wrong', (_name, content, words) => {
    const fault = faultOf(() => parse(content))
    expect(fault).toMatch(words)
    expect(fault).toMatch(/^PROXY_SET_INVALID .*set\.json.*; correct the file/)
  })

  function text(change: object): string {
    const roles = [{ role: 'x', symbols: ['A'] }]
    return JSON.stringify({
      schema: 'chandler.proxy_set.v1',
      market: 'us',
      version: '1.0.0',
      roles,
      ...change,
    })
  }

  function parse(content: string): ReturnType<typeof parseProxySet> {
    return parseProxySet(content, 'set.json', 'us')
  }
})

describe('a policy', () => {
  test.each([
    ['live trading', { strategies: [{ id: 'a', eligible: true, mode: 'live', roles: ['x'] }] }, /mode/],
    ['an unknown key', { colour: 1 }, /colour/],
    ['a risk above its range', { limits: { riskPerPositionRatio: 2 } }, /limits/],
  ])('with %s is a statement that cannot be allowed, and no error', (_name, change, words) => {
    const { policy: read, faults } = policy(change)
    expect(read).toBe(null)
    expect(faults.join()).toMatch(words)
  })

  test('that is no JSON is bad input', () => {
    expect(faultOf(() => readPolicy('{', 'p.json'))).toMatch(/^POLICY_INVALID .*p\.json: not JSON/)
  })

  test('names limits that contradict each other, roles that nobody has, and nothing eligible', () => {
    const limits = {
      riskPerPositionRatio: 0.1,
      riskTotalRatio: 0.05,
      positionsMax: 1,
      positionSizeRatioMax: 0.05,
      grossExposureRatioMax: 0.01,
    }
    expect(limitFaults(policy({ limits }).policy!)).toHaveLength(3)
    const strategies = [{ id: 'a', eligible: true, mode: 'shadow', roles: ['moon'] }]
    expect(strategyFaults(policy({ strategies }).policy!, proxySet(['SPY'])).join()).toMatch(
      /needs the role moon/,
    )
    expect(strategyFaults(policy({ strategies: [] }).policy!, proxySet(['SPY'])).join()).toMatch(
      /no strategy/,
    )
    expect(strategyFaults(policy({ dependsOn: ['us'] }).policy!, proxySet(['SPY'])).join()).toMatch(/itself/)
  })
})

describe('a justification', () => {
  test.each([
    'too short',
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    'because because because because',
    '............................',
    '1234567890 1234567890 12345',
    'a b a b a b a b a b a b a b',
    '                                 ',
  ])('without substance is refused: %s', (reason) => {
    expect(faultOf(() => substantialReason(reason))).toMatch(/^USAGE .*at least 20 characters/)
  })

  test('that says why is kept on one line', () => {
    expect(substantialReason('  the vendor confirmed\nthe split by mail ')).toBe(
      'the vendor confirmed the split by mail',
    )
    expect(substantialReason('विक्रेता ने विभाजन की पुष्टि ईमेल से की है')).toContain('पुष्टि')
  })

  test('of any text never lets a control character into the chain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        try {
          expect(statedReason(text)).not.toMatch(/\p{Cc}/u)
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('is signed by a name', () => {
    expect(operatorName(' Asha K. ')).toBe('Asha K.')
    expect(operatorName('o.br-ien@desk')).toBe('o.br-ien@desk')
    for (const name of ['', ' ', '-', 'a\nb', 'x'.repeat(65)])
      expect(faultOf(() => operatorName(name))).toMatch(/^USAGE/)
  })
})

test('the four states of a market, the worst first', () => {
  const times = {
    rawSession: session(5),
    ctt: session(5),
    epoch: session(5),
    aheadCount: 0,
    driftSessionsMax: 3,
  }
  expect(stateOf(times)).toBe('SYNCHRONISED')
  expect(stateOf({ ...times, epoch: session(3), aheadCount: 2 })).toBe('PENDING_EVALUATION')
  expect(stateOf({ ...times, epoch: null })).toBe('PENDING_EVALUATION')
  expect(stateOf({ ...times, rawSession: session(6) })).toBe('PENDING_INGESTION')
  expect(stateOf({ ...times, ctt: null, epoch: null })).toBe('PENDING_INGESTION')
  expect(stateOf({ ...times, rawSession: session(6), epoch: session(1), aheadCount: 4 })).toBe('DRIFTING')
  expect(stateOf({ ...times, rawSession: null, ctt: null, epoch: null })).toBe(null)
})
