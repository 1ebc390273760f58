/**
 * Puts WebAssembly modules together from plain numbers: those that a runnable may be, and all those that it may not.
 *
 * Written for the tests, from the specification and without a line of what it tests.
 */

export const I32 = 0x7f
export const I64 = 0x7e
export const F64 = 0x7c

export interface FunctionPlan {
  readonly parameters?: readonly number[]
  readonly results?: readonly number[]
  /** Types of the local variables, one by one. */
  readonly locals?: readonly number[]
  /** Instructions, without the last `end`. */
  readonly code: readonly number[]
}

export interface ModulePlan {
  /** The last one is `run`. */
  readonly functions: readonly FunctionPlan[]
  readonly pages?: readonly [least: number, most: number]
  /** Type, mutability and initial instructions; the first one is `request`. */
  readonly globals?: readonly (readonly [type: number, mutable: 0 | 1, init: readonly number[]])[]
  readonly data?: readonly (readonly [address: number, bytes: readonly number[]])[]
  readonly exports?: readonly (readonly [name: string, kind: number, index: number])[]
}

export type Section = readonly [id: number, content: readonly number[]]

export const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** Shortest unsigned LEB128. */
export function uint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...uint(Math.floor(value / 0x80))]
}

/** Shortest signed LEB128. */
export function int(value: number | bigint): number[] {
  const big = BigInt(value)
  const low = Number(BigInt.asUintN(7, big))
  const rest = big >> 7n
  const isDone = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)
  return isDone ? [low] : [low | 0x80, ...int(rest)]
}

export const i32 = (value: number): number[] => [0x41, ...int(value | 0)]
export const i64 = (value: bigint | number): number[] => [0x42, ...int(BigInt.asIntN(64, BigInt(value)))]

export function vector(items: readonly (readonly number[])[]): number[] {
  return [...uint(items.length), ...items.flat()]
}

export function name(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)]
  return [...uint(bytes.length), ...bytes]
}

/** The sections of a plan, to be changed before they become a module. */
export function sectionsOf(plan: ModulePlan): Section[] {
  const { functions, pages = [1, 1], globals = [[I32, 0, i32(1024)]], data = [] } = plan
  const run = functions.length - 1
  const exports = plan.exports ?? [
    ['memory', 2, 0],
    ['request', 3, 0],
    ['run', 0, run],
  ]
  const types = functions.map(({ parameters = [], results = [] }) => [
    ...[0x60, ...uint(parameters.length), ...parameters],
    ...[...uint(results.length), ...results],
  ])
  const bodies = functions.map(({ locals = [], code }) => {
    const body = [...vector(locals.map((type) => [1, type])), ...code, 0x0b]
    return [...uint(body.length), ...body]
  })
  const sections: Section[] = [
    [1, vector(types)],
    [3, vector(functions.map((_, i) => uint(i)))],
    [5, [1, 1, ...uint(pages[0]), ...uint(pages[1])]],
    [6, vector(globals.map(([type, mutable, init]) => [type, mutable, ...init, 0x0b]))],
    [7, vector(exports.map(([text, kind, index]) => [...name(text), kind, ...uint(index)]))],
    [10, vector(bodies)],
  ]
  if (data.length > 0) {
    const segments = data.map(([address, bytes]) => [0, ...i32(address), 0x0b, ...uint(bytes.length), ...bytes])
    sections.push([11, vector(segments)])
  }
  return sections
}

export function moduleOf(sections: readonly Section[]): Uint8Array {
  return Uint8Array.from([...MAGIC, ...sections.flatMap(([id, content]) => [id, ...uint(content.length), ...content])])
}

export function assemble(plan: ModulePlan): Uint8Array {
  return moduleOf(sectionsOf(plan))
}

/** A module whose `run` is this code. */
export function runOf(
  code: readonly number[],
  rest: Partial<ModulePlan> & { locals?: readonly number[] } = {},
): ModulePlan {
  const { locals = [], functions = [], ...others } = rest
  return { ...others, functions: [...functions, { parameters: [I32], results: [I64], locals, code }] }
}
