/**
 * Allows certain purposes until a certain time. Parameters: `[until in ms, [purpose, …]]`.
 *
 * `expire` denies from that time on, which tells the node that keeps the file to shred it. Reasons: 1 its time is over, 2 not for this purpose, 3 another hook.
 */

import {
  ACCESS,
  allow,
  deny,
  EXPIRE,
  hook,
  isSame,
  nowMs,
  open,
  params,
  purpose,
  purposeLength,
  readArray,
  readString,
  readUint,
  seek,
  string,
  stringLength,
} from './sdk'

export { request } from './sdk'

const ENDED: u32 = 1
const WRONG_PURPOSE: u32 = 2
const WRONG_HOOK: u32 = 3

export function run(length: i32): u64 {
  open(length)
  seek(params)
  readArray()
  const untilMs = readUint()
  if (hook == EXPIRE) return nowMs < untilMs ? allow() : deny(ENDED)
  if (hook != ACCESS) return deny(WRONG_HOOK)
  if (nowMs >= untilMs) return deny(ENDED)
  const purposes = readArray()
  for (let i: u32 = 0; i < purposes; i++) {
    readString()
    if (isSame(string, stringLength, purpose, purposeLength)) return allow()
  }
  return deny(WRONG_PURPOSE)
}
