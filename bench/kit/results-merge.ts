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
  const others = demands.lines.filter((line) => !line.startsWith(`| ${suite} |`))
  const own = table([], demandCells(suite, results)).slice(2)
  demands.lines = inOrder([...others.filter(isRow), ...own], others)
  const [title, empty, ...lines] = suiteLines(suite, results)
  const made = [
    `By itself, \`npm run bench -- all --only ${suite}${results.quick ? ' --quick' : ''}\` on ${results.date}.`,
    ...machineLines(results),
    '',
  ]
  const section = { title: title as string, lines: [empty as string, ...made, ...lines] }
  const place = new Map<string, number>(SUITES.map((name, i) => [`## ${name}`, i]))
  const kept = parts.filter((part) => part.title !== section.title)
  const at = kept.findIndex(({ title: other }) => (place.get(other) ?? -1) > (place.get(section.title) as number))
  kept.splice(at < 0 ? kept.length : at, 0, section)
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

function isRow(line: string): boolean {
  return line.startsWith('| ') && !line.startsWith('| suite |') && !line.startsWith('| --- |')
}

/** The table's rows sorted by suite, between what stood around them. */
function inOrder(rows: readonly string[], around: readonly string[]): string[] {
  const placeOf = (row: string): number => SUITES.findIndex((suite) => row.startsWith(`| ${suite} |`))
  const sorted = [...rows].sort((a, b) => placeOf(a) - placeOf(b))
  const first = around.findIndex((line) => line.startsWith('| --- |')) + 1
  return [...around.slice(0, first), ...sorted, ...around.slice(first).filter((line) => !isRow(line))]
}
