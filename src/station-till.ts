/**
 * What the owners of a till and of a shopper's device may ask about anonymous check-in: who is enrolled, and with which key.
 */

import type { Device } from './apps/facepay/device.ts'
import type { Terminal } from './apps/facepay/terminal.ts'
import { fromHex, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlMethod } from './drivers/control-socket.ts'

/** The parts that answer, as far as the profile has them. */
export interface TillParts {
  readonly terminal: Terminal | null
  readonly device: Device | null
}

/** Most shoppers in one answer: what fits a line. */
const SHOWN_MAX = 200

/** Methods `enrolShopper`, `enrolledShoppers`, `unenrolShopper` of a till and `proofKey` of a device; each throws `not-allowed` where the node is none. */
export function tillMethods({ terminal, device }: TillParts): Readonly<Record<string, ControlMethod>> {
  return {
    enrolShopper: async ({ params }) => {
      const { text, note } = params as { text?: unknown; note?: unknown }
      if (typeof text !== 'string' || (note !== undefined && typeof note !== 'string')) {
        throw new WebxError('bad-argument', 'enrolling a shopper takes a text and maybe a note')
      }
      const { key, ringSize } = await needed(terminal, 'terminal').enrolled.add(text, note)
      return { key: toHex(key), ringSize }
    },
    enrolledShoppers: async () => {
      const { enrolled } = needed(terminal, 'terminal')
      const all = enrolled.list()
      const shoppers = all.slice(-SHOWN_MAX).map(({ key, atMs, note, ringSize }) => ({
        key: toHex(key),
        atMs,
        note,
        ringSize,
      }))
      return { total: all.length, list: enrolled.rings?.number ?? 0, shoppers }
    },
    unenrolShopper: async ({ params }) => {
      const { key } = params as { key?: unknown }
      await needed(terminal, 'terminal').enrolled.remove(keyOf(key))
      return {}
    },
    proofKey: async () => ({ text: await needed(device, 'device').proofKeyText() }),
  }
}

function keyOf(text: unknown): Uint8Array {
  if (typeof text === 'string' && /^[0-9a-f]{64}$/.test(text)) return fromHex(text)
  throw new WebxError('bad-argument', 'a proof key is 64 hexadecimal digits', { hint: 'See webx till enrolled.' })
}

function needed<T>(part: T | null, role: string): T {
  if (part) return part
  throw new WebxError('not-allowed', `this node is no ${role}`, { hint: `Add "${role}" to roles in its profile.` })
}
