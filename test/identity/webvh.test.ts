/** did:webvh: what is written verifies with a second reader of the specification, and whatever is changed in it is seen by both. */

import '../kit/wasm.ts'
import { readFileSync } from 'node:fs'
import { sha256 } from '@noble/hashes/sha2.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromText } from '../../src/core/bytes.ts'
import { base58, base58Bytes, didKey } from '../../src/identity/did.ts'
import {
  canonicalJson,
  firstLine,
  type Json,
  nextLine,
  readWebvhLog,
  type WebvhStep,
} from '../../src/identity/webvh.ts'
import type { KeyLogVectors } from '../kit/key-log-vectors.ts'
import { pairOf } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'
import { webvhComplaint } from '../kit/webvh-oracle.ts'

const webvh = suite('did:webvh')
const ID = new Uint8Array(32).fill(9)
const golden = JSON.parse(
  readFileSync(new URL('../vectors/key-log-file.json', import.meta.url), 'utf8'),
) as KeyLogVectors

function step(number: number, time = `2026-12-01T00:00:${String(number).padStart(2, '0')}Z`): WebvhStep {
  return { id: ID, key: pairOf(number).publicKey, nextKey: pairOf(number + 1).publicKey, time }
}

function logOf(versions: number, domain = 'example.org'): string {
  let text = ''
  for (let number = 0; number < versions; number++) {
    const line = number === 0 ? firstLine(domain, step(0)) : nextLine(readWebvhLog(text), step(number))
    text += `${line.line(pairOf(number).sign(line.message))}\n`
  }
  return text
}

webvh('a log of several rotations verifies, here and elsewhere', () => {
  for (const domain of ['example.org', 'id.example.org%3A8443', 'example.org:ids:ada']) {
    const text = logOf(4, domain)
    assert.is(webvhComplaint(text), '')
    const log = readWebvhLog(text)
    assert.equal([log.versions, log.time], [4, '2026-12-01T00:00:03Z'])
    assert.ok(log.did.startsWith('did:webvh:Qm') && log.did.endsWith(`:${domain}`))
  }
})

webvh('the log of the first day, which didwebvh-ts took, is read for ever', () => {
  assert.is(webvhComplaint(golden.webvh), '')
  assert.is(readWebvhLog(golden.webvh).versions, 2)
})

webvh('every changed character of what is signed is seen', () => {
  const text = logOf(2)
  let seen = 0
  for (let at = 0; at < text.length; at += 7) {
    const changed = `${text.slice(0, at)}${text[at] === 'q' ? 'r' : 'q'}${text.slice(at + 1)}`
    try {
      readWebvhLog(changed)
    } catch {
      seen++
      continue
    }
    throw new Error(`character ${at} (${text.slice(at - 10, at + 10)}) was not seen`)
  }
  assert.ok(seen > 300)
})

webvh('a thief of the key of today cannot write the next line', () => {
  const text = logOf(1)
  const log = readWebvhLog(text)
  const theft = { ...step(1), key: pairOf(7).publicKey }
  assert.is(
    codeOf(() => nextLine(log, theft)),
    'key-not-committed',
  )
  const forged = nextLine({ ...log, nextKeyHash: hashOf(7) }, theft)
  const forgery = `${text}${forged.line(pairOf(7).sign(forged.message))}\n`
  assert.is(
    codeOf(() => readWebvhLog(forgery)),
    'key-not-committed',
  )
  assert.is(webvhComplaint(forgery), 'pre-rotation 2')
  const unsigned = nextLine(log, step(1))
  const byOld = `${text}${unsigned.line(pairOf(0).sign(unsigned.message))}\n`
  assert.is(
    codeOf(() => readWebvhLog(byOld)),
    'bad-signature',
  )
  assert.is(webvhComplaint(byOld), 'proof 2')
})

webvh('lines in another order, of another log, or older than the one before are refused', () => {
  const [one, two] = logOf(2).split('\n') as [string, string]
  for (const text of [`${two}\n${one}\n`, `${two}\n`, `${one}\n${one}\n`])
    assert.is(
      codeOf(() => readWebvhLog(text)),
      'tampered',
    )
  assert.is(
    codeOf(() => readWebvhLog('')),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readWebvhLog('[]\n')),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readWebvhLog('{\n')),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readWebvhLog('{}\n')),
    'tampered',
  )
  const log = readWebvhLog(`${one}\n`)
  assert.is(
    codeOf(() => nextLine(log, step(1, log.time))),
    'bad-argument',
  )
  const backdated = nextLine({ ...log, time: '' }, step(1, log.time))
  assert.is(
    codeOf(() => readWebvhLog(`${one}\n${backdated.line(pairOf(1).sign(backdated.message))}\n`)),
    'tampered',
  )
})

webvh('what is hostile is refused, never an accident', () => {
  const text = logOf(1)
  const { versionId } = readWebvhLog(text)
  const withHash = (entry: Record<string, Json>): string => {
    const digest = sha256(fromText(canonicalJson({ ...entry, versionId })))
    return JSON.stringify({ ...entry, versionId: `2-${base58(concat(Uint8Array.of(0x12, 0x20), digest))}` })
  }
  const [key, next] = [pairOf(1), pairOf(2)].map(({ publicKey }) => didKey(publicKey).slice('did:key:'.length))
  const parameters = { updateKeys: [key as string], nextKeyHashes: [next as string] }
  for (const [line, code] of [
    ['{"parameters":{"scid":""}}', 'tampered'],
    ['{"parameters":{"scid":"\\""}}', 'tampered'],
    [`${text}${withHash({ parameters })}`, 'bad-shape'],
    [`${text}${withHash({ parameters, versionTime: 1, state: { id: readWebvhLog(text).did } })}`, 'bad-shape'],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'limit'],
  ] as const) {
    assert.is(
      codeOf(() => readWebvhLog(line)),
      code,
      line.slice(0, 60),
    )
  }
})

webvh('no log for what is no domain', () => {
  for (const domain of [
    '',
    'localhost',
    '192.168.1.1',
    'a b.org',
    'example.org:8443/x',
    'example.org/',
    'https://example.org',
  ]) {
    assert.is(
      codeOf(() => firstLine(domain, step(0))),
      'bad-argument',
      domain,
    )
  }
})

webvh('the canonical form is that of RFC 8785', () => {
  const value = { b: [1, 'ä\u0001"', true, null], 'a b': {}, a: { z: '\ud83d\ude00', '10': 2, '9': 1 } }
  assert.is(canonicalJson(value), '{"a":{"10":2,"9":1,"z":"😀"},"a b":{},"b":[1,"ä\\u0001\\"",true,null]}')
})

webvh('base58 is read as it is written', () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(3), fromText('Hello World!'), Uint8Array.of(0, 0, 255, 1)]) {
    assert.equal(base58Bytes(base58(bytes)), bytes)
  }
  for (const odd of ['0', 'l', 'a b', '1'.repeat(129)]) assert.is(base58Bytes(odd).length, 0)
})

webvh.run()

/** The hash that commits to a key, taken from a log that does. */
function hashOf(number: number): string {
  const line = firstLine('example.org', { ...step(0), nextKey: pairOf(number).publicKey })
  return readWebvhLog(`${line.line(pairOf(0).sign(line.message))}\n`).nextKeyHash
}
