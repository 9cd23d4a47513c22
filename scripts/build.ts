/** Makes the publishable package, in `dist` or where it is told: JavaScript with declarations, executable. */
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const outDir = process.argv[2] ?? 'dist'
rmSync(outDir, { recursive: true, force: true })
execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', outDir], { stdio: 'inherit' })
chmodSync(join(outDir, 'cli/main.js'), 0o755)
