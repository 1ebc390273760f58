/**
 * Random runnables: well typed, of every instruction that the profile allows, with loops that may not end, divisions by zero, addresses beyond the memory and code that
 * is never reached. The same seed gives the same modules.
 */

import { assemble, type FunctionPlan, I32, I64, i32, i64, type ModulePlan, uint } from './dsr-assembler.ts'
import { uniform } from './vectors.ts'

type Type = typeof I32 | typeof I64
/** An opcode and the alignment it may promise. */
type Access = readonly [opcode: number, align: number]

const UNARY = { [I32]: [0x67, 0x68, 0x69, 0xc0, 0xc1], [I64]: [0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4] }
const BINARY = {
  [I32]: [0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78],
  [I64]: [0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a],
}
const LOADS: Record<Type, readonly Access[]> = {
  [I32]: [
    [0x28, 2],
    [0x2c, 0],
    [0x2d, 0],
    [0x2e, 1],
    [0x2f, 1],
  ],
  [I64]: [
    [0x29, 3],
    [0x30, 0],
    [0x31, 0],
    [0x32, 1],
    [0x33, 1],
    [0x34, 2],
    [0x35, 2],
  ],
}
const STORES: Record<Type, readonly Access[]> = {
  [I32]: [
    [0x36, 2],
    [0x3a, 0],
    [0x3b, 1],
  ],
  [I64]: [
    [0x37, 3],
    [0x3c, 0],
    [0x3d, 1],
    [0x3e, 2],
  ],
}

/** Canonical verdicts at known addresses, so that some modules answer well: allow, deny 5, redact 0. */
const ANSWERS: readonly (readonly [number, readonly number[]])[] = [
  [40_000, [0x85, 1, 0, 0, 0x80, 0x40]],
  [40_016, [0x85, 1, 1, 5, 0x80, 0x40]],
  [40_032, [0x85, 1, 2, 0, 0x81, 0, 0x40]],
]

/** The module of a seed. */
export function randomModule(seed: number): Uint8Array {
  return assemble(new Author(seed).plan())
}

interface Scope {
  readonly locals: readonly Type[]
  /** Counters of loops, which nothing else writes to. */
  readonly counters: readonly number[]
  /** What a branch to each open block carries, the innermost last; null: nothing. */
  readonly labels: readonly (Type | null | 'loop')[]
  readonly result: Type | null
  /** Functions that it may call: those before it. */
  readonly callable: number
  readonly depth: number
  readonly loops: number
}

class Author {
  readonly #random: () => number
  readonly #functions: { parameters: Type[]; results: Type[] }[] = []

  constructor(seed: number) {
    this.#random = uniform(seed)
  }

