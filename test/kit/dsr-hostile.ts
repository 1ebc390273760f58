/**
 * Modules that were made to break a runtime: each is refused by the check, for the reason given here, or runs to the same end on every tier of every engine.
 */

import {
  assemble,
  F64,
  I32,
  I64,
  i32,
  i64,
  MAGIC,
  type ModulePlan,
  moduleOf,
  name,
  runOf,
  type Section,
  sectionsOf,
  uint,
  vector,
} from './dsr-assembler.ts'

export interface Hostile {
  readonly name: string
  readonly bytes: Uint8Array
  /** What the refusal says; null where the module is accepted. */
  readonly refusal: RegExp | null
}

const ALLOW = [0x85, 1, 0, 0, 0x80, 0x40]
/** Returns the verdict that `DATA` puts at 2048. */
const ANSWER = i64((2048n << 32n) | 6n)
const DATA = [[2048, ALLOW]] as const
const times = (count: number, part: readonly number[]): number[] => Array.from({ length: count }, () => part).flat()
const repeated = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
const good = sectionsOf(runOf(ANSWER, { data: DATA }))

/** A module that only allows. */
export const PLAIN = moduleOf(good)

/** All of them. */
export function hostileModules(): Hostile[] {
  return [...endless(), ...deep(), ...forbidden(), ...mistyped(), ...misshapen(), ...misnamed(), ...heavy()]
}

function accepted(name: string, plan: ModulePlan): Hostile {
  return { name, bytes: assemble(plan), refusal: null }
}

function refused(name: string, refusal: RegExp, plan: ModulePlan | Uint8Array): Hostile {
  return { name, bytes: plan instanceof Uint8Array ? plan : assemble(plan), refusal }
}

function run(code: readonly number[], locals: readonly number[] = []): ModulePlan {
  return runOf([...code, ...ANSWER], { data: DATA, locals })
}

/** Code that does not end by itself. */
function endless(): Hostile[] {
  const spin = [0x03, 0x40, 0x0c, 0, 0x0b]
  const callee = { code: [...times(10, [...i32(0), ...i32(1), 0x36, 2, 0])] }
  const once = (index: number) => ({ code: times(8, [0x10, index]) })
  const bomb = { functions: [callee, ...[0, 1, 2, 3, 4, 5, 6, 7].map(once)] }
  const walk = [0x03, 0x40, 0x20, 1, 0x20, 1, 0x36, 2, 0, 0x20, 1, ...i32(4), 0x6a, 0x21, 1, 0x0c, 0, 0x0b]
  return [
    accepted('an endless loop', run(spin)),
    accepted('an endless loop without anything in it but a condition', run([0x03, 0x40, ...i32(1), 0x0d, 0, 0x0b])),
    accepted('endless loops in a loop', run([0x03, 0x40, ...spin, 0x0c, 0, 0x0b])),
    accepted('an endless loop by a table of branches', run([0x03, 0x40, 0x20, 0, 0x0e, 2, 0, 0, 0, 0x0b])),
    accepted('a loop that writes until it leaves the memory', run(walk, [I32])),
    accepted('calls that double eight times over', runOf([0x10, 8, ...ANSWER], { ...bomb, data: DATA })),
    accepted('an endless loop in a called function', runOf([0x10, 0, ...ANSWER], { functions: [{ code: spin }] })),
    accepted('a loop in an arm that is never taken', run([...i32(0), 0x04, 0x40, ...spin, 0x0b])),
    accepted('an endless loop in dead code', runOf([...ANSWER, 0x0f, ...spin], { data: DATA })),
    accepted('a loop that gives a value', run([0x03, I32, ...i32(7), 0x0b, 0x1a])),
  ]
}

