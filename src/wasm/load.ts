/**
 * Holds the compiled kernels and makes instances of them: the only user of `@assemblyscript/loader`.
 *
 * The bytes are handed in by `provide` (from files by a driver, from a fetch by a page), so that this folder runs in
 * Node and in browsers alike. Each kernel exists as two builds of one source; the SIMD one is taken where the engine
 * accepts it. One more kernel is shared by threads and exists only so. The raw exports are used, not the loader's demangled ones: those wrap every call in a closure.
 */

import { instantiateSync } from '@assemblyscript/loader'

/** The kernels, by the name of their source in `assembly/`. */
export const KERNELS = ['hash', 'seal', 'tally', 'match', 'verify', 'group'] as const
/** A kernel's name. */
export type Kernel = (typeof KERNELS)[number]
/** Which of a kernel's two builds. */
export type Build = 'scalar' | 'simd'
/** Both builds of one kernel, as bytes of a WebAssembly module. */
export type KernelFiles = Record<Build, Uint8Array>

/** What every kernel exports: its memory, and addresses and capacities as globals. Functions are added by the doors. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory
}

/** The kernel that several threads run over one shared memory; it has one build, which needs SIMD and threads. */
export const SHARED_KERNEL = 'hash-shared'

const files = new Map<Kernel, KernelFiles>()
const modules = new Map<string, WebAssembly.Module>()
let sharedFile: Uint8Array | undefined

/** Hands in the kernels' bytes. What was provided before stays: a second call with the same kernels changes nothing. */
export function provide(kernels: Partial<Record<Kernel, KernelFiles>>): void {
  for (const name of KERNELS) {
    const given = kernels[name]
    if (given !== undefined && !files.has(name)) files.set(name, given)
  }
}

/** Hands in the bytes of the shared kernel; without them, what could use threads does not. */
export function provideShared(bytes: Uint8Array): void {
  sharedFile ??= bytes
}

/** Whether `provide` has been given this kernel. */
export function isProvided(name: Kernel): boolean {
  return files.has(name)
}

/** Whether this engine accepts those bytes as a module. */
export function isValid(bytes: Uint8Array): boolean {
  return WebAssembly.validate(bytes)
}

/** The build that `instantiate` takes by default: SIMD where this engine accepts that very module. */
export function kernelBuild(name: Kernel): Build {
  return modules.has(`${name}.simd`) || isValid(filesOf(name).simd) ? 'simd' : 'scalar'
}

/** A new instance of a kernel, with its own memory. `E` names the functions and globals that the caller relies on. */
export function instantiate<E extends KernelExports>(name: Kernel, build: Build = kernelBuild(name)): E {
  const id = `${name}.${build}`
  let module = modules.get(id)
  if (module === undefined) {
    module = new WebAssembly.Module(filesOf(name)[build])
    modules.set(id, module)
  }
  return instantiateSync<Record<string, unknown>>(module).instance.exports as unknown as E
}

/** The shared kernel, compiled, or null where it was not provided or this engine has no threads, SIMD or shared memory. */
export function sharedModule(): WebAssembly.Module | null {
  const known = modules.get(SHARED_KERNEL)
  if (known !== undefined) return known
  if (sharedFile === undefined || typeof SharedArrayBuffer === 'undefined' || !isValid(sharedFile)) return null
  const module = new WebAssembly.Module(sharedFile)
  modules.set(SHARED_KERNEL, module)
  return module
}

/** A new instance of the shared kernel over `memory`, which is shared and has as many pages as the kernel asks for. */
export function instantiateShared<E>(module: WebAssembly.Module, memory: WebAssembly.Memory): E {
  return instantiateSync<Record<string, unknown>>(module, { env: { memory } }).instance.exports as unknown as E
}

function filesOf(name: Kernel): KernelFiles {
  const found = files.get(name)
  if (found === undefined) throw new TypeError(`kernel ${name}: not provided; call provide() first`)
  return found
}
