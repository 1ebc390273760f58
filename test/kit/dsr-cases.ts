/** What the golden vectors of runnables are made of. */

import { fromText } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import type { RunnableRequest, Verdict } from '../../src/data/dsr-abi.ts'
import { assemble, I32, i32, i64, runOf } from './dsr-assembler.ts'

const NOTHING = new Uint8Array(0)

export const REQUESTS: Readonly<Record<string, RunnableRequest>> = {
  access: {
    ...{ hook: 'access', nowMs: 1_800_000_000_000, requester: new Uint8Array(32).fill(0xa1), purpose: 'care' },
    ...{ operation: 1, from: 0, to: 65_536, params: encode([1_900_000_000_000, ['care']]) },
    fields: [
      { key: fromText('name'), value: fromText('Ada') },
      { key: fromText('iban'), value: NOTHING },
    ],
  },
  expire: {
    ...{ hook: 'expire', nowMs: 0, requester: new Uint8Array(32), purpose: '', operation: 0, from: 0, to: 0 },
    ...{ params: NOTHING, fields: [] },
  },
  notify: {
    ...{ hook: 'notify', nowMs: 2 ** 53 - 1, requester: new Uint8Array(32).fill(255), purpose: 'Prüfung' },
    ...{ operation: 16, from: 7, to: 8, params: Uint8Array.of(0), fields: [] },
  },
  aggregate: {
    ...{ hook: 'aggregate', nowMs: 5, requester: new Uint8Array(32).fill(3), purpose: 'statistics', operation: 4 },
    ...{ from: 0, to: 0, params: encode([3]) },
    fields: [{ key: new Uint8Array(32).fill(9), value: Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0) }],
  },
}

/** With the hook and the number of fields that they answer to. */
export const VERDICTS_GIVEN: Readonly<Record<string, readonly [Verdict, RunnableRequest['hook'], number]>> = {
  allow: [{ kind: 'allow', reason: 0, fields: [], payload: NOTHING }, 'access', 2],
  deny: [{ kind: 'deny', reason: 65_535, fields: [], payload: NOTHING }, 'expire', 0],
  redact: [{ kind: 'redact', reason: 0, fields: [0, 5, 1_023], payload: NOTHING }, 'access', 1_024],
  notify: [{ kind: 'notify', reason: 0, fields: [], payload: fromText('read') }, 'notify', 0],
  aggregate: [{ kind: 'aggregate', reason: 0, fields: [], payload: encode([3, 321]) }, 'aggregate', 3],
}

/** Bytes that are no verdict on an access to two fields, by the code of the refusal. */
export const VERDICTS_REFUSED: Readonly<Record<string, readonly [code: string, bytes: readonly number[]]>> = {
  'another version': ['bad-version', [0x85, 2, 0, 0, 0x80, 0x40]],
  'a kind that does not exist': ['bad-shape', [0x85, 1, 5, 0, 0x80, 0x40]],
  'a field too many': ['bad-shape', [0x86, 1, 0, 0, 0x80, 0x40, 0]],
  'a field too few': ['bad-shape', [0x84, 1, 0, 0, 0x80]],
  'bytes after the end': ['not-canonical', [0x85, 1, 0, 0, 0x80, 0x40, 0]],
  'a number that is padded': ['not-canonical', [0x85, 0x18, 1, 0, 0, 0x80, 0x40]],
  nothing: ['not-canonical', []],
  zeros: ['bad-shape', [0]],
  'allow with a reason': ['bad-shape', [0x85, 1, 0, 1, 0x80, 0x40]],
  'deny without a reason': ['bad-shape', [0x85, 1, 1, 0, 0x80, 0x40]],
  'a reason that is too large': ['bad-shape', [0x85, 1, 1, 0x1a, 0, 1, 0, 0, 0x80, 0x40]],
  'allow with fields': ['bad-shape', [0x85, 1, 0, 0, 0x81, 0, 0x40]],
  'redact without fields': ['bad-shape', [0x85, 1, 2, 0, 0x80, 0x40]],
  'redact of a field that is not there': ['bad-shape', [0x85, 1, 2, 0, 0x81, 2, 0x40]],
  'redact of one field twice': ['bad-shape', [0x85, 1, 2, 0, 0x82, 1, 1, 0x40]],
  'redact in another order': ['bad-shape', [0x85, 1, 2, 0, 0x82, 1, 0, 0x40]],
  'a field named by a text': ['bad-shape', [0x85, 1, 2, 0, 0x81, 0x60, 0x40]],
  'allow with a payload': ['bad-shape', [0x85, 1, 0, 0, 0x80, 0x41, 7]],
  'a verdict for another hook': ['bad-shape', [0x85, 1, 4, 0, 0x80, 0x41, 7]],
}

/** A small module with a loop and a branch: sums the bytes of its request, denies with 1 + (sum mod 7) where it is odd. */
export const SMALL = assemble(
  runOf(
    [
      ...[0x03, 0x40, 0x20, 1, 0x20, 2, 0x2d, 0, 0x80, 0x08, 0x6a, 0x21, 1],
      ...[0x20, 2, ...i32(1), 0x6a, 0x22, 2, 0x20, 0, 0x48, 0x0d, 0, 0x0b],
      ...[0x20, 1, ...i32(1), 0x71, 0x04, 0x40],
      ...[...i32(2_050), ...i32(1), 0x3a, 0, 0, ...i32(2_051), 0x20, 1, ...i32(7), 0x70, ...i32(1), 0x6a, 0x3a, 0, 0],
      ...[0x0b, ...i64((2_048n << 32n) | 6n)],
    ],
    { locals: [I32, I32], data: [[2_048, [0x85, 1, 0, 0, 0x80, 0x40]]] },
  ),
)
