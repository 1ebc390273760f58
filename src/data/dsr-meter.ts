/**
 * Puts a meter into a runnable: a rewritten module that counts down its fuel and stops when there is none, at the same instruction on every node.
 *
 * Each basic block is charged in full before it runs; at the heads of functions and loops a rest below zero ends the run. Since no path is longer than a
 * function between two heads, an exhausted run ends soon, and its result never counts. The counter is a variable of its own that the runnable
 * cannot name; custom sections (names, producers) are dropped.
 */

import { fromText } from '../core/bytes.ts'
import { ModuleReader, ModuleWriter } from './dsr-binary.ts'
import type { CheckedBody, Mark } from './dsr-checked.ts'
import { type CheckedModule, SECTION } from './dsr-module.ts'
import { I32, OP } from './dsr-opcodes.ts'

/** Name under which the metered module exports its counter, a mutable i32. A runnable has no export of that name. */
export const FUEL_EXPORT = 'fuel'

const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
const KIND_GLOBAL = 3
const NO_RESULT = 0x40
/** What the counter says of a run that the meter stopped: no charge reaches so far. A run that trapped by itself leaves another number. */
export const STOPPED = -(2 ** 31)
/** More than is written at one mark, around one function and around all of them. */
const MARK_BYTES_MAX = 40
const BODY_BYTES_MAX = 64
const MODULE_BYTES_MAX = 256

/** The metered module of a checked one, in the binary format. */
export function meter(module: CheckedModule): Uint8Array {
  const marks = module.bodies.reduce((sum, body) => sum + body.marks.length, 0)
  const added = marks * MARK_BYTES_MAX + module.bodies.length * BODY_BYTES_MAX + MODULE_BYTES_MAX
  return new Meter(module, module.bytes.length + added).run()
}

class Meter {
  readonly #module: CheckedModule
  readonly #out: ModuleWriter
  /** Index of the counter. */
  readonly #fuel: number

  constructor(module: CheckedModule, bytesMax: number) {
    this.#module = module
    this.#out = new ModuleWriter(bytesMax)
    this.#fuel = module.globals.length
  }

  run(): Uint8Array {
    const out = this.#out
    out.copy(HEADER)
    for (const [id, content] of this.#module.sections) {
      out.byte(id)
      out.measured(() => this.#section(id, content))
    }
    return out.written.slice()
  }

  #section(id: number, content: Uint8Array): void {
    const out = this.#out
    if (id === SECTION.global) {
      this.#copyWithOneMore(content)
      // an i32, mutable, initially 0
      for (const byte of [I32, 1, OP.i32Const, 0, OP.end]) out.byte(byte)
    } else if (id === SECTION.export) {
      this.#copyWithOneMore(content)
      out.uint(FUEL_EXPORT.length)
      out.copy(fromText(FUEL_EXPORT))
      out.byte(KIND_GLOBAL)
      out.uint(this.#fuel)
    } else if (id === SECTION.code) {
      out.uint(this.#module.bodies.length)
      for (const body of this.#module.bodies) {
        out.measured(() => (body.hasLoop ? this.#withLocalCounter(body) : this.#withGlobalCounter(body)))
      }
    } else out.copy(content)
  }

  /** A vector that says of itself that it has one item more. */
  #copyWithOneMore(content: Uint8Array): void {
    const reader = new ModuleReader(content)
    this.#out.uint(reader.uint('items') + 1)
    this.#out.copy(content, reader.at)
  }

  /** A function without loops charges the global counter. */
  #withGlobalCounter({ start, end, marks }: CheckedBody): void {
    this.#splice(start, end, marks, ({ kind, fuel }) => {
      if (kind !== 'head' && kind !== 'charge') return
      this.#global(OP.globalGet)
      this.#minus(fuel)
      this.#global(OP.globalSet)
      if (kind === 'charge') return
      this.#global(OP.globalGet)
      this.#stopIfNegative()
    })
  }

  /**
   * A function with loops keeps the counter in a local variable, which engines hold in a register, and puts it back where somebody else looks at it: before calls and before
   * the function ends. A block around its code catches the branches that leave it.
   */
  #withLocalCounter(body: CheckedBody): void {
    const out = this.#out
    const { locals } = body
    const declared = new ModuleReader(this.#module.bytes, body.start, body.end)
    out.uint(declared.uint('groups of local variables') + 1)
    out.copy(this.#module.bytes, declared.at, body.codeStart)
    out.byte(1)
    out.byte(I32)
    this.#takeUp(locals)
    out.byte(OP.block)
    out.byte(body.result ?? NO_RESULT)
    this.#splice(body.codeStart, body.end, body.marks, ({ kind, fuel }) => {
      if (kind === 'called') this.#takeUp(locals)
      else if (kind === 'call' || kind === 'return') this.#putBack(locals)
      else {
        this.#local(OP.localGet, locals)
        this.#minus(fuel)
        this.#local(kind === 'charge' ? OP.localSet : OP.localTee, locals)
        if (kind === 'head') this.#stopIfNegative()
      }
    })
    this.#putBack(locals)
    out.byte(OP.end)
  }

  /** The bytes from `start` to `end` with what `insert` writes at each mark. */
  #splice(start: number, end: number, marks: readonly Mark[], insert: (mark: Mark) => void): void {
    let at = start
    for (const mark of marks) {
      this.#out.copy(this.#module.bytes, at, mark.at)
      insert(mark)
      at = mark.at
    }
    this.#out.copy(this.#module.bytes, at, end)
  }

  #takeUp(local: number): void {
    this.#global(OP.globalGet)
    this.#local(OP.localSet, local)
  }

  #putBack(local: number): void {
    this.#local(OP.localGet, local)
    this.#global(OP.globalSet)
  }

  /** Stops the run where the i32 on the stack is negative. */
  #stopIfNegative(): void {
    const out = this.#out
    for (const byte of [OP.i32Const, 0, OP.i32LtS, OP.if, NO_RESULT, OP.i32Const]) out.byte(byte)
    out.int(STOPPED)
    this.#global(OP.globalSet)
    out.byte(OP.unreachable)
    out.byte(OP.end)
  }

  #minus(amount: number): void {
    this.#out.byte(OP.i32Const)
    this.#out.int(amount)
    this.#out.byte(OP.i32Sub)
  }

  #global(opcode: number): void {
    this.#out.byte(opcode)
    this.#out.uint(this.#fuel)
  }

  #local(opcode: number, local: number): void {
    this.#out.byte(opcode)
    this.#out.uint(local)
  }
}
