/** Byte strings as keys of a Map: one character a byte, which is several times cheaper to make than hexadecimal. */

/** A text that two byte strings share only if they are equal. */
export function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The same for a slot: the object's key and the version. */
export function slotName(object: string, version: number): string {
  return object + version
}
