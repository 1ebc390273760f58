/**
 * The commands around documents, as data: part of `spec.ts`.
 */

import { KEYS_OPTION, QNT_COMMANDS } from './spec-qnt.ts'
import { type CommandSpec, JSON_OPTION, PASSPHRASE_OPTION } from './spec-shape.ts'

/** `webx qnt …` and `webx dsr …`. */
export const DOCUMENT_COMMANDS: readonly CommandSpec[] = [
  ...QNT_COMMANDS,
  {
    name: 'dsr new',
    operands: ['NAME'],
    summary: 'Begin a runnable: NAME.ts from a template, NAME.json with cases to try it on, and sdk.ts beside them.',
    options: { json: JSON_OPTION },
    example: 'webx dsr new my-rule',
  },
  {
    name: 'dsr build',
    operands: ['SOURCE'],
    summary: 'Compile a runnable’s AssemblyScript to a module that keeps the profile DSR-1.',
    details: 'Needs the AssemblyScript compiler: npm install assemblyscript.',
    options: {
      out: { value: 'FILE', about: 'the module (default: SOURCE with .wasm)' },
      pages: { value: 'N', about: 'memory, in pages of 64 KiB, 1 to 16 (default: 1)' },
      json: JSON_OPTION,
    },
    example: 'webx dsr build my-rule.ts',
  },
  {
    name: 'dsr check',
    operands: ['MODULE'],
    summary:
      'Hold a WebAssembly module against the profile DSR-1; says what is wrong, in which function, at which byte.',
    options: { json: JSON_OPTION },
    example: 'webx dsr check my-rule.wasm',
  },
  {
    name: 'dsr run',
    operands: ['MODULE', 'REQUEST'],
    summary: 'Ask a runnable one thing, written as JSON; ends with exit code 3 where it denies.',
    details:
      'REQUEST: {"hook": "access|expire|notify|aggregate", "nowMs": 0, "requester": "hex", "purpose": "", "operation": 1, "range": [0, 0], "params": […], "fields": [{"key": "name", "value": "Ada"}]}; bytes are {"hex": "00ff"}.',
    options: {
      fuel: { value: 'N', about: 'how much it may use, 1 to 1000000000 (default: 1000000)' },
      json: JSON_OPTION,
    },
    example: 'webx dsr run my-rule.wasm request.json',
  },
  {
    name: 'dsr test',
    operands: ['MODULE', 'CASES'],
    summary: 'Try a runnable on cases: a JSON list of {"name", "request", "expect"}.',
    details:
      'Expected are words: allow, deny 2, redact 0 3, aggregate [3,321], runnable-failed, out-of-fuel, bad-verdict.',
    options: {
      fuel: { value: 'N', about: 'how much each may use, 1 to 1000000000 (default: 1000000)' },
      json: JSON_OPTION,
    },
    example: 'webx dsr test my-rule.wasm my-rule.json',
  },
  {
    name: 'dsr override',
    operands: ['FILE', 'TARGET'],
    summary:
      'Sign your way around the "access" runnable of a .qnt of yours, so that a mistake in it cannot lock you out.',
    details: 'For the owner alone, for this file and this module; hand TARGET to webx ping redeem --override.',
    options: {
      keys: KEYS_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      until: { value: 'TIME', about: 'a date, or a time from now such as 12h (default: 1d)' },
      json: JSON_OPTION,
    },
    example: 'webx dsr override report.qnt report.override --keys anna.key --until 12h',
  },
]
