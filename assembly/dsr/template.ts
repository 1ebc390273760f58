/**
 * A runnable to begin with: allows until a time that stands in the file's parameters, `[until in ms]`.
 *
 * Copy it together with `sdk.ts`, change what `run` decides, then: webx dsr build my-rule.ts && webx dsr test my-rule.wasm my-rule.json
 */

import { allow, deny, EXPIRE, ACCESS, hook, nowMs, open, params, readArray, readUint, seek } from './sdk'

export { request } from './sdk'

const ENDED: u32 = 1
const NOT_MEANT_FOR_THIS: u32 = 2

export function run(length: i32): u64 {
  open(length)
  if (hook != ACCESS && hook != EXPIRE) return deny(NOT_MEANT_FOR_THIS)
  seek(params)
  readArray()
  const untilMs = readUint()
  return nowMs < untilMs ? allow() : deny(ENDED)
}
