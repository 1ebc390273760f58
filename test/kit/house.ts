/**
 * The rules of the house as functions from source files to complaints, for `test/tidy.test.ts`.
 *
 * They are drawn in `src/ARCHITECTURE.md`. Every function answers one line per offence, so that an empty list is a pass.
 */

import { type Source, target } from './source.ts'

/** The floors from the top down; rooms on one floor are siblings. An import may go down, never up. */
export const FLOORS: readonly (readonly string[])[] = [
  ['door'],
  ['api', 'web'],
  ['apps'],
  ['services', 'drivers'],
  ['kernel'],
  ['consensus', 'swarm', 'ledger', 'data', 'face'],
  ['identity', 'proof'],
  ['core'],
  ['wasm'],
]

/** Pure floors: the same input gives the same output, everywhere, at once. */
const PURE = new Set(['consensus', 'swarm', 'ledger', 'data', 'face', 'identity', 'proof', 'core', 'wasm'])
/** What stands alone: each file of `drivers` and `services`, each folder of `apps`. */
const ALONE = new Set(['drivers', 'services', 'apps'])
/** Made to be shared by its siblings: the contract of apps, the one protocol of link and broker, what the machine itself gives. */
const SHARED = new Set([
  'src/apps/app.ts',
  'src/drivers/broker-token.ts',
  'src/drivers/host.ts',
  'src/drivers/passphrase.ts',
])
/** Doors into the world that pure cryptography cannot do without. */
const MAY_IMPORT_NODE: Readonly<Record<string, readonly string[]>> = {
  'src/core/crypto.ts': ['node:crypto'],
  'src/core/hpke.ts': ['node:crypto'],
}
/** Who reads the environment beside the doors: what is handed on to a child process, and where caches lie by custom. */
const MAY_READ_ENVIRONMENT = ['src/boot.ts', 'src/drivers/camera-command.ts', 'src/drivers/face-files.ts']
/** Packages that may be used in one place only, so that they stay replaceable. */
const ONE_USER: Readonly<Record<string, RegExp>> = {
  '@assemblyscript/loader': /^src\/wasm\/load\.ts$/,
  'cbor-x': /^src\/cli\/check-codec\.ts$/,
  'assemblyscript/asc': /^src\/cli\/dsr-compile\.ts$/,
  '@noble/post-quantum/ml-kem.js': /^src\/core\/xwing\.ts$/,
  '@scure/bip39': /^src\/identity\/words\.ts$/,
  '@scure/bip39/wordlists/english.js': /^src\/identity\/words\.ts$/,
  pino: /^src\/kernel\/observe\.ts$/,
  mqtt: /^src\/drivers\//,
  aedes: /^src\/drivers\//,
  sharp: /^src\/drivers\//,
  'onnxruntime-node': /^src\/drivers\//,
  'onnxruntime-web': /^src\/drivers\//,
  'node-dht-sensor': /^src\/drivers\//,
  'node:sqlite': /^src\/drivers\//,
}

/** The room of a file below `src`: its folder, or `door` for `cli` and for what lies in `src` itself. */
export function roomOf(path: string): string {
  const parts = path.split('/')
  return parts.length < 3 || parts[1] === 'cli' ? 'door' : (parts[1] as string)
}

/** Imports that go up, to a sibling room, or to a neighbor that must not be known. */
export function wrongWays(sources: readonly Source[]): string[] {
  const paths = new Set(sources.map((source) => source.path))
  const complaints: string[] = []
  for (const source of sources) {
    const from = roomOf(source.path)
    if (floorOf(from) < 0) complaints.push(`${source.path}: no room is called ${from}`)
    for (const specifier of source.imports) {
      const path = target(source, specifier)
      if (path === null) continue
      if (!paths.has(path)) complaints.push(`${source.path}: ${specifier} is not a file of src`)
      else if (!mayImport(source.path, path)) complaints.push(`${source.path} may not import ${path}`)
    }
  }
  return complaints
}

function mayImport(from: string, to: string): boolean {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)]
  if (fromRoom === 'door') return true
  if (fromRoom === toRoom) return !ALONE.has(fromRoom) || SHARED.has(to) || standOf(from) === standOf(to)
  // Apps and pages reach services and drivers through ports.
  if (['apps', 'api', 'web'].includes(fromRoom) && ['services', 'drivers'].includes(toRoom)) return false
  return floorOf(fromRoom) < floorOf(toRoom)
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room))
}

/**
 * What belongs together in a room of loners: a folder, or the files that share the first word of their names
 * (`face-files`, `face-model`: one driver in two files).
 */
function standOf(path: string): string {
  const [, , first = '', deeper] = path.split('/')
  return deeper === undefined ? (first.split(/[-.]/)[0] as string) : first
}