/** Stacks that overflow somewhere, and not everywhere. */
function deep(): Hostile[] {
  const chain = (count: number, locals: number) =>
    Array.from({ length: count }, (_, i) => ({ locals: repeated(locals, I64), code: i === 0 ? [] : [0x10, i - 1] }))
  const calling = (functions: ModulePlan['functions']) =>
    runOf([0x10, ...uint(functions.length - 1), ...ANSWER], { functions, data: DATA })
  const nested = (count: number) => run([...times(count, [0x02, 0x40]), ...times(count, [0x0b])])
  return [
    refused('a function that calls itself', /calls itself/, runOf([...i32(0), 0x10, 0])),
    refused('functions that call each other', /calls itself/, calling([{ code: [0x10, 1] }, { code: [0x10, 0] }])),
    refused('recursion in dead code', /calls itself/, runOf([...ANSWER, 0x0f, ...i32(0), 0x10, 0])),
    refused('a chain of 65 calls', /calls 65 deep/, calling(chain(64, 0))),
    accepted('a chain of 60 calls', calling(chain(59, 0))),
    refused('few calls with many variables', /slots of stack/, calling(chain(20, 256))),
    refused('a tower of operands', /operands|slots of stack/, run([...times(5000, i32(1)), ...times(5000, [0x1a])])),
    accepted('a tower of operands that fits', run([...times(3000, i32(1)), ...times(3000, [0x1a])])),
    refused('blocks nested 200 deep', /nested too deep/, nested(200)),
    accepted('blocks nested 100 deep', nested(100)),
    refused('more variables than allowed', /local variables/, run([], repeated(257, I32))),
  ]
}

/** What the profile leaves out. */
function forbidden(): Hostile[] {
  const nan = [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]
  const added = (id: number, content: readonly number[]): Uint8Array => {
    const at = good.findIndex(([other]) => other > id)
    return moduleOf([...good.slice(0, at), [id, content], ...good.slice(at)])
  }
  const replaced = (id: number, content: readonly number[]): Uint8Array =>
    moduleOf(good.map((section) => (section[0] === id ? [id, content] : section)))
  return [
    refused('a NaN', /floating point/, run([...nan, 0x1a])),
    refused('bits of a NaN', /floating point/, run([...nan, 0xbd, 0x1a])),
    refused('a division of floats', /floating point/, run([...nan, ...nan, 0xa3, 0x1a])),
    refused('a float made of an integer', /floating point/, run([...i32(1), 0xb7, 0x1a])),
    refused('a load of a float', /floating point/, run([...i32(0), 0x2b, 3, 0, 0x1a])),
    refused('a variable of type f64', /type 0x7c/, run([], [F64])),
    refused('a global variable of type f64', /type 0x7c/, runOf(ANSWER, { globals: [[F64, 0, nan]] })),
    refused('a block of type f64', /type 0x7c/, run([0x02, F64, ...nan, 0x0b, 0x1a])),
    refused('memory that grows', /growth of the memory/, run([...i32(1), 0x40, 0, 0x1a])),
    refused('the size of the memory', /size of the memory/, run([0x3f, 0, 0x1a])),
    refused('a memory that could grow', /could grow/, runOf(ANSWER, { pages: [1, 2] })),
    refused('a memory without a greatest size', /greatest size/, replaced(5, [1, 0, 1])),
    refused('a shared memory', /shared/, replaced(5, [1, 3, 1, 1])),
    refused('a memory of 64 bits', /64 bits/, replaced(5, [1, 5, 1, 1])),
    refused('two memories', /memories 2/, replaced(5, [2, 1, 1, 1, 1, 1, 1])),
    refused('no memory', /no memory/, replaced(5, [0])),
    refused('a memory of 4 GiB', /pages/, runOf(ANSWER, { pages: [65_536, 65_536] })),
    refused('a memory of nothing', /empty/, runOf(ANSWER, { pages: [0, 0] })),
    refused('a giant table', /a table/, added(4, [1, 0x70, 1, ...uint(10_000_000), ...uint(10_000_000)])),
    refused('elements', /elements/, added(9, [0])),
    refused('a start function', /start function/, added(8, [0])),
    refused('an import', /imports/, added(2, vector([[...name('env'), ...name('abort'), 0, 0]]))),
    refused('an empty section of imports', /imports/, added(2, [0])),
    refused('a count of data segments', /data segments/, added(12, [1])),
    refused('an indirect call', /indirect call/, run([...i32(0), 0x11, 0, 0])),
    refused('a tail call', /tail calls/, run([...i32(0), 0x12, 0])),
    refused('a fill of memory', /bulk memory/, run([...i32(0), ...i32(0), ...i32(9), 0xfc, 11, 0])),
    refused('SIMD', /SIMD/, run([0xfd, 12, ...times(16, [0]), 0x1a])),
    refused('an atomic operation', /threads/, run([...i32(0), 0xfe, 0x10, 2, 0, 0x1a])),
    refused('an exception', /exceptions/, run([0x08, 0])),
    refused('a null reference', /references/, run([0xd0, 0x70, 0x1a])),
    refused('a typed select', /typed select/, run([...i32(0), ...i32(0), ...i32(0), 0x1c, 1, I32, 0x1a])),
    refused('an instruction that does not exist', /unknown instruction/, run([0xff])),
    refused('a forbidden instruction in dead code', /floating point/, runOf([...ANSWER, 0x0f, ...nan])),
    refused('two results', /results/, assemble({ functions: [{ results: [I32, I32], code: [] }] })),
    refused('a passive data segment', /data segment/, moduleOf([...good.slice(0, 6), [11, [1, 1, 1, 0]]])),
  ]
}

