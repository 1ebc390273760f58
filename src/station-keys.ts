/**
 * What its owner says of the keys of a running node (`webx id rotate`, `delegate`, `revoke`, …) stands in the log beside the key file, where the node finds it and hands it to the
 * neighborhood. A node signs with the key that it was started with: after a rotation it is started again, at best once the rotation is settled, for until then nobody
 * takes what the new key signs.
 */

import { toHex } from './core/bytes.ts'
import { eventsBeside } from './drivers/key-file-log.ts'
import type { Orders } from './kernel/agreed.ts'
import type { Context } from './kernel/context.ts'

const LOOK_MS = 5_000

/** Looks at the log beside the key file at `path` every few seconds, until the returned function is called. */
export function followKeyLog(
  path: string,
  { schedule, log, keys }: Pick<Context, 'schedule' | 'log' | 'keys'>,
  orders: Pick<Orders, 'publishKeyLog'>,
): () => void {
  let known = keys.log.length
  let complaint = ''
  const look = async (): Promise<void> => {
    try {
      const events = (await eventsBeside(path)) ?? []
      complaint = ''
      if (events.length <= known) return
      log.info({ events: events.length - known }, 'the key log goes on: handing it in')
      known = events.length
      orders.publishKeyLog(events)
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      if (said !== complaint) log.warn({ error, id: toHex(keys.id) }, 'the key log beside the key file cannot be read')
      complaint = said
    }
  }
  return schedule.every(LOOK_MS, 'key log', look)
}
