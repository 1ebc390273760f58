/**
 * A receipt of inclusion as a COSE document (RFC 9942, with the tree of RFC 9162), for SCITT and whoever else speaks COSE.
 *
 * Tagged COSE_Sign1; protected {1: -8 (EdDSA), 4: key id, 395: 1 (RFC9162_SHA256)}, unprotected {396: {-1: [inclusion]}} with inclusion = bstr .cbor [size, index,
 * [+ hash]]; the payload is the root, and is left out, so that it must be worked out from the leaf. One signature over a root serves all leaves under it. Who signs
 * is named by the key id: a MasterNode, or any node that has checked the log for those who trust it.
 */

import { concat } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { ForeignCbor, type ForeignMap, type ForeignValue } from '../../core/cose-cbor.ts'
import { verifyForeignSign1 } from '../../core/cose-verify.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { leafHash, rootOfInclusion } from './proof.ts'

/** Where a leaf stands in a tree. */
export interface Inclusion {
  readonly size: number
  readonly index: number
  readonly path: readonly Uint8Array[]
}

/** What the issuer of receipts signs for a root. */
export function coseReceiptMessage(root: Uint8Array, keyId: Uint8Array): Uint8Array {
  return encode(['Signature1', protectedOf(keyId), NOTHING, root])
}

/** The document. */
export function encodeCoseReceipt(inclusion: Inclusion, keyId: Uint8Array, signature: Uint8Array): Uint8Array {
  const { size, index, path } = inclusion
  const proof = encode([encode([size, index, [...path]])])
  const unprotected = concat(MAP_OF_1, PROOFS, MAP_OF_1, INCLUSION, proof)
  return concat(TAGGED_ARRAY, encode(protectedOf(keyId)), unprotected, NULL, encode(signature))
}

/** Checks that the document proves an entry to be in a tree whose root this key signed. Throws `bad-proof`, `bad-signature`, `bad-key`, and `bad-shape` for another kind of document. */
export function verifyCoseReceipt(bytes: Uint8Array, entry: Uint8Array, key: Uint8Array): Inclusion {
  const inclusion = readInclusion(bytes)
  const root = rootOfInclusion(inclusion.size, inclusion.index, leafHash(entry), inclusion.path)
  if (!root) throw new WebxError('bad-proof', 'COSE receipt: the path does not fit index and size')
  verifyForeignSign1(bytes, { curve: 'Ed25519', x: key }, { detachedPayload: root })
  return inclusion
}

const NOTHING = new Uint8Array(0)
const TAGGED_ARRAY = Uint8Array.of(0xd2, 0x84)
const NULL = Uint8Array.of(0xf6)
const MAP_OF_1 = Uint8Array.of(0xa1)
const STRUCTURE_LABEL = 395
const PROOFS_LABEL = 396
const PROOFS = encode(PROOFS_LABEL)
/** -1 */
const INCLUSION = Uint8Array.of(0x20)
const RFC9162_SHA256 = 1

function protectedOf(keyId: Uint8Array): Uint8Array {
  if (keyId.length === 0 || keyId.length > LIMITS.keyIdBytesMax) {
    throw new WebxError('bad-argument', `key id: expected 1 to ${LIMITS.keyIdBytesMax} bytes`)
  }
  const algorithm = Uint8Array.of(0xa3, 0x01, 0x27)
  return concat(algorithm, encode(4), encode(keyId), encode(STRUCTURE_LABEL), encode(RFC9162_SHA256))
}

function readInclusion(bytes: Uint8Array): Inclusion {
  const document = ForeignCbor.read(bytes)
  const parts = document.kind === 'tag' && document.content.kind === 'array' ? document.content.items : []
  const [head, unprotected] = parts
  if (head?.kind !== 'bytes' || head.bytes.length === 0 || unprotected?.kind !== 'map')
    return refuse('not a COSE_Sign1')
  const structure = mapOf(ForeignCbor.read(head.bytes)).get(STRUCTURE_LABEL)
  if (structure?.kind !== 'integer' || structure.value !== RFC9162_SHA256) refuse('not of a tree of RFC 9162')
  const proofs = mapOf(unprotected.entries.get(PROOFS_LABEL)).get(-1)
  const first = proofs?.kind === 'array' && proofs.items.length === 1 ? proofs.items[0] : undefined
  if (first?.kind !== 'bytes') return refuse('expected one proof of inclusion')
  const proof = ForeignCbor.read(first.bytes)
  const [size, index, path] = proof.kind === 'array' && proof.items.length === 3 ? proof.items : []
  if (size?.kind !== 'integer' || index?.kind !== 'integer' || path?.kind !== 'array')
    return refuse('size, index, path')
  return { size: size.value, index: index.value, path: path.items.map(hashOf) }
}

function mapOf(value: ForeignValue | undefined): ForeignMap {
  return value?.kind === 'map' ? value.entries : refuse('a map was expected')
}

function hashOf(value: ForeignValue): Uint8Array {
  return value.kind === 'bytes' ? value.bytes : refuse('a path is byte strings')
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `COSE receipt: ${why}`)
}
