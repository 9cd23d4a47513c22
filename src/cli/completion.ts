/**
 * What may stand next on the command line? A script for the user's shell, made from the very commands that
 * the program has, so that it cannot know one that is gone. `source <(chandler completion bash)` tries it.
 */
import type { Command } from 'commander'
import { OperatingError } from '../domain/error.ts'

const SHELLS: Readonly<Record<string, (words: readonly Place[]) => string>> = { bash, zsh, fish }

/** Words that may follow one command, and the line that names the command. */
type Place = {
  readonly path: string
  readonly words: readonly { readonly word: string; readonly says: string }[]
}

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for your shell')
    .argument('<shell>', Object.keys(SHELLS).join(', '))
    .action((shell: string) => {
      const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell]! : null
      if (script === null) {
        const known = Object.keys(SHELLS).join(', ')
        throw new OperatingError(`writing a completion script: "${shell}" is not known; use ${known}`, {
          code: 'USAGE',
        })
      }
      process.stdout.write(script(placesOf(program, program.name())))
    })
}

function placesOf(command: Command, path: string): readonly Place[] {
  const commands = command.commands.map((one) => ({ word: one.name(), says: one.description() }))
  const options = command.options.map(({ long, description }) => ({ word: long ?? '', says: description }))
  const words = [...commands, ...options.filter(({ word }) => word !== ''), { word: '--help', says: 'help' }]
  return [{ path, words }, ...command.commands.flatMap((one) => placesOf(one, `${path} ${one.name()}`))]
}

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => {
    return `    ${quoted(path)}) words=${quoted(words.map(({ word }) => word).join(' '))} ;;`
  })
  return `# chandler: completion for bash
_chandler() {
  local path=chandler words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
${places
  .slice(1)
  .map(({ path }) => `      ${quoted(path)}) path=${quoted(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _chandler chandler
`
}

function zsh(places: readonly Place[]): string {
  return `# chandler: completion for zsh
autoload -U +X bashcompinit && bashcompinit
${bash(places)}`
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words }) => {
    const steps = path.split(' ').slice(1)
    const condition =
      steps.length === 0
        ? '__fish_use_subcommand'
        : steps.map((step) => `__fish_seen_subcommand_from ${step}`).join('; and ')
    return words.map(({ word, says }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `complete -c chandler -n ${quoted(condition)} ${what} -d ${quoted(says)}`
    })
  })
  return `# chandler: completion for fish\n${lines.join('\n')}\n`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
