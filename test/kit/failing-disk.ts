/** A disk that is full from some write on: Node's own functions refuse with ENOSPC, and everything that imports them is refused. */

import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Anything = (...args: never[]) => Promise<unknown>

const FUNCTIONS = ['mkdir', 'open', 'rename', 'link', 'writeFile'] as const
const METHODS = ['write', 'sync', 'truncate'] as const

/**
 * Runs `action` on a disk that takes `writes` steps more and then no further one. Answers how many steps it took or tried.
 *
 * A step makes, writes, brings to the disk, links or renames; reading and removing always work.
 *
 * @param onFull called instead of refusing
 */
export async function onFullDisk(
  writes: number,
  action: () => Promise<unknown>,
  onFull: () => void = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' })
  },
): Promise<number> {
  let steps = 0
  const step = (): void => {
    if (++steps > writes) onFull()
  }
  const probe = await fs.open(join(tmpdir(), `webx-probe-${process.pid}`), 'w')
  const prototype = Object.getPrototypeOf(probe) as Record<string, Anything>
  await probe.close()
  await fs.unlink(join(tmpdir(), `webx-probe-${process.pid}`))
  const all: [Record<string, Anything>, string][] = [
    ...FUNCTIONS.map((name): [Record<string, Anything>, string] => [fs as never, name]),
    ...METHODS.map((name): [Record<string, Anything>, string] => [prototype, name]),
  ]
  const originals = all.map(([owner, name]) => owner[name] as Anything)
  for (const [i, [owner, name]] of all.entries()) {
    owner[name] = async function (this: FileHandle, ...args: never[]) {
      if (name !== 'open' || args[1] !== ('r' as never)) step()
      return (originals[i] as Anything).apply(this, args)
    }
  }
  syncBuiltinESMExports()
  try {
    await action()
    return steps
  } finally {
    for (const [i, [owner, name]] of all.entries()) owner[name] = originals[i] as Anything
    syncBuiltinESMExports()
  }
}
