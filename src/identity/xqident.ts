/**
 * xQIdent: the name of a human, organization, device or AI agent that nobody hands out.
 *
 * The identity is the 32-byte BLAKE3 digest of its inception event (`keylog.ts`), so whoever holds the event can verify the name offline. People
 * see its label, a UUIDv8 (RFC 9562 §5.8) made of the first 122 bits. A label is for display and routing; whatever is signed carries all 32 bytes.
 */

import { toHex } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'

/** What an identity belongs to; the number is what travels. */
export const KINDS = ['human', 'organization', 'device', 'agent'] as const
export type Kind = (typeof KINDS)[number]

/** 32-byte identity of an inception event's body. */
export function identityOf(inceptionBody: Uint8Array): Uint8Array {
  return blake3Of('webx v1 identity', inceptionBody)
}

/** UUIDv8 label of a 32-byte identity, such as `29820fec-0bd9-817b-9924-5b0aa3d5d099`. */
export function labelOf(id: Uint8Array): string {
  const bytes = id.slice(0, 16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = toHex(bytes)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
