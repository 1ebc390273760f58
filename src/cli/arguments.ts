/**
 * Reads a command's arguments by its spec, and refuses what it does not know with the nearest thing it does.
 */

import { parseArgs } from 'node:util'
import { WebxError } from '../core/errors.ts'
import { COMMON_OPTIONS, specOf } from './spec.ts'

/** What stood after a command's words. */
export interface Arguments {
  /** By their names in the spec, without brackets; one that may be left out may be absent. */
  readonly operands: Readonly<Record<string, string | undefined>>
  /** All that stand for a last operand that may be repeated; empty where the command has none. */
  readonly repeated: readonly string[]
  /** Everything that was given, by option; true for one without a value. */
  readonly values: ReadonlyMap<string, string | true>
  /** Value of an option, or undefined where it was not given. */
  text(option: string): string | undefined
  /** Whether an option without a value was given. */
  flag(option: string): boolean
}

/** Reads the arguments of the command called `name`. Throws `usage`. */
export function readArguments(name: string, args: readonly string[]): Arguments {
  const spec = specOf(name)
  const known = { ...spec.options, ...COMMON_OPTIONS }
  const hint = `See webx ${name} --help.`
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(known).map(([option, { value }]) => [option, { type: value ? 'string' : 'boolean' }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values = new Map<string, string | true>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined
    if (option === undefined || !token.rawName.startsWith('--')) {
      throw new WebxError('usage', `webx ${name} has no option ${token.rawName}`, {
        hint: didYouMean(token.name, Object.keys(known), '--') ?? hint,
      })
    }
    if (values.has(token.name)) throw new WebxError('usage', `--${token.name} stands twice`, { hint })
    if (option.value !== undefined && !token.value) {
      throw new WebxError('usage', `--${token.name} needs a value (${option.value})`, { hint })
    }
    if (option.value !== undefined && !token.inlineValue && token.value?.startsWith('-') && token.value !== '-') {
      throw new WebxError('usage', `--${token.name} needs a value (${option.value}), not ${token.value}`, {
        hint: `Write --${token.name}=${token.value} if you mean it.`,
      })
    }
    if (option.value === undefined && token.value !== undefined) {
      throw new WebxError('usage', `--${token.name} takes no value`, { hint })
    }
    values.set(token.name, token.value ?? true)
  }
  const single = spec.operands.filter((operand) => !operand.endsWith('...'))
  const isRepeated = single.length < spec.operands.length
  const own = isRepeated ? positionals.slice(0, spec.operands.length) : positionals
  return {
    operands: matchOperands(name, spec.operands, own, hint),
    repeated: isRepeated ? positionals.slice(single.length) : [],
    values,
    text: (option) => {
      const value = values.get(checked(known, option))
      return value === true ? undefined : value
    },
    flag: (option) => values.has(checked(known, option)),
  }
}

/** The known word that someone who typed `word` most likely meant, or null where none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = candidate.startsWith(word) && word.length > 1 ? 1 : editDistance(word, candidate)
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `Did you mean --json?`, or undefined where nothing is near. */
export function didYouMean(word: string, known: readonly string[], prefix = ''): string | undefined {
  const found = nearest(word, known)
  return found === null ? undefined : `Did you mean ${prefix}${found}?`
}

function matchOperands(name: string, names: readonly string[], given: readonly string[], hint: string) {
  if (given.length > names.length) {
    throw new WebxError('usage', `webx ${name} does not know what to do with "${given[names.length]}"`, { hint })
  }
  const matched: Record<string, string | undefined> = {}
  for (const [i, operand] of names.entries()) {
    if (given[i] === undefined && !operand.startsWith('[')) {
      throw new WebxError('usage', `webx ${name} needs ${names.slice(i).join(' ')}`, { hint })
    }
    matched[operand.replace(/^\[|\]$/g, '')] = given[i]
  }
  return matched
}

function checked(known: Readonly<Record<string, unknown>>, option: string): string {
  if (!Object.hasOwn(known, option)) throw new RangeError(`option --${option} is not in the spec`)
  return option
}

/** Levenshtein's distance, a swap of neighbors counting once (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1)
      row.push(least)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
