/**
 * Do the permits ever let one request too many through? By hand:
 *
 *     node scripts/permits.ts --count 10000 --seed 1
 *
 * prints one line of JSON and ends with status 1 if a limit was broken or a schedule got stuck.
 */
import { parseArgs } from 'node:util'
import { runPermitSchedules } from '../test/batch/permit-schedules.ts'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
})
const summary = runPermitSchedules({ count: Number(values.count), seed: Number(values.seed) })
process.stdout.write(`${JSON.stringify(summary)}\n`)
process.exitCode = summary.firstBroken === null && summary.requests > 0 ? 0 : 1
