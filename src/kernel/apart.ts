/**
 * A part of a node's store that is as good as one of its own: for what the node runs twice, such as a neighborhood.
 */

import type { Store, Write } from './ports.ts'

/**
 * A store within a store. Every space has another name there, but for those that are `shared`; what was written through either is on the disk once either is in sync.
 *
 * @param name what sets it apart: lower-case letters and digits
 */
export function storeApart(store: Store, name: string, shared: ReadonlySet<string> = new Set()): Store {
  const spaceOf = (space: string): string => (shared.has(space) ? space : `${name}-${space}`)
  const moved = (write: Write): Write => ({ ...write, space: spaceOf(write.space) })
  return {
    get: (space, key) => store.get(spaceOf(space), key),
    scan: (space) => store.scan(spaceOf(space)),
    write: (writes) => store.write(writes.map(moved)),
    sync: () => store.sync(),
    // it ends with the whole
    close: async () => {},
  }
}
