/**
 * The process that `passphrase-apart.ts` starts: reads one question from stdin, answers 32 bytes of scrypt on stdout, and ends.
 *
 * The question is log2 N, r, p, the length of the salt (a byte each), the salt, and the passphrase.
 */

import { scryptSync } from 'node:crypto'
import { readFileSync, writeSync } from 'node:fs'

const question = readFileSync(0)
const [log2N = 0, r = 0, p = 0, saltBytes = 0] = question
const salt = question.subarray(4, 4 + saltBytes)
const N = 2 ** log2N
const key = scryptSync(question.subarray(4 + saltBytes), salt, 32, { N, r, p, maxmem: 128 * r * (N + p) + 2 ** 20 })
writeSync(1, key)
for (const secret of [question, key]) secret.fill(0)