  plan(): ModulePlan {
    const functions: FunctionPlan[] = []
    const count = this.#below(4)
    for (let i = 0; i < count; i++) {
      const parameters = this.#types(3)
      const results = this.#types(1)
      functions.push(this.#function(parameters, results, i))
      this.#functions.push({ parameters, results })
    }
    functions.push(this.#function([I32], [I64], count))
    const globals = [
      [I32, 0, i32(1024)],
      [I32, 1, i32(this.#number())],
      [I64, 1, i64(this.#number())],
    ] as const
    return { functions, globals, pages: [1, 1], data: ANSWERS }
  }

  #function(parameters: Type[], results: Type[], callable: number): FunctionPlan {
    const own = this.#types(4)
    const counters = [0, 1, 2].map((i) => parameters.length + own.length + i)
    const locals = [...parameters, ...own]
    const result = results[0] ?? null
    const scope: Scope = { locals, counters, labels: [result], result, callable, depth: 0, loops: 0 }
    const statements = Array.from({ length: 1 + this.#below(6) }, () => this.#statement(scope)).flat()
    const isRun = parameters.length === 1 && result === I64
    const last = result === null ? [] : isRun && this.#below(4) > 0 ? this.#answer(scope) : this.#value(result, scope)
    return { parameters, results, locals: [...own, I32, I32, I32], code: [...statements, ...last] }
  }

  /** One of the good verdicts, chosen by what was computed. */
  #answer(scope: Scope): number[] {
    const pick = () => {
      const [address, bytes] = ANSWERS[this.#below(ANSWERS.length)]!
      return i64((BigInt(address) << 32n) | BigInt(bytes.length))
    }
    return [...pick(), ...pick(), ...this.#value(I32, scope), 0x1b]
  }

  #statement(scope: Scope): number[] {
    if (scope.depth > 5) return [0x01]
    const inner = { ...scope, depth: scope.depth + 1 }
    switch (this.#below(14)) {
      case 0:
        return [0x01]
      case 1:
      case 2: {
        const index = this.#below(scope.locals.length)
        const type = scope.locals[index]
        return type === undefined ? [0x01] : [...this.#value(type, inner), 0x21, ...uint(index)]
      }
      case 3: {
        const type = this.#type()
        return [...this.#value(type, inner), 0x24, type === I32 ? 1 : 2]
      }
      case 4:
      case 5: {
        const type = this.#type()
        const [opcode, align] = this.#one(STORES[type])
        return [...this.#address(inner), ...this.#value(type, inner), opcode, align, ...uint(this.#below(200))]
      }
      case 6: {
        const body = { ...inner, labels: [...scope.labels, null] }
        const otherwise = this.#below(2) === 0 ? [] : [0x05, ...this.#statements(body)]
        return [...this.#value(I32, inner), 0x04, 0x40, ...this.#statements(body), ...otherwise, 0x0b]
      }
      case 7: {
        const body = { ...inner, labels: [...scope.labels, null] }
        return [0x02, 0x40, ...this.#statements(body), 0x0b]
      }
      case 8:
      case 9:
        return this.#loop(scope)
      case 10:
        return this.#branch(inner)
      case 11:
        return [...this.#value(this.#type(), inner), 0x1a]
      case 12:
        return this.#call(scope, null) ?? [0x01]
      default:
        return this.#rare(inner)
    }
  }

  #statements(scope: Scope): number[] {
    return Array.from({ length: 1 + this.#below(3) }, () => this.#statement(scope)).flat()
  }

  /** A loop that counts down, or sometimes one that never ends. */
  #loop(scope: Scope): number[] {
    const counter = scope.counters[scope.loops]
    if (counter === undefined) return [0x01]
    const body = {
      ...scope,
      depth: scope.depth + 1,
      loops: scope.loops + 1,
      labels: [...scope.labels, 'loop' as const],
    }
    const index = uint(counter)
    if (this.#below(25) === 0) return [0x03, 0x40, ...this.#statements(body), 0x0c, 0, 0x0b]
    const down = [0x20, ...index, ...i32(1), 0x6b, 0x22, ...index, 0x0d, 0]
    return [...i32(1 + this.#below(40)), 0x21, ...index, 0x03, 0x40, ...this.#statements(body), ...down, 0x0b]
  }

  /** Out of one of the open blocks; never back to the head of a loop. */
  #branch(scope: Scope): number[] {
    const targets = scope.labels.flatMap((label, i) => (label === null ? [scope.labels.length - 1 - i] : []))
    if (targets.length === 0) return [0x01]
    const target = () => uint(this.#one(targets))
    switch (this.#below(4)) {
      case 0:
        return [0x0c, ...target(), ...this.#dead(scope)]
      case 1: {
        const table = Array.from({ length: this.#below(5) }, target)
        return [
          ...this.#value(I32, scope),
          0x0e,
          ...uint(table.length),
          ...table.flat(),
          ...target(),
          ...this.#dead(scope),
        ]
      }
      default:
        return [...this.#value(I32, scope), 0x0d, ...target()]
    }
  }

  #rare(scope: Scope): number[] {
    switch (this.#below(12)) {
      case 0:
        return [0x00, ...this.#dead(scope)]
      case 1:
        return [...(scope.result === null ? [] : this.#value(scope.result, scope)), 0x0f, ...this.#dead(scope)]
      default:
        return [0x01]
    }
  }

  /** What may stand where nothing is ever reached. */
  #dead(scope: Scope): number[] {
    return this.#one([[], [0x1a], [0x6a, 0x1a], [0x01, 0x1b, 0x1a], this.#statement({ ...scope, depth: 5 })])
  }

  #value(type: Type, scope: Scope): number[] {
    const inner = { ...scope, depth: scope.depth + 1 }
    if (scope.depth > 5) return type === I32 ? i32(this.#number()) : i64(this.#number())
    switch (this.#below(13)) {
      case 0:
      case 1: {
        const places = scope.locals.flatMap((local, i) => (local === type ? [i] : []))
        return places.length === 0 ? this.#constant(type) : [0x20, ...uint(this.#one(places))]
      }
      case 2:
        return [0x23, type === I32 ? 1 : 2]
      case 3:
        return [...this.#value(type, inner), this.#one(UNARY[type])]
      case 4:
      case 5:
      case 6: {
        const opcode = this.#one(BINARY[type])
        return [...this.#value(type, inner), ...this.#value(type, inner), ...this.#notZero(type), opcode]
      }
      case 7: {
        const [opcode, align] = this.#one(LOADS[type])
        return [...this.#address(inner), opcode, align, ...uint(this.#below(200))]
      }
      case 8:
        return this.#call(scope, type) ?? this.#constant(type)
      case 9: {
        const body = { ...inner, labels: [...scope.labels, type] }
        const arm = () => this.#value(type, body)
        return [...this.#value(I32, inner), 0x04, type, ...arm(), 0x05, ...arm(), 0x0b]
      }
      case 10: {
        const body = { ...inner, labels: [...scope.labels, type] }
        const early = [...this.#value(type, body), ...this.#value(I32, body), 0x0d, 0, 0x1a]
        return [0x02, type, ...early, ...this.#value(type, body), 0x0b]
      }
      case 11:
        return [...this.#value(type, inner), ...this.#value(type, inner), ...this.#value(I32, inner), 0x1b]
      default:
        return this.#converted(type, inner)
    }
  }

  #converted(type: Type, scope: Scope): number[] {
    if (type === I64) return [...this.#value(I32, scope), 0xac + this.#below(2)]
    const compared = this.#type()
    switch (this.#below(3)) {
      case 0:
        return [...this.#value(I64, scope), 0xa7]
      case 1:
        return [...this.#value(compared, scope), compared === I32 ? 0x45 : 0x50]
      default: {
        const opcode = (compared === I32 ? 0x46 : 0x51) + this.#below(10)
        return [...this.#value(compared, scope), ...this.#value(compared, scope), opcode]
      }
    }
  }

  #call(scope: Scope, type: Type | null): number[] | null {
    const fitting = this.#functions.flatMap(({ results }, i) =>
      i < scope.callable && (results[0] ?? null) === type ? [i] : [],
    )
    if (fitting.length === 0) return null
    const index = this.#one(fitting)
    const inner = { ...scope, depth: scope.depth + 2 }
    const given = this.#functions[index]!.parameters.flatMap((parameter) => this.#value(parameter, inner))
    return [...given, 0x10, ...uint(index)]
  }

  /** Mostly inside the memory. */
  #address(scope: Scope): number[] {
    return [...this.#value(I32, scope), ...(this.#below(40) === 0 ? [] : [...i32(0x7fff), 0x71])]
  }

  /** Most divisors are odd, so that most divisions have a result. */
  #notZero(type: Type): number[] {
    if (this.#below(20) === 0) return []
    return type === I32 ? [...i32(1), 0x72] : [...i64(1), 0x84]
  }

  #constant(type: Type): number[] {
    return type === I32 ? i32(this.#number()) : i64(this.#number())
  }

  #number(): number {
    return this.#one([0, 1, -1, 2, 7, 255, 65_535, 65_536, 0x7fff_ffff, -0x8000_0000, this.#below(2 ** 32) - 2 ** 31])
  }

  #type(): Type {
    return this.#below(2) === 0 ? I32 : I64
  }

  #types(most: number): Type[] {
    return Array.from({ length: this.#below(most + 1) }, () => this.#type())
  }

  #one<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
