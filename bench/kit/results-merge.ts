/**
 * One suite's part of a page of results that is already there: its section and its lines among the demands are replaced, everything else stays as it was.
 *
 * The page of a whole run says when and where it was made; a part that was made by itself says that of itself.
 */

import { demandCells, machineLines, type Results, suiteLines, table } from './results.ts'
import { SUITES } from './suites.ts'

const SECTION = /^## /
const DEMANDS = '## What is demanded'

/** The page with this suite's part out of `results`. Throws `RangeError` where it is no page of results. */
export function merged(page: string, suite: string, results: Results): string {
  const parts = partsOf(page)
  const demands = parts.find(({ title }) => title === DEMANDS)
  if (!demands) throw new RangeError('not a page of results')
  const own = table([], demandCells(suite, results)).slice(2)
  const lines = demands.lines.filter((line) => !line.startsWith(`| ${suite} |`))
  const at = lines.findIndex((line) => isBehind(line.split(' ')[1], suite))
  lines.splice(at < 0 ? lines.findLastIndex((line) => line.startsWith('|')) + 1 : at, 0, ...own)
  demands.lines = lines
  const [title, empty, ...rest] = suiteLines(suite, results)
  const made = [
    `By itself, \`npm run bench -- all --only ${suite}${results.quick ? ' --quick' : ''}\` on ${results.date}.`,
    ...machineLines(results),
    '',
  ]
  const section = { title: title as string, lines: [empty as string, ...made, ...rest] }
  const kept = parts.filter((part) => part.title !== section.title)
  const next = kept.findIndex((part) => part.title.startsWith('## ') && isBehind(part.title.slice(3), suite))
  kept.splice(next < 0 ? kept.length : next, 0, section)
  return kept.map(({ title: head, lines: all }) => [...(head === '' ? [] : [head]), ...all].join('\n')).join('\n')
}

interface Part {
  readonly title: string
  lines: string[]
}

function partsOf(page: string): Part[] {
  const parts: Part[] = [{ title: '', lines: [] }]
  for (const line of page.split('\n')) {
    if (SECTION.test(line)) parts.push({ title: line, lines: [] })
    else parts.at(-1)?.lines.push(line)
  }
  return parts
}

/** Whether a name is that of a suite that comes after this one. */
function isBehind(name: string | undefined, suite: string): boolean {
  const names: readonly string[] = SUITES
  return names.indexOf(name ?? '') > names.indexOf(suite)
}
