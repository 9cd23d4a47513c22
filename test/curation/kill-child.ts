/**
 * The process that is killed: curates the lake of its first argument. With a second one it kills itself
 * before that statement of DuckDB, which hits every step exactly, however fast the machine is.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '../../src/curation/engine.ts'
import type { RawAnswer } from '../../src/domain/batch.ts'
import { RawLake } from './raw-lake.ts'

const lake = new RawLake(process.argv[2])
const killAt = Number(process.argv[3] ?? Number.POSITIVE_INFINITY)
lake.answers.push(...(JSON.parse(readFileSync(join(lake.dataDir, 'answers.json'), 'utf8')) as RawAnswer[]))

let statementCount = 0
const { run, rows } = Engine.prototype
Engine.prototype.run = function (sql) {
  countStatement()
  return run.call(this, sql)
}
Engine.prototype.rows = function (sql) {
  countStatement()
  return rows.call(this, sql)
}

process.stdout.write('begin\n')
await lake.curate()
process.stdout.write(`end ${statementCount}\n`)

function countStatement(): void {
  statementCount += 1
  if (statementCount >= killAt) process.kill(process.pid, 'SIGKILL')
}
