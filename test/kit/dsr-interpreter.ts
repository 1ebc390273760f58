/**
 * A second opinion on runnables: reads a module into a tree and walks it, instruction by instruction, adding up what PROTOCOL.md says each costs.
 *
 * Slow, small, and without a line of what it checks. It trusts that the module is valid.
 */

/** What came of a run. */
export interface Walked {
  /** What `run` returned; null where it trapped or the fuel was not enough. */
  readonly answer: bigint | null
  readonly fuelUsed: number
  readonly memory: Uint8Array
  /** Whether it ended because the fuel was not enough. */
  readonly isExhausted: boolean
}

/** Runs `run(request.length)` with the request in place and at most that much fuel. */
export function walk(bytes: Uint8Array, request: Uint8Array, fuel: number): Walked {
  const module = parse(bytes)
  const walker = new Walker(module, fuel)
  const start = Number(module.globals[module.request])
  walker.memory.set(request, start)
  try {
    const answer = walker.call(module.run, [BigInt(request.length)])
    return {
      answer: BigInt.asUintN(64, answer ?? 0n),
      fuelUsed: walker.used,
      memory: walker.memory,
      isExhausted: false,
    }
  } catch (error) {
    if (!(error instanceof Trap)) throw error
    return { answer: null, fuelUsed: walker.used, memory: walker.memory, isExhausted: error.isExhausted }
  }
}

class Trap extends Error {
  readonly isExhausted: boolean
  constructor(isExhausted: boolean) {
    super('trap')
    this.isExhausted = isExhausted
  }
}

interface Node {
  readonly op: number
  /** Constant, index, offset or labels. */
  readonly numbers: readonly bigint[]
  readonly hasResult: boolean
  readonly body: readonly Node[]
  readonly otherwise: readonly Node[]
}

interface Code {
  readonly parameters: number
  readonly results: number
  readonly locals: number
  readonly body: readonly Node[]
}

interface Parsed {
  readonly functions: readonly Code[]
  readonly globals: bigint[]
  readonly pages: number
  readonly data: readonly { readonly at: number; readonly bytes: Uint8Array }[]
  readonly run: number
  readonly request: number
}

function parse(bytes: Uint8Array): Parsed {
  let at = 8
  const byte = () => bytes[at++] as number
  const leb = (isSigned: boolean): bigint => {
    let [value, shift, last] = [0n, 0n, 0x80]
    while (last >= 0x80) {
      last = byte()
      value |= BigInt(last & 0x7f) << shift
      shift += 7n
    }
    return isSigned ? BigInt.asIntN(Number(shift), value) : value
  }
  const uint = () => Number(leb(false))
  const many = <T>(read: () => T): T[] => Array.from({ length: uint() }, read)
  const blob = () => {
    const length = uint()
    at += length
    return bytes.subarray(at - length, at)
  }
  const nodes = (): { list: Node[]; last: number } => {
    const list: Node[] = []
    for (;;) {
      const op = byte()
      if (op === 0x0b || op === 0x05) return { list, last: op }
      list.push(node(op))
    }
  }
  const node = (op: number): Node => {
    const plain = { op, hasResult: false, body: [], otherwise: [] }
    if (op === 0x41 || op === 0x42) return { ...plain, numbers: [leb(true)] }
    if (op >= 0x02 && op <= 0x04) {
      const hasResult = byte() !== 0x40
      const first = nodes()
      const otherwise = first.last === 0x05 ? nodes().list : []
      return { op, numbers: [], hasResult, body: first.list, otherwise }
    }
    if (op === 0x0e) return { ...plain, numbers: [...many(() => leb(false)), leb(false)] }
    if (op >= 0x28 && op <= 0x3e) return { ...plain, numbers: [leb(false), leb(false)].slice(1) }
    const hasIndex = op === 0x0c || op === 0x0d || op === 0x10 || (op >= 0x20 && op <= 0x24)
    return { ...plain, numbers: hasIndex ? [leb(false)] : [] }
  }
  const global = () => {
    const bits = byte() === 0x7e ? 64 : 32
    byte()
    return BigInt.asUintN(bits, constant())
  }
  const segment = () => {
    byte()
    return { at: Number(constant()), bytes: blob() }
  }
  let types: number[][] = []
  let declared: number[] = []
  let functions: Code[] = []
  let globals: bigint[] = []
  let pages = 0
  let data: { at: number; bytes: Uint8Array }[] = []
  const exports = new Map<string, number>()
  const constant = () => {
    byte()
    const value = leb(true)
    byte()
    return value
  }
  while (at < bytes.length) {
    const id = byte()
    const end = uint() + at
    if (id === 1) types = many(() => [byte(), blob().length, blob().length])
    if (id === 3) declared = many(uint)
    if (id === 5) [, , pages] = [uint(), byte(), uint()] as const
    if (id === 6) globals = many(global)
    if (id === 7) {
      const named = many(() => [Buffer.from(blob()).toString(), byte(), uint()] as const)
      for (const [name, , index] of named) exports.set(name, index)
    }
    if (id === 10) {
      let index = 0
      functions = many(() => {
        uint()
        const groups = many(() => [uint(), byte()] as const)
        const [, parameters = 0, results = 0] = types[declared[index++] as number] as number[]
        return { parameters, results, locals: groups.reduce((sum, [count]) => sum + count, 0), body: nodes().list }
      })
    }
    if (id === 11) data = many(segment)
    at = end
  }
  const [run, request] = [exports.get('run'), exports.get('request')]
  if (run === undefined || request === undefined) throw new Error('not a runnable')
  return { functions, globals, pages, data, run, request }
}

