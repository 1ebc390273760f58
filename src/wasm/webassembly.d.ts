/**
 * The part of the WebAssembly JavaScript interface that this folder and `@assemblyscript/loader`'s types use.
 * Neither the ES libraries nor @types/node declare it, and the DOM library would bring browser globals into Node code.
 */

declare namespace WebAssembly {
  type ImportValue = ((...args: never[]) => unknown) | Global | Memory | Table | number
  type Imports = Record<string, Record<string, ImportValue>>
  type Exports = Record<string, unknown>

  class Module {
    constructor(bytes: BufferSource)
  }
  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Exports
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  class Global {
    value: number
  }
  class Table {
    readonly length: number
  }
  function validate(bytes: BufferSource): boolean
}

type BufferSource = ArrayBufferView<ArrayBufferLike> | ArrayBufferLike
