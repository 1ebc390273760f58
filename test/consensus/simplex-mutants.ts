/**
 * Simplex lanes with a fault of our making, to see whether the oracles of `simplex-net.ts` notice: a copy of the modules is loaded beside the true ones, with one text replaced.
 */

import { registerHooks } from 'node:module'
import type { createSimplex } from '../../src/consensus/simplex/simplex.ts'

/** One fault: `find` must stand in the file exactly once. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'FINALIZE after SKIP',
    file: 'voter.ts',
    find: 'if (mine.skip || mine.finalize ||',
    replace: 'if (mine.finalize ||',
  },
  {
    name: 'NOTARIZE over a slot that is not skipped',
    file: 'voter.ts',
    find: 'if (!slots.isSkipped(between)) return false',
    replace: '',
  },
  {
    name: 'NOTARIZE twice in a slot',
    file: 'voter.ts',
    find: 'if (number <= finalSlot(this.#lane) || slot.mine.notarize) {',
    replace: 'if (number <= finalSlot(this.#lane)) {',
  },
  { name: 'SKIP forgotten at a restart', file: 'restore.ts', find: 'mine.skip = true', replace: '' },
  { name: 'NOTARIZE forgotten at a restart', file: 'restore.ts', find: 'mine.notarize = ballot.hash', replace: '' },
  {
    name: 'own proposal forgotten at a restart',
    file: 'restore.ts',
    find: 'slot.mine.proposed = true',
    replace: '',
  },
  {
    name: 'a ballot without a record',
    file: 'intake.ts',
    find: 'log.put(SIMPLEX_SPACE.ballot,',
    replace: 'void (',
  },
]

const FOLDER = new URL('../../src/consensus/simplex/', import.meta.url).href

/** The lane with this fault in it. Throws where the text is not there any more. */
export async function mutantOf({ name, file, find, replace }: Mutant): Promise<typeof createSimplex> {
  const query = `?mutant=${encodeURIComponent(name)}`
  let isPatched = false
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context)
      const isCopy =
        resolved.url.startsWith(FOLDER) && (context.parentURL?.endsWith(query) || specifier.endsWith(query))
      return isCopy && !resolved.url.endsWith(query) ? { ...resolved, url: resolved.url + query } : resolved
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (url !== `${FOLDER}${file}${query}`) return loaded
      const parts = String(loaded.source).split(find)
      if (parts.length !== 2) throw new Error(`mutant "${name}": its text stands ${parts.length - 1} times in ${file}`)
      isPatched = true
      return { ...loaded, source: parts.join(replace) }
    },
  })
  try {
    const module = await import(`${FOLDER}simplex.ts${query}`)
    if (!isPatched) throw new Error(`mutant "${name}": ${file} was not loaded`)
    return module.createSimplex
  } finally {
    hooks.deregister()
  }
}
