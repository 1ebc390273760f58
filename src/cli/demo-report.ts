/**
 * What a demonstration says: lines for people while it goes on, and one line of JSON for programs at its end.
 */

import { asWebxError } from '../core/errors.ts'
import type { Refused } from './demo-attacks.ts'
import type { Io } from './io.ts'
import { painter, printJson } from './output.ts'

/** One settled payment. Times in milliseconds, the amount in smallest units. */
export interface PaymentLine {
  readonly shopper: string
  readonly amount: number
  readonly asset: string
  readonly grade: 'SETTLED'
  readonly locks: number
  readonly confirms: number
  readonly msCapture: number
  readonly msMatch: number
  readonly msSettle: number
  /** COSE_Sign1 document, base64url. */
  readonly receipt: string
}

/** Somebody whom no device claims; `nearest` is the largest cosine to any enrolled template. */
export interface StrangerLine {
  readonly claims: number
  readonly nearest: number
}

/** All that `--json` prints. */
export interface DemoResult {
  readonly nodes: number
  readonly quorum: number
  readonly payments: PaymentLine[]
  readonly strangers: StrangerLine[]
  readonly refused: Refused[]
  supply: { issued: number; held: number }
  ok: boolean
}

/** Collects the result and tells it to a person as it comes. */
export class Report {
  readonly result: DemoResult
  /** What should have happened and did not. */
  failures = 0
  readonly #io: Io
  readonly #json: boolean

  constructor(io: Io, json: boolean, net: { readonly nodes: number; readonly quorum: number }) {
    this.#io = io
    this.#json = json
    this.result = { ...net, payments: [], strangers: [], refused: [], supply: { issued: 0, held: 0 }, ok: false }
  }

  /** A line for people; silent with `--json`. */
  say(line = ''): void {
    if (!this.#json) this.#io.stdout(`${line}\n`)
  }

  head(line: string): void {
    this.say()
    this.say(painter(this.#io, 'stdout')('bold', line))
  }

  payment(line: PaymentLine, remark = ''): void {
    this.result.payments.push(line)
    const paint = painter(this.#io, 'stdout')
    const votes = `${line.locks} locks, ${line.confirms} confirms`
    const times = `capture ${line.msCapture} ms, match ${line.msMatch} ms, settle ${line.msSettle} ms`
    this.say(
      `  ${line.shopper.padEnd(6)} pays ${money(line.amount, line.asset)}  ${paint('green', line.grade)}  ${votes}; ${times}${remark}`,
    )
  }

  stranger(name: string, line: StrangerLine): void {
    this.result.strangers.push(line)
    this.say(
      `  ${name.padEnd(6)} is nobody's customer here: ${line.claims} claims (nearest cosine ${line.nearest.toFixed(2)})`,
    )
  }

  refused(line: Refused): void {
    this.result.refused.push(line)
    this.say(
      `  ${line.case.padEnd(15)} ${line.code === '' ? painter(this.#io, 'stdout')('red', 'NOT REFUSED') : `refused: ${line.code}`}`,
    )
  }

  /** What went wrong with somebody; with `--json` it is said on stderr, so that nobody has to guess why `ok` is false. */
  failure(what: string, thrown: unknown): void {
    const { code, message } = asWebxError(thrown)
    this.failures++
    if (this.#json) this.#io.stderr(`${what}: ${code}, ${message}\n`)
    this.say(`  ${what}: ${painter(this.#io, 'stdout')('red', code)}, ${message}`)
  }

  /** Prints the JSON, where that was asked for. */
  end(): void {
    if (this.#json) printJson(this.#io, this.result)
  }
}

/** An amount of cents for people. */
export function money(amount: number, code: string): string {
  return `${(amount / 100).toFixed(2)} ${code}`
}
