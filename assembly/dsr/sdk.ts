/**
 * What an author of runnables writes with: reads the request (profile DSR-1 of PROTOCOL.md), writes the verdict.
 *
 * Nothing is allocated: everything lies where it arrived, and is named by its address and its length. The host has checked that the request is canonical; whatever else
 * it may be here stops the run, which denies.
 */

/** Hooks, as `hook` names them. */
export const ACCESS: u32 = 0
export const EXPIRE: u32 = 1
export const NOTIFY: u32 = 2
export const AGGREGATE: u32 = 3

const REQUEST_BYTES: i32 = 32768
const VERDICT_BYTES: i32 = 8192
const FIELDS: i32 = 1024
const PAYLOAD_BYTES: u32 = 4096
const UINT_MAX: u64 = 9007199254740991

/** Where the host puts the request. Every runnable exports it. */
export const request: usize = memory.data(REQUEST_BYTES, 8)
const verdict: usize = memory.data(VERDICT_BYTES, 8)
const leftOut: usize = memory.data(FIELDS, 8)

// what is asked, once `open` has read it

export let hook: u32 = 0
export let nowMs: u64 = 0
/** Address of 32 bytes. */
export let requester: usize = 0
export let purpose: usize = 0
export let purposeLength: u32 = 0
export let operation: u32 = 0
export let from: u64 = 0
export let to: u64 = 0
export let params: usize = 0
export let fieldCount: u32 = 0

// what was read last

/** Address and length of the byte string or text that `readString` read. */
export let string: usize = 0
export let stringLength: u32 = 0
/** The field that `nextField` read. */
export let key: usize = 0
export let keyLength: u32 = 0
export let value: usize = 0
export let valueLength: u32 = 0

let cursor: usize = 0
let fieldsRead: u32 = 0

/** Reads the request up to its fields; `nextField` reads these. */
export function open(length: i32): void {
  if (length <= 0 || length > REQUEST_BYTES) unreachable()
  cursor = request
  if (readArray() != 9 || readUint() != 1) unreachable()
  hook = readUint() as u32
  nowMs = readUint()
  readString()
  requester = string
  readString()
  purpose = string
  purposeLength = stringLength
  operation = readUint() as u32
  readArray()
  from = readUint()
  to = readUint()
  readString()
  params = string
  fieldCount = readArray()
  fieldsRead = 0
}

/** Reads the next field into `key` and `value`; false where there is none. */
export function nextField(): bool {
  if (fieldsRead == fieldCount) return false
  fieldsRead++
  readArray()
  readString()
  key = string
  keyLength = stringLength
  readString()
  value = string
  valueLength = stringLength
  return true
}

/** Number of the field that `nextField` read, from 0. */
export function fieldIndex(): u32 {
  return fieldsRead - 1
}

/** Where the next value is read. */
export function position(): usize {
  return cursor
}

/** Reads on at another place: at `params`, or where `position` was. */
export function seek(address: usize): void {
  cursor = address
}

/** Reads an array's head; answers how many values follow. */
export function readArray(): u32 {
  return readHead(4) as u32
}

/** Reads an unsigned integer. */
export function readUint(): u64 {
  return readHead(0)
}

/** Reads a byte string or a text into `string`. */
export function readString(): void {
  const major = (load<u8>(cursor) >> 5) as u32
  if (major != 2 && major != 3) unreachable()
  stringLength = readHead(major) as u32
  string = cursor
  cursor += stringLength
}

/** The unsigned integer of `length` bytes, most significant first. */
export function bigEndian(address: usize, length: u32): u64 {
  if (length > 8) unreachable()
  let number: u64 = 0
  for (let i: u32 = 0; i < length; i++) number = (number << 8) | (load<u8>(address + i) as u64)
  return number
}

/** Whether two byte strings are the same. */
export function isSame(a: usize, aLength: u32, b: usize, bLength: u32): bool {
  if (aLength != bLength) return false
  let i: u32 = 0
  for (; i + 8 <= aLength; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false
  for (; i < aLength; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false
  return true
}

// verdicts: what `run` returns

export function allow(): u64 {
  begin(0, 0, 0)
  return finish()
}

/** @param reason the author's own number, 1 … 65535 */
export function deny(reason: u32): u64 {
  begin(1, reason, 0)
  return finish()
}

/** Marks a field to be left out by `redact`. */
export function leaveOut(index: u32): void {
  if (index >= (FIELDS as u32)) unreachable()
  store<u8>(leftOut + index, 1)
}

/** Allows all but the fields that were marked; allows everything where none was, denies with `reason` where all were. */
export function redact(reason: u32): u64 {
  let count: u32 = 0
  for (let i: u32 = 0; i < fieldCount; i++) count += load<u8>(leftOut + i)
  if (count == 0) return allow()
  if (count == fieldCount) return deny(reason)
  begin(2, 0, count)
  for (let i: u32 = 0; i < fieldCount; i++) if (load<u8>(leftOut + i)) writeHead(0, i)
  return finish()
}

/** Begins a message to those whom the file names; `writeUint` and `writeArray` put it together, `send` ends it. */
export function beginNotify(payloadLength: u32): void {
  beginPayload(3, payloadLength)
}

/** Begins a result computed over many records; otherwise as `beginNotify`. */
export function beginAggregate(payloadLength: u32): void {
  beginPayload(4, payloadLength)
}

/** Ends a payload; what was written must be as long as was announced. */
export function send(): u64 {
  if (cursor != payloadEnd) unreachable()
  return ((verdict as u64) << 32) | ((cursor - verdict) as u64)
}

/** Bytes that `writeUint` and `writeArray` take for a number. */
export function uintLength(number: u64): u32 {
  return number < 24 ? 1 : number < 0x100 ? 2 : number < 0x10000 ? 3 : number < 0x100000000 ? 5 : 9
}

export function writeUint(number: u64): void {
  writeHead(0, number)
}

export function writeArray(length: u32): void {
  writeHead(4, length)
}

let payloadEnd: usize = 0

function begin(kind: u32, reason: u32, fields: u32): void {
  cursor = verdict
  writeHead(4, 5)
  writeHead(0, 1)
  writeHead(0, kind)
  writeHead(0, reason)
  writeHead(4, fields)
}

function finish(): u64 {
  writeHead(2, 0)
  return ((verdict as u64) << 32) | ((cursor - verdict) as u64)
}

function beginPayload(kind: u32, length: u32): void {
  if (length > PAYLOAD_BYTES) unreachable()
  begin(kind, 0, 0)
  writeHead(2, length)
  payloadEnd = cursor + length
}

function readHead(major: u32): u64 {
  const first = load<u8>(cursor) as u32
  if (first >> 5 != major) unreachable()
  cursor++
  const low = first & 31
  if (low < 24) return low
  if (low > 27) unreachable()
  const width: u32 = 1 << (low - 24)
  const number = bigEndian(cursor, width)
  cursor += width
  return number
}

function writeHead(major: u32, number: u64): void {
  if (number > UINT_MAX) unreachable()
  const length = uintLength(number)
  const type = major << 5
  if (length == 1) {
    store<u8>(cursor++, type | (number as u32))
    return
  }
  const width = length - 1
  store<u8>(cursor++, type | (23 + 32 - clz<u32>(width)))
  for (let i: u32 = 0; i < width; i++) store<u8>(cursor++, (number >> (8 * (width - 1 - i))) as u8)
}
