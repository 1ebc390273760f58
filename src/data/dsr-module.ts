/**
 * Decentralized Smart Runnables: the profile DSR-1 of WebAssembly modules, checked byte by byte.
 *
 * A runnable decides about data on many nodes, which must all come to the same verdict. So it may do only what the specification defines to the last bit
 * and what needs the same room everywhere: integers, one memory that never grows, calls that never come back to themselves. It imports
 * nothing and exports three names: `memory`, `request` (a constant: where its request is put) and `run`.
 */

import { fromText } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { ModuleReader, refusal } from './dsr-binary.ts'
import { checkBody } from './dsr-body.ts'
import type { CheckedBody, FunctionType, GlobalType } from './dsr-checked.ts'
import { I32, I64, OP, type ValueType } from './dsr-opcodes.ts'
import { assertShallow } from './dsr-stack.ts'

/** Bytes of a page of memory. */
export const PAGE_BYTES = 65_536

/** Numbers of the sections that a runnable may have, in their order; what other numbers mean is not allowed. */
export const SECTION = { type: 1, function: 3, memory: 5, global: 6, export: 7, code: 10, data: 11 } as const

/** A module that keeps the profile. */
export interface CheckedModule {
  /** Content of each section by its number, without custom ones. */
  readonly sections: ReadonlyMap<number, Uint8Array>
  readonly pages: number
  /** Where the request is put. */
  readonly requestAddress: number
  readonly globals: readonly GlobalType[]
  readonly bodies: readonly CheckedBody[]
  /** The bytes that were read; offsets in `bodies` are into these. */
  readonly bytes: Uint8Array
  /** Slots of the deepest path of calls. */
  readonly slots: number
}

