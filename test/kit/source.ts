/**
 * Reads source files the way `test/tidy.test.ts` judges them: what they import, and their code without comments and strings.
 *
 * A scanner of some sixty lines is enough for a house style without JSX and without regular expressions after a closing parenthesis; a wrong
 * guess would show as a rule that fires where it should not.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One source file of the repository. */
export interface Source {
  /** From the repository's top, with `/`, such as `src/core/bytes.ts`. */
  readonly path: string
  readonly text: string
  /** The same with comments blanked. */
  readonly code: string
  /** The same with comments and the insides of strings blanked. */
  readonly bare: string
  /** What it imports, static or dynamic, types included, as written. */
  readonly imports: readonly string[]
}

/** The repository's top. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** All files below a folder whose names match; installed packages are nobody's source. */
export function sourcesOf(folder: string, pattern = /\.(ts|js)$/): Source[] {
  return filesBelow(join(ROOT, folder))
    .filter((path) => pattern.test(path))
    .map((path) => relative(ROOT, path).replaceAll('\\', '/'))
    .sort()
    .map((path) => sourceOf(path, readFileSync(join(ROOT, path), 'utf8')))
}

/** A source file out of its text. */
export function sourceOf(path: string, text: string): Source {
  const { code, bare } = blank(text)
  return { path, text, code, bare, imports: importsOf(code, bare) }
}

/** Where a relative import leads, from the repository's top; null for packages and Node's own modules. */
export function target(source: Source, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null
  return posix.normalize(posix.join(posix.dirname(source.path), specifier))
}

/** One import circle as its path, first file repeated at the end; null where there is none. */
export function findCycle(sources: readonly Source[]): string[] | null {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const done = new Set<string>()
  const path: string[] = []
  const visit = (at: string): string[] | null => {
    if (done.has(at)) return null
    const seen = path.indexOf(at)
    if (seen >= 0) return [...path.slice(seen), at]
    path.push(at)
    const source = byPath.get(at)
    for (const specifier of source?.imports ?? []) {
      const next = target(source as Source, specifier)
      const cycle = next === null ? null : visit(next)
      if (cycle) return cycle
    }
    path.pop()
    done.add(at)
    return null
  }
  for (const { path: start } of sources) {
    const cycle = visit(start)
    if (cycle) return cycle
  }
  return null
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path)
    return entry.isFile() ? [path] : []
  })
}

function importsOf(code: string, bare: string): string[] {
  // Found where it is code, read where strings are still there: both texts have the same length.
  const found: string[] = []
  for (const match of bare.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"`])/g)) {
    const start = match.index + match[0].length
    const end = code.indexOf(match[1] as string, start)
    found.push(code.slice(start, end))
  }
  return found
}

/** Blanks comments, and strings' insides, by spaces; line breaks stay. */
function blank(text: string): { code: string; bare: string } {
  const code = text.split('')
  const bare = [...code]
  const erase = (from: number, to: number, alsoCode: boolean): void => {
    for (let i = from; i < to && i < text.length; i++) {
      if (text[i] === '\n') continue
      bare[i] = ' '
      if (alsoCode) code[i] = ' '
    }
  }
  // For every open template, the depth of braces inside its current ${…}.
  const templates: number[] = []
  let last = ''
  let i = 0
  const template = (from: number): number => {
    const end = endOf(text, from, '`')
    erase(from, end, false)
    if (text[end] !== '$') return end + 1
    templates.push(0)
    return end + 2
  }
  while (i < text.length) {
    const character = text[i] as string
    const two = text.slice(i, i + 2)
    let next = i + 1
    if (two === '//' || (i === 0 && two === '#!')) {
      next = indexOrEnd(text, '\n', i)
      erase(i, next, true)
    } else if (two === '/*') {
      next = indexOrEnd(text, '*/', i + 2) + 2
      erase(i, next, true)
    } else if (character === "'" || character === '"') {
      next = endOf(text, i + 1, character) + 1
      erase(i + 1, next - 1, false)
      last = character
    } else if (character === '`') {
      next = template(i + 1)
      last = character
    } else if (character === '}' && templates.at(-1) === 0) {
      templates.pop()
      next = template(i + 1)
    } else if (character === '/' && /^$|[(,=:[!&|?{};>\n]$|\breturn$/.test(last)) {
      next = endOfPattern(text, i + 1)
      erase(i + 1, next - 1, false)
      last = '/'
    } else {
      const depth = templates.length - 1
      if (depth >= 0 && character === '{') templates[depth] = (templates[depth] as number) + 1
      if (depth >= 0 && character === '}') templates[depth] = (templates[depth] as number) - 1
      if (!/\s/.test(character)) last = /\w/.test(character) ? (last + character).slice(-8) : character
    }
    i = next
  }
  return { code: code.join(''), bare: bare.join('') }
}

function indexOrEnd(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from)
  return found < 0 ? text.length : found
}

/** Where the string that `quote` opened ends, or where in a template `${` begins; from `from` on. */
function endOf(text: string, from: number, quote: string): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === quote || (quote === '`' && text.startsWith('${', i))) return i
  }
  return text.length
}

/** Just after the `/` that closes a regular expression. */
function endOfPattern(text: string, from: number): number {
  let inClass = false
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '[') inClass = true
    else if (text[i] === ']') inClass = false
    else if (text[i] === '/' && !inClass) return i + 1
  }
  return text.length
}
