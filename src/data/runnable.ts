/**
 * A runnable as the manifest of a .qnt names it: which question it answers, by which module, with how much fuel and memory.
 *
 * The module travels in the manifest, or apart from it and is found by its digest. What a module may do is `dsr-module.ts`'s business.
 */

import { equal } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { HOOKS, type Hook } from './dsr-abi.ts'
import { runnableDigest } from './dsr-run.ts'

/** One runnable of one file. */
export interface RunnableEntry {
  readonly hook: Hook
  /** `runnableDigest` of the module, 32 bytes. */
  readonly moduleDigest: Uint8Array
  /** Units of fuel that one run may use. */
  readonly fuel: number
  /** Pages of memory of 64 KiB. */
  readonly pages: number
  /** Handed to every run, up to 1 KiB: the module's settings. */
  readonly params: Uint8Array
  /** The WebAssembly module, or null where it travels apart. */
  readonly module: Uint8Array | null
}

/** A runnable as it stands in a manifest: `[hook, module digest, fuel, pages, params, module]`. */
export function runnableCbor({ hook, moduleDigest, fuel, pages, params, module }: RunnableEntry): Cbor {
  return [HOOKS.indexOf(hook), moduleDigest, fuel, pages, params, module ?? new Uint8Array(0)]
}

/** The runnables of a manifest. Throws `bad-shape` for values out of bounds and hooks that do not ascend, `tampered` for a module that is not the one it is named after. */
export function readRunnables(fields: Fields): RunnableEntry[] {
  const runnables = fields.list('runnables', LIMITS.qntRunnablesMax, readRunnable)
  const hooks = runnables.map(({ hook }) => HOOKS.indexOf(hook))
  if (!hooks.every((hook, i) => i === 0 || (hooks[i - 1] as number) < hook)) {
    throw new WebxError('bad-shape', 'manifest: at most one runnable a hook, in the order of the hooks')
  }
  return runnables
}

function readRunnable(value: Cbor): RunnableEntry {
  const fields = new Fields('runnable', value)
  const hook = HOOKS[fields.uint('hook', HOOKS.length - 1)] as Hook
  const moduleDigest = fields.bytes('moduleDigest', 32)
  const fuel = fields.uint('fuel', LIMITS.runnableFuelMax)
  const pages = fields.uint('pages', LIMITS.runnablePagesMax)
  const params = fields.bytesBetween('params', 0, LIMITS.runnableParamsBytesMax)
  const bytes = fields.bytesBetween('module', 0, LIMITS.runnableBytesMax)
  fields.end()
  if (fuel === 0 || pages === 0) throw new WebxError('bad-shape', 'runnable: without fuel or memory nothing runs')
  const module = bytes.length === 0 ? null : bytes
  if (module !== null && !equal(runnableDigest(module), moduleDigest)) {
    throw new WebxError('tampered', 'runnable: the module is not the one it is named after')
  }
  return { hook, moduleDigest, fuel, pages, params, module }
}
