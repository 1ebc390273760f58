/** The argument checks that all doors share: each names the argument, what was expected and what came. */

/** Throws a TypeError unless `value` is a Uint8Array. */
export function assertArray(name: string, value: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`${name}: expected a Uint8Array, got ${value === null ? 'null' : typeof value}`)
  }
}

/** Throws a TypeError unless `value` is a Uint8Array, a RangeError unless it has `length` bytes. */
export function assertBytes(name: string, value: unknown, length: number): asserts value is Uint8Array {
  assertArray(name, value)
  if (value.length !== length) throw new RangeError(`${name}: expected ${length} bytes, got ${value.length}`)
}

/** Throws a RangeError unless `value` is an integer in least … most. */
export function assertInteger(name: string, value: unknown, least: number, most: number): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw new RangeError(`${name}: expected an integer in ${least} … ${most}, got ${String(value)}`)
  }
}

/** A row of an embedding. */
export type Vector = Int8Array | Float32Array

/** Throws unless `value` is a vector of that class with a length of 16, 32 … `most`, or exactly `length`. */
export function assertVector(
  name: string,
  value: unknown,
  kind: { new (...args: never[]): Vector; readonly name: string },
  most: number,
  length?: number,
): void {
  if (!(value instanceof kind)) throw new TypeError(`${name}: expected a ${kind.name}, got ${typeof value}`)
  if (length !== undefined && value.length !== length) {
    throw new RangeError(`${name}: expected ${length} elements, got ${value.length}`)
  }
  if (value.length < 16 || value.length > most || value.length % 16 !== 0) {
    throw new RangeError(`${name}: expected a multiple of 16, at most ${most} elements, got ${value.length}`)
  }
}