/** Checks a module. Throws `too-long`, or `runnable-refused` with what is wrong, in which function and at which byte. */
export function checkModule(bytes: Uint8Array): CheckedModule {
  if (bytes.length > LIMITS.runnableBytesMax) {
    throw new WebxError('too-long', `a runnable of ${bytes.length} bytes, at most ${LIMITS.runnableBytesMax} allowed`)
  }
  const sections = readSections(new ModuleReader(bytes))
  const section = (id: number) => {
    const found = sections.get(id)
    if (found === undefined) throw refusal(`section ${id} is missing`, bytes.length)
    return new ModuleReader(bytes, found.at, found.end)
  }
  const types = list(section(SECTION.type), 'types', LIMITS.runnableTypesMax, readType)
  const functions = list(section(SECTION.function), 'functions', LIMITS.runnableFunctionsMax, (reader) =>
    reader.uint('type', types.length - 1),
  )
  const [pages] = list(section(SECTION.memory), 'memories', 1, readPages)
  if (pages === undefined) throw refusal('there is no memory', bytes.length)
  const globals = list(section(SECTION.global), 'global variables', LIMITS.runnableGlobalsMax, readGlobal)
  const requestAddress = readExports(section(SECTION.export), { types, functions, globals })
  if (requestAddress + LIMITS.runnableRequestBytesMax > pages * PAGE_BYTES) {
    throw refusal(`"request" leaves less than ${LIMITS.runnableRequestBytesMax} bytes of memory`, bytes.length)
  }
  let index = 0
  const bodies = list(section(SECTION.code), 'functions', LIMITS.runnableFunctionsMax, (reader) => {
    if (index >= functions.length) throw refusal('more functions than declared', reader.at)
    const part = reader.part(reader.uint('bytes of a function'))
    return checkBody(index++, part, { types, functions, globals })
  })
  if (bodies.length !== functions.length) throw refusal('fewer functions than declared', bytes.length)
  const blockVariables = bodies.reduce((sum, body) => sum + body.blockVariables, 0)
  if (blockVariables > LIMITS.runnableBlockVariablesMax) {
    throw refusal('too many blocks for so many local variables', bytes.length)
  }
  const data = sections.get(SECTION.data)
  if (data !== undefined) {
    const reader = new ModuleReader(bytes, data.at, data.end)
    list(reader, 'data segments', LIMITS.runnableSegmentsMax, (reader) => checkSegment(reader, pages * PAGE_BYTES))
  }
  const contents = [...sections].map(([id, { at, end }]) => [id, bytes.subarray(at, end)] as const)
  return { sections: new Map(contents), pages, requestAddress, globals, bodies, bytes, slots: assertShallow(bodies) }
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const REFUSED: Readonly<Record<number, string>> = {
  2: 'imports',
  4: 'a table',
  8: 'a start function',
  9: 'elements of a table',
  12: 'a count of data segments',
  13: 'exceptions',
}

/** Where each section begins and ends; custom ones are left out. */
function readSections(reader: ModuleReader): Map<number, { at: number; end: number }> {
  for (const byte of MAGIC) if (reader.byte() !== byte) throw refusal('not a WebAssembly module', reader.at - 1)
  const allowed = new Set<number>(Object.values(SECTION))
  const found = new Map<number, { at: number; end: number }>()
  let last = 0
  while (!reader.isAtEnd) {
    const start = reader.at
    const id = reader.byte()
    const { at, end } = reader.part(reader.uint('bytes of a section'))
    if (id === 0) continue
    if (!allowed.has(id)) throw refusal(`section ${id} (${REFUSED[id] ?? 'unknown'}) is not allowed`, start)
    if (id <= last) throw refusal(`section ${id} stands twice or out of order`, start)
    found.set(id, { at, end })
    last = id
  }
  return found
}

function list<T>(reader: ModuleReader, what: string, max: number, read: (reader: ModuleReader) => T): T[] {
  const length = reader.uint(what, max)
  const items: T[] = []
  for (let i = 0; i < length; i++) items.push(read(reader))
  reader.finish(`the section of ${what}`)
  return items
}

function readType(reader: ModuleReader): FunctionType {
  const start = reader.at
  if (reader.byte() !== 0x60) throw refusal('a type that is not a function', start)
  const count = reader.uint('parameters', LIMITS.runnableParametersMax)
  const parameters = Array.from({ length: count }, () => readValueType(reader))
  const results = reader.uint('results', 1)
  return { parameters, result: results === 0 ? null : readValueType(reader) }
}

function readValueType(reader: ModuleReader): ValueType {
  const type = reader.byte()
  if (type !== I32 && type !== I64) {
    throw refusal(`type 0x${type.toString(16)} where i32 or i64 is expected`, reader.at - 1)
  }
  return type
}

function readPages(reader: ModuleReader): number {
  const start = reader.at
  if (reader.byte() !== 0x01) throw refusal('a memory without a greatest size, shared or of 64 bits', start)
  const least = reader.uint('pages', LIMITS.runnablePagesMax)
  const most = reader.uint('pages', LIMITS.runnablePagesMax)
  if (least !== most || least === 0) throw refusal('a memory that could grow, or is empty', start)
  return least
}

function readGlobal(reader: ModuleReader): GlobalType {
  const type = readValueType(reader)
  const mutability = reader.byte()
  if (mutability > 1) throw refusal('a global variable of an unknown kind', reader.at - 1)
  return { type, isMutable: mutability === 1, value: readConstant(reader, type) }
}

function readConstant(reader: ModuleReader, type: ValueType): bigint {
  const start = reader.at
  if (reader.byte() !== (type === I32 ? OP.i32Const : OP.i64Const)) throw refusal('not a plain constant', start)
  const value = type === I32 ? BigInt(reader.int32()) : reader.int64()
  if (reader.byte() !== OP.end) throw refusal('not a plain constant', start)
  return value
}

/** Checks the three exports; answers where the request is put. */
function readExports(
  reader: ModuleReader,
  around: { types: readonly FunctionType[]; functions: readonly number[]; globals: readonly GlobalType[] },
): number {
  const start = reader.at
  const found = new Map<string, { kind: number; index: number }>()
  const names = ['memory', 'request', 'run'] as const
  list(reader, 'exports', names.length, (reader) => {
    const at = reader.at
    const part = reader.part(reader.uint('bytes of a name'))
    const bytes = part.bytes.subarray(part.at, part.end)
    const name = names.find((name) => Buffer.compare(fromText(name), bytes) === 0)
    if (name === undefined || found.has(name)) throw refusal('an export beside memory, request and run', at)
    found.set(name, { kind: reader.byte(), index: reader.uint('index') })
  })
  const [memory, request, run] = names.map((name) => found.get(name))
  if (memory?.kind !== 2 || memory.index !== 0) throw refusal('"memory" must be the memory', start)
  const address = request?.kind === 3 ? around.globals[request.index] : undefined
  if (address?.type !== I32 || address.isMutable || address.value < 0n) {
    throw refusal('"request" must be a constant of type i32', start)
  }
  const type = run?.kind === 0 ? around.types[around.functions[run.index] ?? -1] : undefined
  if (type?.parameters.length !== 1 || type.parameters[0] !== I32 || type.result !== I64) {
    throw refusal('"run" must be a function from i32 to i64', start)
  }
  return Number(address.value)
}

function checkSegment(reader: ModuleReader, memoryBytes: number): void {
  const start = reader.at
  if (reader.byte() !== 0) throw refusal('a data segment of another kind than "active"', start)
  const address = Number(readConstant(reader, I32))
  const { at, end } = reader.part(reader.uint('bytes of a data segment'))
  if (address < 0 || address + end - at > memoryBytes) throw refusal('a data segment outside the memory', start)
}
