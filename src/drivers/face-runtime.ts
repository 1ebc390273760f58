/**
 * The two ONNX runtimes behind one small door: the native one where it loads, the WebAssembly one everywhere else.
 *
 * Both are imported only when a model is opened. One thread a network: a node has other work to do, and the
 * numbers then do not depend on the machine. The WebAssembly runtime cannot run twice at once, so calls queue.
 */

import { WebxError } from '../core/errors.ts'

/** Which runtime computes. */
export type Backend = 'onnxruntime-node' | 'onnxruntime-web'

/** Both, the faster one first. */
export const BACKENDS: readonly Backend[] = ['onnxruntime-node', 'onnxruntime-web']

/** A network that is loaded. */
export interface Network {
  /** @param shape of the one input; answers every output by name */
  run(tensor: Float32Array, shape: readonly number[]): Promise<Readonly<Record<string, Float32Array>>>
  close(): Promise<void>
}

/** A runtime that is loaded. */
export interface Runtime {
  readonly backend: Backend
  load(bytes: Uint8Array): Promise<Network>
}

/** Loads the wanted runtime, or the first that loads. Throws `model-missing` with the reasons where none does. */
export async function openRuntime(wanted: Backend | 'auto' = 'auto'): Promise<Runtime> {
  const reasons: string[] = []
  for (const backend of wanted === 'auto' ? BACKENDS : [wanted]) {
    try {
      const ort = await importRuntime(backend)
      return { backend, load: (bytes) => loadNetwork(ort, backend, bytes) }
    } catch (cause) {
      reasons.push(`${backend}: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`)
    }
  }
  throw new WebxError('model-missing', `no runtime for networks could be loaded (${reasons.join('; ')})`, {
    hint: 'Run npm install again; onnxruntime-web alone is enough.',
  })
}

/** The part of both packages that is used here; the native one may be absent, so its types cannot be relied on. */
interface Ort {
  readonly env: { readonly wasm: { numThreads?: number; proxy?: boolean }; logLevel?: string }
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OrtTensor
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> }
}
interface OrtTensor {
  readonly data: Float32Array
}
interface OrtSession {
  readonly inputNames: readonly string[]
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>
  release(): Promise<void>
}

async function importRuntime(backend: string): Promise<Ort> {
  const module = (await import(backend)) as Ort & { default?: Ort }
  const ort = module.InferenceSession === undefined ? module.default : module
  if (ort?.InferenceSession === undefined) throw new TypeError('has no InferenceSession')
  if (backend === 'onnxruntime-web') {
    ort.env.wasm.numThreads = 1
    ort.env.wasm.proxy = false
  }
  return ort
}

async function loadNetwork(ort: Ort, backend: Backend, bytes: Uint8Array): Promise<Network> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: [backend === 'onnxruntime-node' ? 'cpu' : 'wasm'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  }).catch((cause: unknown) => {
    throw new WebxError('model-damaged', `${backend} cannot read the network`, {
      hint: 'Run webx models install.',
      cause,
    })
  })
  const input = session.inputNames[0] as string
  return {
    run: async (tensor, shape) => {
      const outputs = await session.run({ [input]: new ort.Tensor('float32', tensor, shape) })
      return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.data]))
    },
    close: () => session.release(),
  }
}
