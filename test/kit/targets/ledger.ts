/**
 * Keeps the count of cases that a target was asked, and a digest over all it answered: two targets that answered alike
 * have the same digest. The digest is @noble's SHA-256, which has nothing in common with what is tested.
 */

import { sha256 } from '@noble/hashes/sha2.js'

/** How much is asked: a part for every run of the unit tests, or everything. */
export type Extent = 'quick' | 'all'

/** What a target may answer besides bytes. */
export type Answer = string | number | boolean | null

/** Cases of one part of the vectors. */
export class Ledger {
  passed = 0
  readonly failed: string[] = []
  private readonly part: string
  private readonly answers = sha256.create()

  constructor(part: string) {
    this.part = part
  }

  /** One case: these bytes came, those were expected. */
  bytes(name: string, got: Uint8Array | null, expected: Uint8Array | null): void {
    this.note(got)
    const same = got === null || expected === null ? got === expected : isEqual(got, expected)
    this.count(same, name, () => `got ${hex(got)}, expected ${hex(expected)}`)
  }

  /** One case: this answer came, that was expected. */
  answer(name: string, got: Answer, expected: Answer): void {
    this.note(got)
    this.count(got === expected, name, () => `got ${got}, expected ${expected}`)
  }

  /** One case whose answer has no other source than the digest that all targets must share, but must be `sound`. */
  sound(name: string, got: Uint8Array | Answer, sound = true): void {
    this.note(got)
    this.count(sound, name, () => `got ${got instanceof Uint8Array ? hex(got) : got}`)
  }

  /** A part that could not go on. */
  broken(error: unknown): void {
    this.failed.push(`${this.part}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  /** Digest over all answers so far, as hexadecimal text. */
  digest(): string {
    return hex(this.answers.clone().digest())
  }

  private note(answer: Uint8Array | Answer): void {
    const bytes = answer instanceof Uint8Array ? answer : utf8.encode(String(answer))
    this.answers.update(Uint8Array.of(bytes.length & 255, (bytes.length >> 8) & 255)).update(bytes)
  }

  private count(right: boolean, name: string, explain: () => string): void {
    if (right) this.passed++
    else this.failed.push(`${this.part}: ${name}: ${explain()}`)
  }
}

const utf8 = new TextEncoder()
const SHOWN_BYTES = 40

/** Whether two arrays hold the same bytes. */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Lower-case hexadecimal text of the first bytes. */
function hex(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  const text = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return bytes.length > SHOWN_BYTES ? `${text}… (${bytes.length} bytes)` : text
}
