/**
 * Checks one function of a runnable: types and depth of its operands, and where it must be charged.
 *
 * The algorithm is that of the specification's appendix (core specification 2.0, §7.3), for the instructions of `dsr-opcodes.ts`. Along with it the
 * function is cut into basic blocks: each is charged in full before its first instruction runs. Every way that code can be run again leads through
 * the head of a loop or of a function; there the rest of the fuel is looked at.
 */

import { LIMITS } from '../core/limits.ts'
import type { ModuleReader } from './dsr-binary.ts'
import { refusal } from './dsr-binary.ts'
import type { CheckedBody, FunctionType, GlobalType, Mark, Surroundings } from './dsr-checked.ts'
import {
  FUEL_CALL,
  FUEL_USUAL,
  forbiddenFamily,
  fuelOfEntry,
  I32,
  I64,
  OP,
  type Operation,
  operationOf,
  type ValueType,
} from './dsr-opcodes.ts'
import { ANY, type Frame, labelType, Operands } from './dsr-operands.ts'

/** Checks the function at `index`, whose bytes `reader` holds and nothing else. Throws `runnable-refused`. */
export function checkBody(index: number, reader: ModuleReader, around: Surroundings): CheckedBody {
  return new BodyChecker(index, reader, around).check()
}

/** What comes first where several marks stand before one instruction. */
const RANKS = { called: 0, head: 1, charge: 1, call: 2, return: 2 } as const

class BodyChecker {
  readonly #index: number
  readonly #reader: ModuleReader
  readonly #around: Surroundings
  readonly #type: FunctionType
  readonly #locals: ValueType[]
  readonly #stack: Operands
  readonly #calls = new Set<number>()
  readonly #marks: Mark[] = []
  #hasLoop = false
  #block: { at: number; fuel: number; kind: 'head' | 'charge' } = { at: 0, fuel: 0, kind: 'head' }
  #at = 0

  constructor(index: number, reader: ModuleReader, around: Surroundings) {
    this.#index = index
    this.#reader = reader
    this.#around = around
    this.#type = around.types[around.functions[index] as number] as FunctionType
    this.#locals = [...this.#type.parameters]
    this.#stack = new Operands((what) => this.#refuse(what))
  }

  check(): CheckedBody {
    const reader = this.#reader
    const start = reader.at
    this.#readLocals()
    const codeStart = reader.at
    const declared = this.#locals.length - this.#type.parameters.length
    this.#block = { at: codeStart, fuel: fuelOfEntry(declared), kind: 'head' }
    this.#stack.enter(OP.block, this.#type.result)
    while (this.#stack.isOpen) {
      this.#at = reader.at
      this.#instruction(reader.byte())
    }
    this.#cut('charge')
    if (!reader.isAtEnd) this.#refuse('bytes after the end')
    const { result } = this.#type
    const locals = this.#locals.length
    const slots = locals + this.#stack.operandsMax
    const marks = this.#marks.sort((a, b) => a.at - b.at || RANKS[a.kind] - RANKS[b.kind])
    const calls = [...this.#calls]
    const blockVariables = this.#stack.blocks * locals + this.#stack.carried
    return {
      start,
      codeStart,
      end: reader.at,
      locals,
      result,
      hasLoop: this.#hasLoop,
      slots,
      blockVariables,
      calls,
      marks,
    }
  }

  #readLocals(): void {
    const reader = this.#reader
    const groups = reader.uint('groups of local variables', LIMITS.runnableLocalsMax)
    for (let group = 0; group < groups; group++) {
      this.#at = reader.at
      const count = reader.uint('local variables', LIMITS.runnableLocalsMax)
      const type = this.#valueType()
      if (this.#locals.length + count > LIMITS.runnableLocalsMax) this.#refuse('too many local variables')
      for (let i = 0; i < count; i++) this.#locals.push(type)
    }
  }

  #instruction(opcode: number): void {
    const operation = operationOf(opcode)
    if (operation !== undefined) this.#operate(operation)
    else if (opcode <= OP.call) this.#control(opcode)
    else this.#variable(opcode)
  }

