/**
 * Shows each purpose the fields that it needs and no others. Parameters: `[[purpose, [name of a field, …]], …]`, names as byte strings or texts.
 *
 * Reasons: 1 nothing is known of this purpose, 2 nothing that was asked for is needed, 3 another hook.
 */

import {
  ACCESS,
  deny,
  fieldIndex,
  hook,
  isSame,
  key,
  keyLength,
  leaveOut,
  nextField,
  open,
  params,
  position,
  purpose,
  purposeLength,
  readArray,
  readString,
  redact,
  seek,
  string,
  stringLength,
} from './sdk'

export { request } from './sdk'

const UNKNOWN_PURPOSE: u32 = 1
const NOTHING_NEEDED: u32 = 2
const WRONG_HOOK: u32 = 3

export function run(length: i32): u64 {
  open(length)
  if (hook != ACCESS) return deny(WRONG_HOOK)
  const fields = position()
  const names = namesFor()
  if (names == 0) return deny(UNKNOWN_PURPOSE)
  seek(fields)
  while (nextField()) {
    const next = position()
    if (!isNamed(names)) leaveOut(fieldIndex())
    seek(next)
  }
  return redact(NOTHING_NEEDED)
}

/** Where the names of the fields stand that the purpose needs; 0 where it is not known. */
function namesFor(): usize {
  seek(params)
  const purposes = readArray()
  for (let i: u32 = 0; i < purposes; i++) {
    readArray()
    readString()
    if (isSame(string, stringLength, purpose, purposeLength)) return position()
    const names = readArray()
    for (let j: u32 = 0; j < names; j++) readString()
  }
  return 0
}

function isNamed(names: usize): bool {
  seek(names)
  const count = readArray()
  for (let i: u32 = 0; i < count; i++) {
    readString()
    if (isSame(string, stringLength, key, keyLength)) return true
  }
  return false
}
