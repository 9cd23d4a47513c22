/** `chandler init`: a configuration, a list of instruments by name, and a look at the credentials. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { initialise, NAMES_DEFAULT } from '../app/init.ts'
import { createRuntime, print, printJson } from './runtime.ts'

type Options = { readonly dir: string; readonly instruments?: string; readonly master?: string }

export function addInit(program: Command): void {
  program
    .command('init')
    .description('write a commented configuration and an instruments file, and check the credentials')
    .option('--dir <dir>', 'where to write', '.')
    .option('--instruments <names>', 'names separated by commas, as in "NIFTY 50,RELIANCE"')
    .option('--master <url or file>', "the vendor's list of instruments, when not from the vendor")
    .action(async (options: Options, command: Command) => {
      const runtime = createRuntime(command)
      const names = options.instruments?.split(',').map((name) => name.trim()) ?? NAMES_DEFAULT
      const result = await initialise(runtime, {
        dir: resolve(options.dir),
        names: names.filter((name) => name !== ''),
        master: options.master ?? null,
      })
      if (runtime.json) return printJson(result)
      const { files, instruments, credentials } = result
      print(files.map((file) => `wrote ${file}`).join('\n'))
      print(`instruments: ${instruments.map(({ symbol }) => symbol).join(', ')}`)
      print(`credentials: ${credentials}`)
      print('next: chandler sod --market in, then chandler daemon --market in')
    })
}
