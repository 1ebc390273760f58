/** Byte strings as keys of a Map: one character a byte, which is several times cheaper to make than hexadecimal. */

/** A text that two byte strings share only if they are equal. */
export function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The same for a slot: the object's key and the version. */
export function slotName(object: string, version: number): string {
  return object + version
}

/**
 * Whom an open slot counts against, and what waits for one of those slots to be settled: an owner by one of its keys. What a thief of an earlier key has begun, and
 * never ends, takes no room from the key after it.
 */
export function quotaName({ owner, keyPosition }: { owner: Uint8Array; keyPosition: number }): string {
  return `quota ${keyOf(owner)} ${keyPosition}`
}