const DIVISIONS = new Set([0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82])
/** Bytes and sign of each load, bytes of each store, from 0x28 on. */
const ACCESS: Readonly<Record<number, readonly [bytes: number, bits: 0 | 32 | 64]>> = {
  ...{ 40: [4, 0], 41: [8, 0], 44: [1, 32], 45: [1, 0], 46: [2, 32], 47: [2, 0], 48: [1, 64], 49: [1, 0] },
  ...{ 50: [2, 64], 51: [2, 0], 52: [4, 64], 53: [4, 0], 54: [4, 0], 55: [8, 0], 58: [1, 0], 59: [2, 0] },
  ...{ 60: [1, 0], 61: [2, 0], 62: [4, 0] },
}

/** Every value is held as an unsigned integer of its type. */
class Walker {
  readonly memory: Uint8Array
  used = 0
  readonly #module: Parsed
  readonly #fuel: number

  constructor(module: Parsed, fuel: number) {
    this.#module = module
    this.#fuel = fuel
    this.memory = new Uint8Array(module.pages * 65_536)
    for (const { at, bytes } of module.data) this.memory.set(bytes, at)
  }

  call(index: number, given: readonly bigint[]): bigint | null {
    const code = this.#module.functions[index] as Code
    this.#pay(2 + Math.floor(code.locals / 8))
    const locals = [...given, ...new Array<bigint>(code.locals).fill(0n)]
    const stack: bigint[] = []
    this.#walk(code.body, stack, locals)
    return code.results === 1 ? (stack.at(-1) as bigint) : null
  }

  #pay(fuel: number): void {
    this.used += fuel
    if (this.used > this.#fuel) throw new Trap(true)
  }

  /** −1 where it fell through, else how many labels further out the branch goes. */
  #walk(nodes: readonly Node[], stack: bigint[], locals: bigint[]): number {
    for (const node of nodes) {
      const { op, numbers, body } = node
      if (op !== 0x03) this.#pay(op === 0x10 ? 4 : DIVISIONS.has(op) ? 8 : 1)
      const first = Number(numbers[0] ?? 0)
      const pop = () => stack.pop() as bigint
      if (op === 0x00) throw new Trap(false)
      else if (op === 0x02 || op === 0x04 || op === 0x03) {
        const chosen = op === 0x04 && pop() === 0n ? node.otherwise : body
        const height = stack.length
        let out: number
        do {
          if (op === 0x03) this.#pay(1)
          out = this.#walk(chosen, stack, locals)
          if (op === 0x03 && out === 0) stack.length = height
        } while (op === 0x03 && out === 0)
        if (out === 0 || out === -1) {
          const result = stack.at(-1) as bigint
          stack.length = height
          if (node.hasResult) stack.push(result)
        } else return out - 1
      } else if (op === 0x0c) return first
      else if (op === 0x0d) {
        if (pop() !== 0n) return first
      } else if (op === 0x0e) {
        const which = pop()
        return Number(numbers[which < BigInt(numbers.length - 1) ? Number(which) : numbers.length - 1])
      } else if (op === 0x0f) return 1_000_000
      else if (op === 0x10) {
        const { parameters } = this.#module.functions[first] as Code
        const result = this.call(first, stack.splice(stack.length - parameters, parameters))
        if (result !== null) stack.push(result)
      } else if (op === 0x1a) pop()
      else if (op === 0x1b) {
        const [condition, other, one] = [pop(), pop(), pop()]
        stack.push(condition === 0n ? other : one)
      } else if (op === 0x20) stack.push(locals[first] as bigint)
      else if (op === 0x21) locals[first] = pop()
      else if (op === 0x22) locals[first] = stack.at(-1) as bigint
      else if (op === 0x23) stack.push(this.#module.globals[first] as bigint)
      else if (op === 0x24) this.#module.globals[first] = pop()
      else if (op === 0x41) stack.push(BigInt.asUintN(32, numbers[0] as bigint))
      else if (op === 0x42) stack.push(BigInt.asUintN(64, numbers[0] as bigint))
      else if (op >= 0x36 && op <= 0x3e) {
        const value = pop()
        this.#store(op, Number(pop()) + first, value)
      } else if (op >= 0x28 && op <= 0x35) stack.push(this.#load(op, Number(pop()) + first))
      else if (op !== 0x01) compute(op, stack)
    }
    return -1
  }

  #load(op: number, address: number): bigint {
    const [length, bits] = ACCESS[op] as readonly [number, 0 | 32 | 64]
    if (address + length > this.memory.length) throw new Trap(false)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.memory[address + i] as number)
    return bits === 0 ? value : BigInt.asUintN(bits, BigInt.asIntN(8 * length, value))
  }

  #store(op: number, address: number, value: bigint): void {
    const [length] = ACCESS[op] as readonly [number, number]
    if (address + length > this.memory.length) throw new Trap(false)
    for (let i = 0; i < length; i++) this.memory[address + i] = Number((value >> BigInt(8 * i)) & 255n)
  }
}

