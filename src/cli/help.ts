/**
 * The help texts, made of the specs: what there is, and one command in full with an example.
 */

import { COMMANDS, COMMON_OPTIONS, type CommandSpec, type OptionSpec } from './spec.ts'

/** What `webx --help` prints; with a noun, only the commands of that noun. */
export function overview(noun?: string): string {
  const commands = COMMANDS.filter(({ name }) => noun === undefined || name.startsWith(`${noun} `))
  const rows = commands.map(({ name, operands, summary }) => [[name, ...operands].join(' '), summary] as const)
  const lines = [
    `usage: webx ${noun ?? '<command>'}${noun === undefined ? '' : ' <verb>'} [options]`,
    '',
    ...columns(rows),
    '',
    'Every command takes --help. Those that report take --json.',
    'Exit codes: 0 done, 1 failed, 2 usage, 3 refused by policy, 4 unreachable.',
    '',
  ]
  return lines.join('\n')
}

/** What `webx <command> --help` prints. */
export function helpOf(spec: CommandSpec): string {
  const options = Object.entries({ ...spec.options, ...COMMON_OPTIONS })
  const lines = [
    `usage: ${['webx', spec.name, ...spec.operands].join(' ')} [options]`,
    '',
    spec.summary,
    ...(spec.details ? [spec.details] : []),
    '',
    ...columns(options.map(([name, option]) => [written(name, option), option.about] as const)),
    '',
    `Example: ${spec.example}`,
    '',
  ]
  return lines.join('\n')
}

function written(name: string, option: OptionSpec): string {
  return option.value === undefined ? `--${name}` : `--${name} ${option.value}`
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
