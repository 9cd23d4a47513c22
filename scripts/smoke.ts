/** Does the package work for somebody who installs it? Packs it, installs the file elsewhere, runs the demo. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SPEED = '1500'

const dir = mkdtempSync(join(tmpdir(), 'chandler-smoke-'))
try {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', dir], { encoding: 'utf8' })
  const [{ filename, files, unpackedSize }] = JSON.parse(packed) as [
    { filename: string; files: { path: string }[]; unpackedSize: number },
  ]
  const install = ['install', '--no-save', '--omit=dev', '--no-audit', '--no-fund', join(dir, filename)]
  execFileSync('npm', ['init', '-y'], { cwd: dir, stdio: 'ignore' })
  execFileSync('npm', install, { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] })
  const main = join(dir, 'node_modules/chandler/dist/cli/main.js')
  const demo = ['demo', '--json', '--speed', SPEED, '--data-dir', join(dir, 'lake')]
  const answer = execFileSync(process.execPath, [main, ...demo], { cwd: dir, encoding: 'utf8' })
  const { report } = JSON.parse(answer) as {
    report: { candles: { total: number }; conservation: { balanced: boolean }[] }
  }
  const unbalanced = report.conservation.filter(({ balanced }) => !balanced).length
  const figures = { files: files.length, unpackedSize, candles: report.candles.total, unbalanced }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  if (report.candles.total === 0 || unbalanced > 0) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
