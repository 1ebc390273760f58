/** A second reader of did:webvh 1.0 by its specification: Node's hashes and signatures, big integers for base58, and a canonical form of its own. */

import { createHash, createPublicKey, verify } from 'node:crypto'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

interface Line {
  readonly versionId: string
  readonly versionTime: string
  readonly parameters: Record<string, unknown>
  readonly state: { readonly id: string }
  readonly proof: readonly Record<string, string>[]
}

/** What is wrong with a DID log that uses pre-rotation from its first line on; '' where nothing is. */
export function webvhComplaint(text: string): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  let previous = ''
  let time = ''
  let hashes: string[] = []
  for (const [i, { proof, ...entry }] of lines.entries()) {
    const { versionId, versionTime, parameters, state } = entry
    if (i === 0) {
      const scid = parameters['scid'] as string
      const preliminary = JSON.stringify({ ...entry, versionId: '{SCID}' }).replaceAll(scid, '{SCID}')
      if (multihash(canonical(JSON.parse(preliminary))) !== scid) return 'scid'
      if (parameters['method'] !== 'did:webvh:1.0' || state.id.split(':')[2] !== scid) return 'method'
      previous = scid
    }
    if (versionId !== `${i + 1}-${multihash(canonical({ ...entry, versionId: previous }))}`)
      return `entry hash ${i + 1}`
    const keys = parameters['updateKeys'] as string[]
    if (i > 0 && !keys.every((key) => hashes.includes(multihash(key)))) return `pre-rotation ${i + 1}`
    if (versionTime <= time) return `time ${i + 1}`
    const [one] = proof
    const { proofValue = '', ...options } = one ?? {}
    const signer = options['verificationMethod']?.split('#')[1] ?? ''
    if (!keys.includes(signer) || options['proofPurpose'] !== 'assertionMethod') return `signer ${i + 1}`
    const message = Buffer.concat(
      [options, entry].map((value) => createHash('sha256').update(canonical(value)).digest()),
    )
    const der = Buffer.concat([SPKI_PREFIX, decoded(signer.slice(1)).subarray(-32)])
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    if (!verify(null, message, key, decoded(proofValue.slice(1)))) return `proof ${i + 1}`
    previous = versionId
    time = versionTime
    hashes = parameters['nextKeyHashes'] as string[]
  }
  return ''
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function multihash(text: string): string {
  const bytes = Buffer.concat([Buffer.from([0x12, 0x20]), createHash('sha256').update(text).digest()])
  let value = BigInt(`0x${bytes.toString('hex')}`)
  let digits = ''
  for (; value > 0n; value /= 58n) digits = `${ALPHABET[Number(value % 58n)]}${digits}`
  return digits
}

function decoded(text: string): Buffer {
  let value = 0n
  for (const digit of text) value = value * 58n + BigInt(ALPHABET.indexOf(digit))
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
}
