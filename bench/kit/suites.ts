/** The suites by name: each is a file of `bench/` that exports `run(options)`. `all`, which runs them, is none of them. */

/** In the order in which `all` runs them. */
export const SUITES = [
  'hash',
  'seal',
  'verify',
  'tally',
  'match',
  'codec',
  'qnt',
  'proof',
  'start',
  'settle',
  'commit',
  'network',
  'faces',
] as const
/** A suite's name. */
export type SuiteName = (typeof SUITES)[number]

/** Whether there is a suite of this name. */
export function isSuite(name: string): name is SuiteName {
  return (SUITES as readonly string[]).includes(name)
}
