/**
 * Sums records of many contributors, and only where there are enough of them that none can be seen in the sum. Parameters: `[least number of contributors]`.
 *
 * A record is a field: its key names the contributor, its value is an unsigned integer of up to 8 bytes, most significant first. The result is `[contributors, sum]`.
 * The records themselves are nobody's to read. Two sums over almost the same people still give away their difference: the caller has to keep the sets apart. Reasons: 1 too few
 * contributors, 2 only sums, 3 the sum is beyond 2^53−1.
 */

import {
  AGGREGATE,
  beginAggregate,
  bigEndian,
  deny,
  hook,
  isSame,
  key,
  keyLength,
  nextField,
  open,
  params,
  position,
  readArray,
  readString,
  readUint,
  seek,
  send,
  string,
  stringLength,
  uintLength,
  value,
  valueLength,
  writeArray,
  writeUint,
} from './sdk'

export { request } from './sdk'

const TOO_FEW: u32 = 1
const ONLY_SUMS: u32 = 2
const TOO_LARGE: u32 = 3
const SUM_MAX: u64 = 9007199254740991

export function run(length: i32): u64 {
  open(length)
  if (hook != AGGREGATE) return deny(ONLY_SUMS)
  const records = position()
  seek(params)
  readArray()
  const least = readUint()
  seek(records)
  let contributors: u64 = 0
  let sum: u64 = 0
  while (nextField()) {
    const next = position()
    const number = bigEndian(value, valueLength)
    if (number > SUM_MAX - sum) return deny(TOO_LARGE)
    sum += number
    if (isNew(records)) contributors++
    seek(next)
  }
  if (contributors < least || contributors == 0) return deny(TOO_FEW)
  beginAggregate(1 + uintLength(contributors) + uintLength(sum))
  writeArray(2)
  writeUint(contributors)
  writeUint(sum)
  return send()
}

/** Whether no record before this one has its key. */
function isNew(records: usize): bool {
  seek(records)
  readArray()
  readString()
  while (string != key) {
    if (isSame(string, stringLength, key, keyLength)) return false
    readString()
    readArray()
    readString()
  }
  return true
}
