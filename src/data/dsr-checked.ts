/**
 * What the check of a runnable knows of its parts, and hands on to the meter.
 */

import type { ValueType } from './dsr-opcodes.ts'

/** Parameters and result of a function. */
export interface FunctionType {
  readonly parameters: readonly ValueType[]
  readonly result: ValueType | null
}

/** A variable of a module. */
export interface GlobalType {
  readonly type: ValueType
  readonly isMutable: boolean
  /** What it begins with. */
  readonly value: bigint
}

/** What a function may refer to. */
export interface Surroundings {
  readonly types: readonly FunctionType[]
  /** The type of each function, as an index into `types`. */
  readonly functions: readonly number[]
  readonly globals: readonly GlobalType[]
}

/**
 * A place where the meter has something to do, before the instruction at offset `at` of the module: at the `head` of a function or loop and before any other
 * basic block (`charge`), around a `call`, and before a `return`.
 */
export interface Mark {
  readonly at: number
  readonly kind: 'called' | 'head' | 'charge' | 'call' | 'return'
  /** What the basic block that begins here costs. */
  readonly fuel: number
}

/** A checked function. */
export interface CheckedBody {
  /** Offset of the bytes of its local declarations, of its first instruction and of what follows its `end`. */
  readonly start: number
  readonly codeStart: number
  readonly end: number
  /** Parameters and local variables. */
  readonly locals: number
  readonly result: ValueType | null
  readonly hasLoop: boolean
  /** Parameters, local variables and the deepest operand stack. */
  readonly slots: number
  /** What compilers keep account of: every variable at every block. */
  readonly blockVariables: number
  /** Functions that it calls, each once. */
  readonly calls: readonly number[]
  /** In the order of their offsets. */
  readonly marks: readonly Mark[]
}
