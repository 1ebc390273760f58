/**
 * `webx ping notices`: what the servers of watched files have told the running node of new versions.
 */

import { fromBase64url } from '../core/bytes.ts'
import type { NoticeRow } from '../station-redeem.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { dateText } from './ping-terms.ts'

/** Lists the notices that are kept, oldest first. Throws what asking the node does. */
export async function notices(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping notices', args)
  const rows: NoticeRow[] = []
  let more = true
  while (more) {
    const params = { after: rows.at(-1)?.number ?? 0 }
    const answer = await askStation<{ notices: NoticeRow[]; more: boolean }>(given, io, { method: 'notices', params })
    rows.push(...answer.notices)
    more = answer.more && answer.notices.length > 0
  }
  if (given.flag('json')) {
    printJson(io, { ok: true, notices: rows })
    return EXIT.done
  }
  for (const { heardMs, dataId, version, server, payload } of rows) {
    const said = fromBase64url(payload).length
    const more = said > 0 ? `  says ${said} bytes` : ''
    io.stdout(`${dateText(heardMs)}  ${dataId.slice(0, 16)}  version ${version}  by ${server.slice(0, 16)}${more}\n`)
  }
  return EXIT.done
}