/** Time, chance, environment, network, waiting, Node or a package where only arithmetic may be. */
export function impurities(sources: readonly Source[]): string[] {
  const forbidden =
    /\bDate\b|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bprocess\b|\bperformance\b|\bfetch\s*\(|\bgetRandomValues\b|\brandom(?:UUID|Bytes)\b/g
  return sources.flatMap((source) => {
    const room = roomOf(source.path)
    if (!PURE.has(room)) return []
    const found = [...source.bare.matchAll(forbidden)].map((match) => `${source.path}: ${match[0]} on a pure floor`)
    if (room !== 'core' && /\bawait\b|\basync\b/.test(source.bare)) found.push(`${source.path}: waits on a pure floor`)
    const allowed = MAY_IMPORT_NODE[source.path] ?? []
    for (const specifier of source.imports) {
      if (specifier.startsWith('node:') && !allowed.includes(specifier))
        found.push(`${source.path}: imports ${specifier}`)
    }
    return found
  })
}

/** `console.` outside the command line and the logs; the environment outside the doors. */
export function leaks(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const found: string[] = []
    const cli = source.path.startsWith('src/cli/')
    if (
      !cli &&
      source.path !== 'src/kernel/observe.ts' &&
      /\bconsole\s*\.\s*(?:log|info|warn|error|debug|trace|dir|table|assert|count|time|group)/.test(source.bare)
    )
      found.push('console')
    if (
      !cli &&
      !MAY_READ_ENVIRONMENT.includes(source.path) &&
      /\bprocess\s*\.\s*env\b|\benv\s*[},][^;]*=\s*process\b/.test(source.bare)
    ) {
      found.push('process.env')
    }
    return found.map((what) => `${source.path}: ${what}`)
  })
}

/** Packages used where they have no business. */
export function strayPackages(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((specifier) => {
        const home = ONE_USER[specifier]
        return home !== undefined && !home.test(source.path)
      })
      .map((specifier) => `${source.path}: imports ${specifier}`),
  )
}

/** Tables that are looked things up in, not read: one bound a line. */
const TABLES = new Set(['src/core/limits.ts'])

/** Default exports, barrels, missing headers, length. */
export function manners(sources: readonly Source[], linesMax = 350): string[] {
  return sources.flatMap((source) => {
    const found: string[] = []
    const lines = source.text.split('\n').length - 1
    if (lines > linesMax && !TABLES.has(source.path)) found.push(`${lines} lines, more than ${linesMax}`)
    if (!/^(#!.*\n)?\/\*\*/.test(source.text)) found.push('does not open with a comment that says why it exists')
    if (/\bexport\s+default\b/.test(source.bare)) found.push('default export')
    if (/\bexport\s*\*/.test(source.bare)) found.push('export *')
    if (/\/index\.(ts|js)$/.test(source.path) && source.path !== 'src/index.ts') found.push('a barrel')
    return found.map((what) => `${source.path}: ${what}`)
  })
}

/** Suites that uvu would pass over in silence: it runs only what says `.run()`, and only what was added before. */
export function idleSuites(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const found: string[] = []
    const made = [...source.bare.matchAll(/\bsuite\s*(?:<[^>]*>)?\s*\(/g)].filter((match) => {
      return !/\bfunction\s+$/.test(source.bare.slice(0, match.index))
    })
    const names = [...source.bare.matchAll(/\bconst\s+(\w+)\s*=\s*suite\s*(?:<[^>]*>)?\s*\(/g)].map(
      (match) => match[1] as string,
    )
    if (/import\s*\{[^}]*\btest\b[^}]*\}\s*from\s*'uvu'/.test(source.code)) names.push('test')
    else if (made.length !== names.length) found.push('every suite is a const')
    if (names.length === 0) found.push('no suite')
    for (const name of new Set(names)) {
      const runs = [...source.bare.matchAll(new RegExp(`(?<![\\w.])${name}\\.run\\(\\)`, 'g'))]
      const adds = [...source.bare.matchAll(new RegExp(`(?<![\\w.])${name}\\(`, 'g'))]
      if (runs.length === 0) found.push(`${name} never runs`)
      else if (adds.length > 0 && (adds.at(-1)?.index ?? 0) > (runs.at(-1)?.index ?? 0))
        found.push(`${name} gets tests after it ran`)
      if (new RegExp(`(?<![\\w.])${name}\\.(only|skip)\\(`).test(source.bare)) found.push(`${name} leaves tests out`)
    }
    const rest = source.bare.slice(source.bare.lastIndexOf('.run()') + '.run()'.length)
    if (!/^[\s})]*((async\s+)?(function|interface|type)\b[\s\S]*)?$/.test(rest)) found.push('does not end in .run()')
    return found.map((what) => `${source.path}: ${what}`)
  })
}
