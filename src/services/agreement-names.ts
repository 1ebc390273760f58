/** Names of what several members may publish, so that one of them is enough. */

import { toHex } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { Fields } from '../core/shape.ts'

/** Name of a slot's proof that may be published later; every member's is as good. */
export function slotName(type: number, oid: Uint8Array, version: number): string {
  return `${type}/${toHex(oid)}/${version}`
}

/** Name of a certificate of a block, whoever's ballots are in it. */
export function proofName(bytes: Uint8Array): string {
  const fields = Fields.of('certificate of a block', decodeEnvelope(bytes).body)
  return `proof/${fields.uint('kind')}/${fields.uint('slot')}`
}

/** Name of a statement of which everybody has the same bytes: an order, a piece of evidence. */
export function bytesName(bytes: Uint8Array): string {
  return `bytes/${toHex(blake3Of('webx v1 seen', bytes))}`
}

/** The hand-over that ends the epoch of a committee: members know it under different signatures of the same block, and one of them is enough. */
export function handOverName(cid: Uint8Array): string {
  return `hand-over ${toHex(cid)}`
}
