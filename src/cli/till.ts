/**
 * `webx till …`: the owner of a terminal on this machine – who may check in there without a name.
 */

import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'

/** Enrols a shopper's proof key. Throws `bad-argument` for a text that is none or a key that is there, `bad-proof`, `limit`. */
export async function enrol(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('till enrol', args)
  const note = given.text('note')
  const params = { text: given.operands['TEXT'], ...(note !== undefined && { note }) }
  const added = await askStation<{ key: string; ringSize: number }>(given, io, { method: 'enrolShopper', params })
  if (given.flag('json')) printJson(io, { ok: true, ...added })
  else io.stdout(`enrolled: ${added.key}, one of ${added.ringSize}\n${alone(added.ringSize)}`)
  return EXIT.done
}

interface EnrolledList {
  readonly total: number
  readonly list: number
  readonly shoppers: readonly {
    readonly key: string
    readonly atMs: number
    readonly note: string
    readonly ringSize: number
  }[]
}

/** Shows who is enrolled, oldest first. */
export async function enrolled(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('till enrolled', args)
  const answer = await askStation<EnrolledList>(given, io, { method: 'enrolledShoppers' })
  if (given.flag('json')) {
    printJson(io, { ok: true, ...answer })
    return EXIT.done
  }
  for (const { key, atMs, note, ringSize } of answer.shoppers) {
    io.stdout(`${key}  ${new Date(atMs).toISOString()}  one of ${ringSize}${note === '' ? '' : `  ${note}`}\n`)
  }
  io.stdout(`${answer.shoppers.length} of ${answer.total} enrolled\n`)
  return EXIT.done
}

/** Takes a proof key off the list. Throws `bad-argument` for one that is not there. */
export async function unenrol(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('till unenrol', args)
  await askStation(given, io, { method: 'unenrolShopper', params: { key: given.operands['KEY'] } })
  if (given.flag('json')) printJson(io, { ok: true })
  else io.stdout('not enrolled any more\n')
  return EXIT.done
}

function alone(ringSize: number): string {
  return ringSize > 1 ? '' : 'Nobody can check in anonymously yet: it takes two to be one of them.\n'
}