  #operate({ takes, gives, alignMax, fuel }: Operation): void {
    if (alignMax >= 0) {
      this.#reader.uint('an alignment of', alignMax)
      this.#reader.uint('an offset of')
    }
    this.#block.fuel += fuel
    for (let i = takes.length - 1; i >= 0; i--) this.#stack.pop(takes[i] as ValueType)
    if (gives !== null) this.#stack.push(gives)
  }

  #control(opcode: number): void {
    if (opcode !== OP.end && opcode !== OP.else && opcode !== OP.loop) this.#block.fuel += FUEL_USUAL
    switch (opcode) {
      case OP.nop:
        return
      case OP.unreachable:
        this.#leave()
        return
      case OP.if:
        this.#stack.pop(I32)
        this.#stack.enter(opcode, this.#blockType())
        this.#cut('charge')
        return
      case OP.block:
        this.#stack.enter(opcode, this.#blockType())
        return
      case OP.loop:
        this.#stack.enter(opcode, this.#blockType())
        this.#cut('head')
        this.#block.fuel = FUEL_USUAL
        this.#hasLoop = true
        return
      case OP.else:
        this.#else()
        return
      case OP.end:
        this.#end()
        return
      case OP.br:
        this.#stack.popLabel(this.#label())
        this.#leave()
        return
      case OP.brIf: {
        const frame = this.#label()
        this.#stack.pop(I32)
        const type = this.#stack.popLabel(frame)
        if (type !== null) this.#stack.push(type)
        this.#cut('charge')
        return
      }
      case OP.brTable:
        this.#branchTable()
        return
      case OP.return:
        this.#marks.push({ at: this.#at, kind: 'return', fuel: 0 })
        if (this.#type.result !== null) this.#stack.pop(this.#type.result)
        this.#leave()
        return
      case OP.call:
        this.#call()
        return
    }
    this.#forbid(opcode)
  }

  #variable(opcode: number): void {
    const reader = this.#reader
    this.#block.fuel += FUEL_USUAL
    switch (opcode) {
      case OP.drop:
        this.#stack.pop(ANY)
        return
      case OP.select: {
        this.#stack.pop(I32)
        const second = this.#stack.pop(ANY)
        const first = this.#stack.pop(second)
        this.#stack.push(first === ANY ? second : first)
        return
      }
      case OP.localGet:
        this.#stack.push(this.#local())
        return
      case OP.localSet:
        this.#stack.pop(this.#local())
        return
      case OP.localTee: {
        const type = this.#local()
        this.#stack.pop(type)
        this.#stack.push(type)
        return
      }
      case OP.globalGet:
        this.#stack.push(this.#global().type)
        return
      case OP.globalSet: {
        const { type, isMutable } = this.#global()
        if (!isMutable) this.#refuse('a constant is written to')
        this.#stack.pop(type)
        return
      }
      case OP.i32Const:
        reader.skipInt(32)
        this.#stack.push(I32)
        return
      case OP.i64Const:
        reader.skipInt(64)
        this.#stack.push(I64)
        return
    }
    this.#forbid(opcode)
  }

  #else(): void {
    const { opcode, result } = this.#stack.close()
    if (opcode !== OP.if) this.#refuse('"else" without "if"')
    this.#stack.enter(OP.else, result)
    this.#cut('charge')
  }

  #end(): void {
    const frame = this.#stack.close()
    if (frame.opcode === OP.if && frame.result !== null) this.#refuse('"if" with a result and without "else"')
    if (frame.result !== null) this.#stack.push(frame.result)
    if (frame.opcode !== OP.block || frame.isTarget) this.#cut('charge')
  }

  #branchTable(): void {
    const targets = this.#reader.uint('branches', LIMITS.runnableBranchesMax)
    this.#stack.pop(I32)
    const frames = Array.from({ length: targets + 1 }, () => this.#label())
    const types = new Set(frames.map((frame) => labelType(frame)))
    const [type] = types
    if (types.size !== 1 || type === undefined) this.#refuse('branches to labels of different types')
    if (type !== null) this.#stack.pop(type)
    this.#leave()
  }

  #call(): void {
    const { types, functions } = this.#around
    const index = this.#reader.uint('function')
    const type = types[functions[index] ?? -1]
    if (type === undefined) this.#refuse(`function ${index} does not exist`)
    this.#block.fuel += FUEL_CALL - FUEL_USUAL
    this.#calls.add(index)
    this.#marks.push({ at: this.#at, kind: 'call', fuel: 0 }, { at: this.#reader.at, kind: 'called', fuel: 0 })
    for (let i = type.parameters.length - 1; i >= 0; i--) this.#stack.pop(type.parameters[i] as ValueType)
    if (type.result !== null) this.#stack.push(type.result)
  }

  /** What follows is never reached. */
  #leave(): void {
    this.#stack.leave()
    this.#cut('charge')
  }

  /** Ends the present basic block; the next one begins after what was read. */
  #cut(kind: 'head' | 'charge'): void {
    if (this.#block.fuel > 0) this.#marks.push(this.#block)
    this.#block = { at: this.#reader.at, fuel: 0, kind }
  }

  #label(): Frame {
    const depth = this.#reader.uint('label')
    return this.#stack.label(depth)
  }

  #local(): ValueType {
    const index = this.#reader.uint('local variable')
    return this.#locals[index] ?? this.#refuse(`there is no local variable ${index}`)
  }

  #global(): GlobalType {
    const index = this.#reader.uint('global variable')
    return this.#around.globals[index] ?? this.#refuse(`there is no global variable ${index}`)
  }

  #blockType(): ValueType | null {
    if (this.#reader.bytes[this.#reader.at] !== 0x40) return this.#valueType()
    this.#reader.byte()
    return null
  }

  #valueType(): ValueType {
    const type = this.#reader.byte()
    if (type !== I32 && type !== I64) this.#refuse(`type 0x${type.toString(16)} where i32 or i64 is expected`)
    return type
  }

  #forbid(opcode: number): never {
    this.#refuse(`instruction 0x${opcode.toString(16).padStart(2, '0')} (${forbiddenFamily(opcode)}) is not allowed`)
  }

  #refuse(what: string): never {
    throw refusal(`function ${this.#index}: ${what}`, this.#at)
  }
}
