/**
 * The commands around documents, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, type OptionSpec, PASSPHRASE_OPTION } from './spec-shape.ts'

const KEYS_OPTION: OptionSpec = { value: 'FILE', about: 'key file of the identity that does it' }
const OWNER_OPTION: OptionSpec = {
  value: 'INCEPTION',
  about: 'whose file it must be: the inception that `webx id show` prints there, or a file with it',
}

/** `webx qnt …` and `webx dsr …`. */
export const DOCUMENT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'qnt seal',
    operands: ['FILE', 'TARGET'],
    summary: 'Seal a file to yourself and to others: a .qnt that only they can read and everybody can verify.',
    details:
      'FILE - is what comes through a pipe. TARGET must not exist yet. It takes some 110 MB of memory whatever its size, and 25 more where the key file is sealed.',
    options: {
      keys: KEYS_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      to: {
        value: 'TEXTS',
        about: 'for whom else: texts of `webx qnt recipient`, or files with them, with commas between',
      },
      'no-tree': { about: 'store no hash tree: 0.05 % smaller, but no range can be read by itself' },
      json: JSON_OPTION,
    },
    example: 'webx qnt seal report.pdf report.qnt --keys anna.key --to ben.recipient',
  },
  {
    name: 'qnt open',
    operands: ['FILE', 'TARGET'],
    summary: 'Open a .qnt that is sealed to your keys.',
    details: 'TARGET must not exist yet, and appears only when all of it is verified.',
    options: { keys: KEYS_OPTION, 'passphrase-file': PASSPHRASE_OPTION, owner: OWNER_OPTION, json: JSON_OPTION },
    example: 'webx qnt open report.qnt report.pdf --keys ben.key --owner anna.inception',
  },
  {
    name: 'qnt verify',
    operands: ['FILE'],
    summary: 'Verify the signature and every chunk of a .qnt; takes no key to read it.',
    options: { owner: OWNER_OPTION, json: JSON_OPTION },
    example: 'webx qnt verify report.qnt --owner anna.inception',
  },
  {
    name: 'qnt info',
    operands: ['FILE'],
    summary: 'Show what a .qnt says of itself, unverified: owner, version, size, recipients.',
    options: { json: JSON_OPTION },
    example: 'webx qnt info report.qnt --json',
  },
  {
    name: 'qnt recipient',
    operands: [],
    summary: 'Show the text that others need to seal files to these keys: an X-Wing public key.',
    options: { keys: KEYS_OPTION, 'passphrase-file': PASSPHRASE_OPTION, json: JSON_OPTION },
    example: 'webx qnt recipient --keys ben.key',
  },
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
]
