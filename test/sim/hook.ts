/**
 * Makes a process a mutant: `node --import ./hook.ts worker.ts "mutant name"` loads the production code with that mutant's patches applied.
 */

import { registerHooks } from 'node:module'
import { mutantNamed, patched } from './mutants.ts'

const { patches } = mutantNamed(process.argv[2] as string)
const top = new URL('../../', import.meta.url).href

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const mine = patches.filter(({ file }) => url === top + file)
    if (mine.length === 0) return loaded
    const source = Buffer.from(loaded.source as Uint8Array).toString('utf8')
    return { ...loaded, source: mine.reduce(patched, source) }
  },
})
