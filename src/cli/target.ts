/**
 * What `webx doctor` should look at: the flags, and where a profile is named, what that profile asks of the machine.
 */

import { resolve } from 'node:path'
import type { Arguments } from './arguments.ts'
import type { Target } from './check-devices.ts'
import type { Io } from './io.ts'

/** The target of a call. Throws `bad-config` where the profile is wrong. */
export async function targetOf(given: Arguments, io: Io): Promise<Target> {
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(io.workingDirectory, path))
  return {
    dataDirectory: at(given.text('data')) ?? resolve(io.workingDirectory, '.webx'),
    broker: given.text('broker'),
    keys: at(given.text('keys')),
    camera: { kind: 'none', command: [], files: [] },
    model: { manifest: 'faceplugin', needed: false },
    tagCommand: [],
    sensor: 'none',
  }
}
