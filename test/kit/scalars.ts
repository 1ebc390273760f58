/** Numbers as 32 little-endian bytes, for whatever runs in browsers too. */

/** Little-endian bytes, 32 of them. */
export function toBytes32(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

/** The number of little-endian bytes. */
export function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}
