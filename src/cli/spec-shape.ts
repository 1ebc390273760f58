/**
 * The shape of what `spec.ts` says of commands, and the options that many of them take.
 */

/** An option as people write it: `--name VALUE`, or `--name` alone. */
export interface OptionSpec {
  /** What stands for the value in the help; absent where there is none. */
  readonly value?: string
  readonly about: string
}

/** A command as people see it. */
export interface CommandSpec {
  /** `noun verb`, or one of the daily verbs alone. */
  readonly name: string
  /** Names of what follows; one in brackets may be left out, a last one with `...` may be repeated. */
  readonly operands: readonly string[]
  readonly summary: string
  /** What a person should know before using it, in lines of prose. */
  readonly details?: string
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly example: string
}

export const JSON_OPTION: OptionSpec = { about: 'print one line of JSON on stdout and nothing else there' }
export const HELP_OPTION: OptionSpec = { about: 'print this' }
export const PASSPHRASE_OPTION: OptionSpec = {
  value: 'PATH',
  about: 'file with the passphrase of a sealed key file',
}
