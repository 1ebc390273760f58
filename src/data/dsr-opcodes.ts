/**
 * What an instruction of a runnable takes, gives and costs: the allow-list of the profile DSR-1.
 *
 * Only integers, memory of fixed size, and control that returns to where it came from. What is not in the table does not run: no floats (their
 * NaNs differ between processors), no indirect calls, no growth, nothing that later versions of WebAssembly added except sign extension.
 * Costs are part of the profile: a change of one is another profile.
 */

/** Numbers of the two value types in the binary format. */
export const I32 = 0x7f
export const I64 = 0x7e
export type ValueType = typeof I32 | typeof I64

/** Control, calls, variables and constants, which the check treats one by one. */
export const OP = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i64Const: 0x42,
  i32LtS: 0x48,
  i32Sub: 0x6b,
} as const

/** An instruction without control: from the stack to the stack, or to and from memory. */
export interface Operation {
  readonly takes: readonly ValueType[]
  readonly gives: ValueType | null
  /** Greatest alignment (a power of two) that its memory argument may name; −1 where it has none. */
  readonly alignMax: number
  readonly fuel: number
}

/** What every instruction costs that is not named below. `else` and `end` cost nothing. */
export const FUEL_USUAL = 1
/** Division and remainder. */
export const FUEL_DIVISION = 8
/** A call, beside what the called function charges by itself. */
export const FUEL_CALL = 4

/** What entering a function costs: its local variables are set to zero. */
export function fuelOfEntry(locals: number): number {
  return 2 + Math.floor(locals / 8)
}

/** The operation of an opcode; undefined where it is control or forbidden. */
export function operationOf(opcode: number): Operation | undefined {
  return OPERATIONS[opcode]
}

/** What a forbidden opcode belongs to, in words. */
export function forbiddenFamily(opcode: number): string {
  return FAMILIES.find(([first, last]) => opcode >= first && opcode <= last)?.[2] ?? 'an unknown instruction'
}

const FAMILIES: readonly (readonly [first: number, last: number, name: string])[] = [
  [0x06, 0x0a, 'exceptions'],
  [0x11, 0x11, 'an indirect call'],
  [0x12, 0x15, 'tail calls and calls by reference'],
  [0x18, 0x19, 'exceptions'],
  [0x1c, 0x1c, 'a typed select'],
  [0x1f, 0x1f, 'exceptions'],
  [0x25, 0x26, 'tables'],
  [0x2a, 0x2b, 'floating point'],
  [0x38, 0x39, 'floating point'],
  [0x3f, 0x3f, 'the size of the memory'],
  [0x40, 0x40, 'growth of the memory'],
  [0x43, 0x44, 'floating point'],
  [0x5b, 0x66, 'floating point'],
  [0x8b, 0xa6, 'floating point'],
  [0xa8, 0xab, 'floating point'],
  [0xae, 0xbf, 'floating point'],
  [0xd0, 0xd6, 'references'],
  [0xfb, 0xfb, 'garbage collection'],
  [0xfc, 0xfc, 'bulk memory and saturating conversion'],
  [0xfd, 0xfd, 'SIMD'],
  [0xfe, 0xfe, 'threads'],
]

const OPERATIONS = table()

function table(): readonly (Operation | undefined)[] {
  const operations: (Operation | undefined)[] = new Array(256)
  const set = (first: number, last: number, takes: ValueType[], gives: ValueType | null, fuel = FUEL_USUAL) => {
    for (let opcode = first; opcode <= last; opcode++) operations[opcode] = { takes, gives, alignMax: -1, fuel }
  }
  const memory = (opcode: number, alignMax: number, takes: ValueType[], gives: ValueType | null) => {
    operations[opcode] = { takes, gives, alignMax, fuel: FUEL_USUAL }
  }
  set(0x45, 0x45, [I32], I32) // i32.eqz
  set(0x46, 0x4f, [I32, I32], I32) // comparison
  set(0x50, 0x50, [I64], I32) // i64.eqz
  set(0x51, 0x5a, [I64, I64], I32) // comparison
  set(0x67, 0x69, [I32], I32) // clz ctz popcnt
  set(0x6a, 0x78, [I32, I32], I32) // arithmetic
  set(0x6d, 0x70, [I32, I32], I32, FUEL_DIVISION)
  set(0x79, 0x7b, [I64], I64) // clz ctz popcnt
  set(0x7c, 0x8a, [I64, I64], I64) // arithmetic
  set(0x7f, 0x82, [I64, I64], I64, FUEL_DIVISION)
  set(0xa7, 0xa7, [I64], I32) // i32.wrap_i64
  set(0xac, 0xad, [I32], I64) // i64.extend_i32
  set(0xc0, 0xc1, [I32], I32) // sign extension
  set(0xc2, 0xc4, [I64], I64) // sign extension
  const loads: [number, number, ValueType][] = [
    ...([0x28, 0x2c, 0x2d, 0x2e, 0x2f] as const).map(
      (op, i) => [op, [2, 0, 0, 1, 1][i], I32] as [number, number, ValueType],
    ),
    ...([0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35] as const).map(
      (op, i) => [op, [3, 0, 0, 1, 1, 2, 2][i], I64] as [number, number, ValueType],
    ),
  ]
  for (const [opcode, alignMax, type] of loads) memory(opcode, alignMax, [I32], type)
  for (const [opcode, alignMax] of [
    [0x36, 2],
    [0x3a, 0],
    [0x3b, 1],
  ] as const)
    memory(opcode, alignMax, [I32, I32], null)
  for (const [opcode, alignMax] of [
    [0x37, 3],
    [0x3c, 0],
    [0x3d, 1],
    [0x3e, 2],
  ] as const) {
    memory(opcode, alignMax, [I32, I64], null)
  }
  return operations
}
