/**
 * Sets of nodes of the whole network, in WebAssembly: which of thousands have signed, and what they weigh together.
 *
 * A bitmap has a bit for each node, bit i of byte j for node 8 j + i, and is filled with zeros to a multiple of four
 * bytes. The weights are handed in once and stay in the kernel's memory; no call makes an object.
 */

import { assertBytes, assertInteger } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface BitmapExports extends KernelExports {
  readonly nodesMax: WebAssembly.Global
  createBitmaps(nodes: number): number
  bitmapBytes(): number
  orBitmap(): void
  countBitmap(): number
  weightOfBitmap(): number
}

/** How bitmaps are set up. */
export interface BitmapOptions {
  /** Weight of each node, 1 … 65,536 of them; unsigned 32-bit integers. */
  readonly weights: ArrayLike<number>
  readonly build?: Build
}

/** Arithmetic on bitmaps of one set of nodes. Throws a RangeError for another length, or a bit of no node. */
export interface Bitmaps {
  readonly build: Build
  /** Bytes of a bitmap: four for every 32 nodes begun. */
  readonly bytes: number
  /** The weight of all nodes. */
  readonly total: number
  /** Adds to `into` the nodes of `other`. */
  orBitmap(into: Uint8Array, other: Uint8Array): void
  /** How many nodes there are in a bitmap. */
  count(bitmap: Uint8Array): number
  /** What they weigh together, exactly. */
  weightOf(bitmap: Uint8Array): number
}

/** Bitmaps in a new instance of the kernel. Throws a RangeError where an option is out of its bounds. */
export function createBitmaps(options: BitmapOptions): Bitmaps {
  const { weights, build = kernelBuild('tally') } = options
  const kernel = instantiate<BitmapExports>('tally', build)
  const nodes = weights.length
  assertInteger('weights.length', nodes, 1, kernel.nodesMax.value)
  const first = kernel.createBitmaps(nodes)
  if (first === 0) throw new RangeError(`weights.length: no memory for ${nodes} nodes`)
  const length = 4 * Math.ceil(nodes / 32)
  const apart = kernel.bitmapBytes()
  // the memory does not grow any more, so views stay valid
  const one = new Uint8Array(kernel.memory.buffer, first, length)
  const other = new Uint8Array(kernel.memory.buffer, first + apart, length)
  const table = new Uint32Array(kernel.memory.buffer, first + 2 * apart, nodes)
  let total = 0
  for (let node = 0; node < nodes; node++) {
    const weight = weights[node]
    assertInteger(`weights[${node}]`, weight, 0, 0xffffffff)
    table[node] = weight
    total += weight
  }

  function assertBitmap(name: string, bitmap: Uint8Array): void {
    assertBytes(name, bitmap, length)
    for (let byte = nodes >> 3; byte < length; byte++) {
      const unused = byte === nodes >> 3 ? 0xff << (nodes & 7) : 0xff
      if (((bitmap[byte] as number) & unused) !== 0)
        throw new RangeError(`${name}: has a bit of none of ${nodes} nodes`)
    }
  }

  return {
    build,
    bytes: length,
    total,
    orBitmap(into, more) {
      assertBitmap('into', into)
      assertBitmap('other', more)
      one.set(into)
      other.set(more)
      kernel.orBitmap()
      into.set(one)
    },
    count(bitmap) {
      assertBitmap('bitmap', bitmap)
      one.set(bitmap)
      return kernel.countBitmap()
    },
    weightOf(bitmap) {
      assertBitmap('bitmap', bitmap)
      one.set(bitmap)
      return kernel.weightOfBitmap()
    },
  }
}