/** Code that does not type. */
function mistyped(): Hostile[] {
  return [
    refused('an operand that is missing', /missing/, run([0x6a, 0x1a])),
    refused('an operand of the wrong type', /i64 where i32/, run([...i64(0), 0x45, 0x1a])),
    refused('dead code with wrong types', /i64 where i32/, runOf([...ANSWER, 0x0f, ...i64(1), 0x45, 0x1a])),
    refused('operands left over', /left over/, run(i32(1))),
    refused('a choice between two types', /where/, run([...i32(1), ...i64(1), ...i32(1), 0x1b, 0x1a])),
    refused('"if" with a result and no "else"', /without "else"/, run([...i32(1), 0x04, I32, ...i32(1), 0x0b, 0x1a])),
    refused('"else" without "if"', /without "if"/, run([0x02, 0x40, 0x05, 0x0b])),
    refused('a second "else"', /without "if"/, run([...i32(1), 0x04, 0x40, 0x05, 0x05, 0x0b])),
    refused('a label that does not exist', /no label/, run([0x0c, 5])),
    refused('branches of different types', /different types/, run([0x02, 0x40, ...i32(0), 0x0e, 1, 0, 1, 0x0b])),
    refused('a variable that does not exist', /no local variable/, run([0x20, 9, 0x1a])),
    refused('a global that does not exist', /no global variable/, run([0x23, 9, 0x1a])),
    refused('the meter, by its number', /no global variable/, run([...i32(0x7fff_ffff), 0x24, 1])),
    refused('a constant that is written to', /written to/, run([...i32(1), 0x24, 0])),
    refused('a function that does not exist', /does not exist/, run([0x10, 7])),
    refused('an alignment beyond the access', /alignment/, run([...i32(0), 0x28, 3, 0, 0x1a])),
    refused('a block with a type of its own', /type 0x0/, run([0x02, 0, 0x0b])),
    accepted('dead code of every type', runOf([...ANSWER, 0x0f, 0x6a, 0x1a, 0x7c, 0x1a, 0x1b, 0x1a], { data: DATA })),
  ]
}

