/**
 * Times that are drawn: whatever happens to somebody at a moment that can be foretold tells who it is.
 */

import type { Random } from '../../kernel/ports.ts'

/** A whole number from 0 to below `below`, each as likely as the others but for a part in 2³². */
export function drawn(random: Random, below: number): number {
  const bytes = random.bytes(4)
  const share = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32
  return Math.floor(share * below)
}
