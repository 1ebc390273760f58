/**
 * Puts a meter into a runnable: a rewritten module that counts down its fuel and stops when there is none, at the same instruction on every node.
 *
 * Each basic block is charged in full before it runs; at the heads of functions and loops a rest below zero ends the run. Since no path is longer than a
 * function between two heads, an exhausted run ends soon, and its result never counts. The counter is a variable of its own that the runnable
 * cannot name; custom sections (names, producers) are dropped.
 */

import { fromText } from '../core/bytes.ts'
import { intBytes, joined, ModuleReader, type Piece, sectionBytes, uintBytes } from './dsr-binary.ts'
import type { CheckedBody, Mark } from './dsr-checked.ts'
import { type CheckedModule, SECTION } from './dsr-module.ts'
import { I32, OP } from './dsr-opcodes.ts'

/** Name under which the metered module exports its counter, a mutable i32. A runnable has no export of that name. */
export const FUEL_EXPORT = 'fuel'

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
/** `i32`, mutable, initially 0. */
const FUEL_GLOBAL = [I32, 1, OP.i32Const, 0, OP.end]
const KIND_GLOBAL = 3
const NO_RESULT = 0x40
const NOTHING: number[] = []
/** What the counter says of a run that the meter stopped: no charge reaches so far. A run that trapped by itself leaves another number. */
export const STOPPED = -(2 ** 31)

/** The metered module of a checked one, in the binary format. */
export function meter(module: CheckedModule): Uint8Array {
  const fuel = uintBytes(module.globals.length)
  const name = fromText(FUEL_EXPORT)
  const pieces: Piece[] = [HEADER]
  for (const [id, content] of module.sections) {
    if (id === SECTION.global) pieces.push(...sectionBytes(id, withOneMore(content, FUEL_GLOBAL)))
    else if (id === SECTION.export) {
      const fuelExport = [...uintBytes(name.length), ...name, KIND_GLOBAL, ...fuel]
      pieces.push(...sectionBytes(id, withOneMore(content, fuelExport)))
    } else if (id === SECTION.code) {
      const bodies = module.bodies.flatMap((body) => meterBody(module.bytes, body, fuel))
      pieces.push(...sectionBytes(id, joined([uintBytes(module.bodies.length), ...bodies])))
    } else pieces.push(...sectionBytes(id, content))
  }
  return joined(pieces)
}

/** A vector with an item added at its end. */
function withOneMore(content: Uint8Array, item: readonly number[]): Uint8Array {
  const reader = new ModuleReader(content)
  const length = reader.uint('items')
  return joined([uintBytes(length + 1), content.subarray(reader.at), item])
}

/** A metered function and its length. */
function meterBody(bytes: Uint8Array, body: CheckedBody, fuel: readonly number[]): Piece[] {
  const pieces = body.hasLoop ? withLocalCounter(bytes, body, fuel) : withGlobalCounter(bytes, body, fuel)
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return [uintBytes(length), ...pieces]
}

/** A function without loops charges the global counter. */
function withGlobalCounter(bytes: Uint8Array, body: CheckedBody, fuel: readonly number[]): Piece[] {
  const get = [OP.globalGet, ...fuel]
  const set = [OP.globalSet, ...fuel]
  const stop = [...get, ...stopIfNegative(fuel)]
  const inserted = ({ kind, fuel: amount }: Mark): Piece => {
    if (kind !== 'head' && kind !== 'charge') return NOTHING
    const charge = [...get, ...minus(amount), ...set]
    return kind === 'charge' ? charge : [...charge, ...stop]
  }
  return spliced(bytes, body.start, body.end, body.marks, inserted)
}

/**
 * A function with loops keeps the counter in a local variable, which engines hold in a register, and puts it back where somebody else looks at it: before calls and before
 * the function ends. A block around its code catches the branches that leave it.
 */
function withLocalCounter(bytes: Uint8Array, body: CheckedBody, fuel: readonly number[]): Piece[] {
  const local = uintBytes(body.locals)
  const get = [OP.localGet, ...local]
  const fetch = [OP.globalGet, ...fuel, OP.localSet, ...local]
  const putBack = [...get, OP.globalSet, ...fuel]
  const stop = stopIfNegative(fuel)
  const inserted = ({ kind, fuel: amount }: Mark): Piece => {
    if (kind === 'called') return fetch
    if (kind === 'call' || kind === 'return') return putBack
    if (kind === 'charge') return [...get, ...minus(amount), OP.localSet, ...local]
    return [...get, ...minus(amount), OP.localTee, ...local, ...stop]
  }
  const declared = new ModuleReader(bytes, body.start, body.end)
  const groups = declared.uint('groups of local variables')
  return [
    uintBytes(groups + 1),
    bytes.subarray(declared.at, body.codeStart),
    [1, I32, ...fetch, OP.block, body.result ?? NO_RESULT],
    ...spliced(bytes, body.codeStart, body.end, body.marks, inserted),
    [...putBack, OP.end],
  ]
}

/** The bytes from `start` to `end` with something inserted at each mark. */
function spliced(
  bytes: Uint8Array,
  start: number,
  end: number,
  marks: readonly Mark[],
  inserted: (mark: Mark) => Piece,
): Piece[] {
  const pieces: Piece[] = []
  let at = start
  for (const mark of marks) {
    pieces.push(bytes.subarray(at, mark.at), inserted(mark))
    at = mark.at
  }
  pieces.push(bytes.subarray(at, end))
  return pieces
}

/** Stops the run where the i32 on the stack is negative. */
function stopIfNegative(fuel: readonly number[]): number[] {
  const tell = [OP.i32Const, ...intBytes(STOPPED), OP.globalSet, ...fuel]
  return [OP.i32Const, 0, OP.i32LtS, OP.if, NO_RESULT, ...tell, OP.unreachable, OP.end]
}

function minus(amount: number): number[] {
  return [OP.i32Const, ...intBytes(amount), OP.i32Sub]
}
