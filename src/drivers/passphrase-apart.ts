/**
 * scrypt in a process of its own, so that the megabytes that it takes by design are never those of whoever seals or opens a gigabyte afterwards, and all
 * go back to the machine when it ends.
 *
 * The passphrase goes through a pipe that nobody else holds, never through arguments or the environment, of which the process gets nothing. Where no process can be started the caller does the work.
 */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { concat } from '../core/bytes.ts'

/** Numbers of scrypt (RFC 7914). */
export interface ScryptCost {
  readonly log2N: number
  readonly r: number
  readonly p: number
}

/** 32 bytes of scrypt, or null where no other process could make them. A salt has at most 255 bytes. */
export async function scryptApart(
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
): Promise<Uint8Array | null> {
  if (!existsSync(CHILD)) return null
  const question = concat(Uint8Array.of(cost.log2N, cost.r, cost.p, salt.length), salt, passphrase)
  const answer = new Uint8Array(KEY_BYTES)
  try {
    return (await ask(question, answer)) ? answer : null
  } finally {
    question.fill(0)
  }
}

const CHILD = fileURLToPath(new URL(`passphrase-child${extname(fileURLToPath(import.meta.url))}`, import.meta.url))
const KEY_BYTES = 32

/** False unless the child ended well with as many bytes as were asked for. */
function ask(question: Uint8Array, answer: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    let bytes = 0
    const child = spawn(process.execPath, [CHILD], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
    })
    child.once('error', () => resolve(false))
    child.once('close', (code) => resolve(code === 0 && bytes === answer.length))
    child.stdout.on('data', (part: Buffer) => {
      if (bytes + part.length <= answer.length) answer.set(part, bytes)
      bytes += part.length
      part.fill(0)
    })
    // a child that is gone before it has read closes with a code that says so
    child.stdin.once('error', () => undefined)
    child.stdin.end(question)
  })
}
