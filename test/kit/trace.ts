/**
 * Makes visible what of a WebAssembly module can show in time: which way it goes, and where it reads and writes.
 *
 * A stopwatch proves little on a shared machine. So a module is rewritten, by Binaryen's text format, until it reports
 * every condition (`if`, `br_if`, `br_table`, `select`, indirect calls), every address and length of every access to
 * memory, and both operands of every instruction that processors take more or less time for (division, remainder, square
 * root). Two runs whose reports are the same went the same way over the same addresses.
 */

import binaryen from 'binaryen'

/** An instrumented module. `run` gives one report for every condition, address or operand, in order. */
export interface Traced {
  readonly exports: Record<string, unknown>
  readonly memory: WebAssembly.Memory
  /** Calls `action` and returns what it reported: pairs of a place in the code and a value. */
  run(action: () => void): Float64Array
  /** The instruction at a place, for messages. */
  place(id: number): string
  /** All instrumented instructions, by place. */
  readonly places: readonly string[]
}

/** Instruments a module in binary form, or one in Binaryen's text format. */
export function traced(source: Uint8Array | string): Traced {
  const original = typeof source === 'string' ? binaryen.parseText(source) : binaryen.readBinary(source)
  const tree = parse(original.emitText())
  original.dispose()
  const places: string[] = []
  const rewritten = instrument(tree, places)
  const module = binaryen.parseText(print(withImports(rewritten)))
  module.setFeatures(binaryen.Features.All)
  if (!module.validate()) throw new Error('the instrumented module is not valid')
  const binary = module.emitBinary()
  module.dispose()

  let report: number[] = []
  const see = (id: number, value: number): number => {
    report.push(id, value)
    return value
  }
  const seeLong = (id: number, value: bigint): bigint => {
    report.push(id, Number(BigInt.asIntN(32, value)), id, Number(value >> 32n))
    return value
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>), {
    trace: { i32: see, i64: seeLong, f32: see, f64: see },
  })
  return {
    exports,
    memory: exports['memory'] as WebAssembly.Memory,
    run(action) {
      report = []
      action()
      return Float64Array.from(report)
    },
    place: (id) => places[id] ?? 'nowhere',
    places,
  }
}

/** Where two reports part: the place in the code, or null where they are the same to the end. */
export function parting(module: Traced, one: Float64Array, other: Float64Array): string | null {
  const length = Math.max(one.length, other.length)
  for (let i = 0; i < length; i += 2) {
    if (one[i] === other[i] && Object.is(one[i + 1], other[i + 1])) continue
    return `step ${i / 2}: ${module.place(one[i] ?? -1)} saw ${one[i + 1]}, ${module.place(other[i] ?? -1)} saw ${other[i + 1]}`
  }
  return null
}

type Tree = string | Tree[]

/** Which operands of an instruction are reported, and their type; null for those that show nothing. */
function shown(head: string): { type: string; which: (count: number) => number[] } | null {
  const last = (count: number) => [count - 1]
  const first = () => [0]
  const all = (count: number) => Array.from({ length: count }, (_, i) => i)
  if (head === 'if') return { type: 'i32', which: first }
  if (['br_if', 'br_table', 'select', 'call_indirect'].includes(head)) return { type: 'i32', which: last }
  if (head === 'memory.fill') return { type: 'i32', which: () => [0, 2] }
  if (['memory.copy', 'memory.init', 'memory.grow'].includes(head)) return { type: 'i32', which: all }
  if (/^(i32|i64|f32|f64|v128)\.(atomic\.)?(load|store|rmw)/.test(head)) return { type: 'i32', which: first }
  const slow = /^(i32|i64|f32|f64|f32x4|f64x2)\.(div|rem|sqrt)/.exec(head)
  if (slow === null) return null
  return { type: slow[1]?.includes('x') ? 'v128' : (slow[1] as string), which: all }
}

/** Wraps each operand that shows in a call that reports it and hands it on. */
function instrument(tree: Tree, places: string[]): Tree {
  if (typeof tree === 'string') return tree
  const head = tree[0]
  const inner = tree.map((part) => instrument(part, places))
  const what = typeof head === 'string' ? shown(head) : null
  if (what === null) return inner
  const operands = inner.flatMap((part, i) => (isOperand(part) ? [i] : []))
  for (const which of what.which(operands.length)) {
    const at = operands[which]
    if (at === undefined) throw new Error(`${head}: operand ${which} is missing`)
    places.push(print(tree).slice(0, 200))
    inner[at] = ['call', `$trace.${what.type}`, ['i32.const', String(places.length - 1)], inner[at] as Tree]
  }
  return inner
}

/** An instruction, other than what only describes the one around it. */
function isOperand(part: Tree): boolean {
  return Array.isArray(part) && !['then', 'else', 'result', 'type', 'param'].includes(part[0] as string)
}

function withImports(module: Tree): Tree {
  const [head, ...rest] = module as Tree[]
  const imports = ['i32', 'i64', 'f32', 'f64'].map((type) => [
    ...['import', '"trace"', `"${type}"`],
    ['func', `$trace.${type}`, ['param', 'i32', type], ['result', type]],
  ])
  return [head as Tree, ...imports, parse(REPORT_VECTOR), ...rest]
}

const REPORT_VECTOR = `
  (func $trace.v128 (param $id i32) (param $vector v128) (result v128)
    (drop (call $trace.i64 (local.get $id) (i64x2.extract_lane 0 (local.get $vector))))
    (drop (call $trace.i64 (local.get $id) (i64x2.extract_lane 1 (local.get $vector))))
    (local.get $vector))`

/** S-expressions as nested arrays; comments are dropped. */
function parse(text: string): Tree {
  const stack: Tree[][] = [[]]
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[()]|;;[^\n]*|\(;.*?;\)|[^\s()"]+/gs)) {
    if (token.startsWith(';;')) continue
    if (token === '(') stack.push([])
    else if (token === ')') {
      const done = stack.pop() as Tree[]
      ;(stack.at(-1) as Tree[]).push(done)
    } else (stack.at(-1) as Tree[]).push(token)
  }
  return (stack[0] as Tree[])[0] as Tree
}

function print(tree: Tree): string {
  return typeof tree === 'string' ? tree : `(${tree.map(print).join(' ')})`
}
