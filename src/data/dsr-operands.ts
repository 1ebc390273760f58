/**
 * The stacks of the validation algorithm (WebAssembly core specification 2.0, §7.3): operands by their types, and the blocks that are open.
 */

import { LIMITS } from '../core/limits.ts'
import { I32, OP, type ValueType } from './dsr-opcodes.ts'

/** Any type: what dead code finds on the stack. */
export const ANY = 0
export type Operand = ValueType | typeof ANY

/** An open block. */
export interface Frame {
  readonly opcode: number
  readonly result: ValueType | null
  /** Operands below it, which it must not touch. */
  readonly height: number
  /** What follows in it is never reached. */
  isDead: boolean
  /** Something branches to it. */
  isTarget: boolean
}

/** What a branch to a block carries: to the beginning of a loop nothing, else its result. */
export function labelType({ opcode, result }: Frame): ValueType | null {
  return opcode === OP.loop ? null : result
}

/** See the header. Everything that is wrong goes to `refuse`, which throws. */
export class Operands {
  readonly #operands: Operand[] = []
  readonly #frames: Frame[] = []
  readonly #refuse: (what: string) => never
  #operandsMax = 0
  #blocks = 0
  #carried = 0
  #top: Frame = OUTSIDE

  constructor(refuse: (what: string) => never) {
    this.#refuse = refuse
  }

  /** Whether a block is open; the function itself is the outermost. */
  get isOpen(): boolean {
    return this.#frames.length > 0
  }

  /** The greatest number of operands that there ever were. */
  get operandsMax(): number {
    return this.#operandsMax
  }

  /** How many blocks there were. */
  get blocks(): number {
    return this.#blocks
  }

  /** Operands that wait under blocks, summed over all of them. */
  get carried(): number {
    return this.#carried
  }

  push(type: Operand): void {
    this.#operands.push(type)
    if (this.#operands.length > this.#operandsMax) this.#operandsMax = this.#operands.length
    if (this.#operandsMax > LIMITS.runnableSlotsMax) this.#refuse('too many operands')
  }

  /** Takes an operand of the expected type off the stack; answers its type. */
  pop(expected: Operand): Operand {
    const frame = this.#top
    if (this.#operands.length === frame.height) {
      if (!frame.isDead) this.#refuse('an operand is missing')
      return expected
    }
    const found = this.#operands.pop() as Operand
    if (found !== expected && found !== ANY && expected !== ANY) {
      this.#refuse(`an operand of type ${nameOf(found)} where ${nameOf(expected)} is expected`)
    }
    return found
  }

  /** Takes off what a branch to `frame` carries; answers its type. */
  popLabel(frame: Frame): ValueType | null {
    const type = labelType(frame)
    if (type !== null) this.pop(type)
    return type
  }

  enter(opcode: number, result: ValueType | null): void {
    if (this.#frames.length > LIMITS.runnableNestingMax) this.#refuse('blocks nested too deep')
    this.#top = { opcode, result, height: this.#operands.length, isDead: false, isTarget: false }
    this.#frames.push(this.#top)
    this.#blocks++
    this.#carried += this.#operands.length
  }

  /** Ends the innermost block, whose result must lie on the stack and nothing else. */
  close(): Frame {
    const frame = this.#top
    if (frame.result !== null) this.pop(frame.result)
    if (this.#operands.length !== frame.height) this.#refuse('operands left over at the end of a block')
    this.#frames.pop()
    this.#top = this.#frames.at(-1) ?? OUTSIDE
    return frame
  }

  /** What follows in the innermost block is never reached. */
  leave(): void {
    const frame = this.#top
    this.#operands.length = frame.height
    frame.isDead = true
  }

  /** The block that a branch of that depth goes to. */
  label(depth: number): Frame {
    const frame = this.#frames[this.#frames.length - 1 - depth]
    if (frame === undefined) return this.#refuse(`there is no label ${depth}`)
    frame.isTarget = true
    return frame
  }
}

/** Around the function: nothing is read or written there. */
const OUTSIDE: Frame = { opcode: OP.block, result: null, height: 0, isDead: false, isTarget: false }

function nameOf(type: Operand): string {
  return type === ANY ? 'any' : type === I32 ? 'i32' : 'i64'
}