/** Bytes that two decoders might read differently. */
function misshapen(): Hostile[] {
  const section = (id: number): Section => good.find(([other]) => other === id)!
  const body = (code: readonly number[]) => sectionsOf(runOf([...code, ...ANSWER], { data: DATA }))
  const twice = (id: number) => moduleOf(good.flatMap((each) => (each[0] === id ? [each, each] : [each])))
  const lying = (change: number) => {
    const bytes = PLAIN.slice()
    bytes[9] = bytes[9]! + change
    return bytes
  }
  const padded = [...MAGIC, 1, 0x86, 0x80, 0, ...section(1)[1]]
  const rest = moduleOf(good.slice(1)).subarray(8)
  const withCode = (content: readonly number[]) => moduleOf(good.map((s) => (s[0] === 10 ? [10, content] : s)))
  const codeWith = (code: readonly number[]) => withCode([1, ...uint(code.length), ...code])
  const custom = [0, [...name('name'), 1, 2, 3]] as const
  return [
    refused('a padded length', /shortest form/, Uint8Array.from([...padded, ...rest])),
    refused('a padded constant', /shortest form/, moduleOf(body([0x41, 0x80, 0x00, 0x1a]))),
    refused('a padded negative constant', /shortest form/, moduleOf(body([0x41, 0xff, 0x7f, 0x1a]))),
    refused('a padded index', /shortest form/, moduleOf(body([0x20, 0x80, 0, 0x1a]))),
    refused('a constant of 33 bits', /32 bits/, moduleOf(body([0x41, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x1a]))),
    refused('a constant of six bytes', /32 bits/, moduleOf(body([0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x1a]))),
    refused('a constant of 65 bits', /64 bits/, moduleOf(body([0x42, ...times(9, [0x80]), 0x01, 0x1a]))),
    refused('a section that stands twice', /twice or out of order/, twice(6)),
    refused('two sections of code', /twice or out of order/, twice(10)),
    refused('sections out of order', /twice or out of order/, moduleOf([good[1]!, good[0]!, ...good.slice(2)])),
    refused('a section of an unknown number', /unknown/, moduleOf([...good, [14, [0]]])),
    refused('a section that claims more', /not allowed/, lying(1)),
    refused('a section that claims less', /not allowed/, lying(-1)),
    refused('a section that is missing', /section 6 is missing/, moduleOf(good.filter(([id]) => id !== 6))),
    refused('fewer functions than declared', /fewer/, withCode([0])),
    refused('more functions than declared', /more functions/, withCode([2, ...section(10)[1].slice(1), 2, 0, 0x0b])),
    refused('a function without an end', /too early/, codeWith([0, ...ANSWER])),
    refused('code after the end', /after the end/, codeWith([0, ...ANSWER, 0x0b, 0x01, 0x0b])),
    refused('another version', /not a WebAssembly module/, Uint8Array.from([...MAGIC.slice(0, 4), 2, 0, 0, 0])),
    refused('nothing at all', /too early/, new Uint8Array(0)),
    refused('text', /not a WebAssembly module/, new TextEncoder().encode('(module (func))')),
    {
      name: 'custom sections everywhere',
      bytes: moduleOf([custom, ...good.flatMap((section) => [section, custom])]),
      refusal: null,
    },
    {
      name: 'a custom section that pretends to be code',
      bytes: moduleOf([[0, [...name('code'), 10, 4, 1, 2, 0, 0x0b]], ...good, [0, name('name')]]),
      refusal: null,
    },
  ]
}

/** Names and addresses that are not what they seem. */
function misnamed(): Hostile[] {
  const exporting = (...exports: (readonly [string, number, number])[]) => runOf(ANSWER, { data: DATA, exports })
  const memory = ['memory', 2, 0] as const
  const request = ['request', 3, 0] as const
  const main = ['run', 0, 0] as const
  const at = (address: number) => runOf(ANSWER, { data: DATA, globals: [[I32, 0, i32(address)]] })
  return [
    refused('an export too many', /exports 4/, exporting(memory, request, main, ['fuel', 3, 0])),
    refused('the meter’s name', /beside memory/, exporting(memory, ['fuel', 3, 0], main)),
    refused('a name that stands twice', /beside memory/, exporting(memory, request, memory)),
    refused(
      'a name with another letter that looks the same',
      /beside memory/,
      exporting(memory, request, ['rսn', 0, 0]),
    ),
    refused('a name that ends in zero', /beside memory/, exporting(memory, request, ['run\0', 0, 0])),
    refused('no "run"', /"run" must/, exporting(memory, request)),
    refused('a memory that is a function', /"memory" must/, exporting(['memory', 0, 0], request, main)),
    refused('a request that is a function', /"request" must/, exporting(memory, ['request', 0, 0], main)),
    refused('a request that can be moved', /"request" must/, runOf(ANSWER, { globals: [[I32, 1, i32(0)]] })),
    refused('a request below zero', /"request" must/, at(-1)),
    refused('a request at the end of the memory', /leaves less/, at(65_530)),
    refused('a request behind the memory', /leaves less/, at(0x7fff_ffff)),
    refused('a "run" of another type', /"run" must/, assemble({ functions: [{ results: [I64], code: ANSWER }] })),
    refused('data outside the memory', /outside the memory/, runOf(ANSWER, { data: [[65_534, [1, 2, 3]]] })),
    refused('data below zero', /outside the memory/, runOf(ANSWER, { data: [[-1, [1]]] })),
    refused('a global made of another', /plain constant/, runOf(ANSWER, { globals: [[I32, 0, [0x23, 0]]] })),
  ]
}