const signed = BigInt.asIntN
const unsigned = BigInt.asUintN

function compute(op: number, stack: bigint[]): void {
  const pop = () => stack.pop() as bigint
  if (op === 0xa7) stack.push(unsigned(32, pop()))
  else if (op === 0xac) stack.push(unsigned(64, signed(32, pop())))
  else if (op === 0xad) stack.push(pop())
  else if (op >= 0xc0) {
    const [from, to] = (
      [
        [8, 32],
        [16, 32],
        [8, 64],
        [16, 64],
        [32, 64],
      ] as const
    )[op - 0xc0] as readonly [number, number]
    stack.push(unsigned(to, signed(from, pop())))
  } else if (op === 0x45 || op === 0x50) stack.push(pop() === 0n ? 1n : 0n)
  else if (op < 0x5b) {
    const [b, a] = [pop(), pop()]
    stack.push(compared(op < 0x50 ? op - 0x46 : op - 0x51, op < 0x50 ? 32 : 64, a, b) ? 1n : 0n)
  } else {
    const bits = op <= 0x78 ? 32 : 64
    const which = op <= 0x78 ? op - 0x67 : op - 0x79
    if (which < 3) stack.push(counted(which, bits, pop()))
    else {
      const [b, a] = [pop(), pop()]
      stack.push(unsigned(bits, arithmetic(which - 3, bits, a, b)))
    }
  }
}

/** eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u */
function compared(which: number, bits: number, a: bigint, b: bigint): boolean {
  if (which < 2) return (a === b) === (which === 0)
  const [x, y] = which % 2 === 0 ? [signed(bits, a), signed(bits, b)] : [a, b]
  return [x < y, x > y, x <= y, x >= y][(which - 2) >> 1] as boolean
}

/** clz ctz popcnt */
function counted(which: number, bits: number, value: bigint): bigint {
  const digits = value.toString(2).padStart(bits, '0')
  if (which === 2) return BigInt(digits.replaceAll('0', '').length)
  const first = which === 0 ? digits.indexOf('1') : [...digits].reverse().indexOf('1')
  return BigInt(first < 0 ? bits : first)
}

/** add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr */
function arithmetic(which: number, bits: number, a: bigint, b: bigint): bigint {
  const [x, y] = [signed(bits, a), signed(bits, b)]
  const by = b % BigInt(bits)
  const size = BigInt(bits)
  if (which >= 3 && which <= 6 && b === 0n) throw new Trap(false)
  if (which === 3 && y === -1n && x === -(1n << (size - 1n))) throw new Trap(false)
  switch (which) {
    case 0:
      return a + b
    case 1:
      return a - b
    case 2:
      return a * b
    case 3:
      return x / y
    case 4:
      return a / b
    case 5:
      return x % y
    case 6:
      return a % b
    case 7:
      return a & b
    case 8:
      return a | b
    case 9:
      return a ^ b
    case 10:
      return a << by
    case 11:
      return x >> by
    case 12:
      return a >> by
    case 13:
      return (a << by) | (a >> (size - by))
    default:
      return (a >> by) | (a << (size - by))
  }
}