/** What is allowed and wants to be expensive. */
function heavy(): Hostile[] {
  const table = [...uint(1000), ...times(1000, [0])]
  const branches = times(60, [0x02, 0x40, 0x20, 0, 0x0e, ...table, 0, 0x0b])
  const bigTable = [...uint(1025), ...times(1026, [0])]
  const loops = times(100, [0x03, 0x40]).concat(times(100, [0x0b]))
  const arm = [0x20, 0, 0x04, 0x40, 0x20, 7, 0x21, 8, 0x0b]
  const mixed = repeated(250, I64)
  const spread = { locals: mixed, code: times(100, [...i32(0), ...arm.slice(2)]) }
  const chain = times(4000, [0x20, 1, ...i64(3), 0x80, 0x21, 1])
  const leaving = (code: readonly number[]) => {
    const callee = { results: [I64], code: [0x03, 0x40, ...ANSWER, ...code, 0x0b, ...i64(-1)] }
    const calls = [0x10, 0, 0x1a, 0x03, 0x40, 0x10, 0, 0x1a, ...i32(0), 0x0d, 0, 0x0b, 0x10, 0]
    return runOf(calls, { functions: [callee], data: DATA })
  }
  const divide = (opcode: number, a: number, b: number) => run([...i32(a), ...i32(b), opcode, 0x1a])
  return [
    accepted('tables of branches by the thousand', run(branches)),
    refused('a table of branches that is too long', /branches/, run([0x02, 0x40, 0x20, 0, 0x0e, ...bigTable, 0x0b])),
    accepted('a hundred loops in each other with 250 variables', run(times(10, loops), mixed)),
    refused('thousands of loops in each other with 250 variables', /too many blocks/, run(times(11, loops), mixed)),
    refused('thousands of arms with 250 variables', /too many blocks/, run(times(1_100, arm), mixed)),
    refused(
      'the same spread over many functions',
      /too many blocks/,
      runOf(ANSWER, { functions: repeated(11, spread) }),
    ),
    refused(
      'thousands of blocks in dead code with 250 variables',
      /too many blocks/,
      run([0x00, ...times(1_100, arm)], mixed),
    ),
    accepted('four thousand divisions in a row', run(chain, [I64])),
    accepted('thousands of empty blocks', run(times(15_000, [0x02, 0x40, 0x0b]))),
    accepted('thousands of empty loops', run(times(5_000, [0x03, 0x40, 0x0b]))),
    accepted('a division by zero', divide(0x6d, 1, 0)),
    accepted('the division that overflows', divide(0x6d, -0x8000_0000, -1)),
    accepted('the remainder that does not', divide(0x6f, -0x8000_0000, -1)),
    accepted('an access that wraps around', run([...i32(-1), 0x28, 2, ...uint(0xffff_ffff), 0x1a])),
    accepted('an access half outside', run([...i32(65_533), ...i32(-1), 0x36, 2, 0])),
    accepted('a plain "unreachable"', run([0x00])),
    accepted('a branch out of a loop and the function', leaving([0x0c, 1])),
    accepted('a condition to leave both', leaving([...i32(1), 0x0d, 1, 0x1a])),
    accepted('a table of ways to leave both', leaving([...i32(1), 0x0e, 1, 1, 1])),
    accepted('a return out of a loop', leaving([0x0f])),
    accepted('a trap in a loop', leaving([0x1a, ...i32(0), ...i32(0), 0x6d, 0x1a])),
    accepted('an answer outside the memory', runOf(i64((65_535n << 32n) | 9n))),
    accepted('an answer of 4 GiB', runOf(i64(-1))),
    accepted('an answer of nothing', runOf(i64(0))),
    refused('more than 64 KiB', /at most 65536/, run(times(40_000, [0x01, 0x01]))),
  ]
}
