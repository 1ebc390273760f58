/**
 * `webx swarm epochs`: how the last epochs ended, by the hand-overs that the node on this machine keeps and has checked from the genesis on.
 */

import { resolve } from 'node:path'
import { WebxError } from '../core/errors.ts'
import { epochsFile } from '../epochs-file.ts'
import type { EpochPage, EpochRow } from '../station-swarm.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import { writeNew } from './id-log.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { short, shortHash } from './swarm.ts'

const LAST_DEFAULT = 10
const LAST_MAX = 10_000
/** A long chain is checked once in the life of a node. */
const TIMEOUT_MS = 600_000

/** Lists hand-overs, oldest first. Throws `usage`, `unreachable`, `bad-hand-over` where the store holds what does not hold. */
export async function epochs(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm epochs', args)
  const last = Number(given.text('last') ?? LAST_DEFAULT)
  if (!Number.isSafeInteger(last) || last < 1 || last > LAST_MAX)
    throw new WebxError('usage', `--last takes a number from 1 to ${LAST_MAX}`, {
      hint: 'See webx swarm epochs --help.',
    })
  const rows: EpochRow[] = []
  let page: EpochPage
  let from: number | null = null
  do {
    const params: object = from === null ? { last } : { from }
    page = await askStation<EpochPage>(given, io, { method: 'epochs', params, timeoutMs: TIMEOUT_MS, progressOf })
    rows.push(...page.rows)
    from = page.next
  } while (from !== null)
  const out = given.text('out')
  if (out !== undefined) await writeOut(given, io, resolve(io.workingDirectory, out), page.homeEpoch)
  if (given.flag('json')) {
    printJson(io, { ok: true, epoch: page.epoch, epochs: rows, ...(out !== undefined && { file: out }) })
    return EXIT.done
  }
  for (const row of rows) io.stdout(`${lineOf(row)}\n`)
  io.stdout(`${String(page.epoch).padStart(5)}  under way\n`)
  return EXIT.done
}

/** All hand-overs of the node's home from the first epoch on: what documents of later epochs are verified with where there is no network. */
async function writeOut(given: Arguments, io: Io, path: string, ended: number): Promise<void> {
  const handOvers: Uint8Array[] = []
  for (let epoch = 0; epoch < ended; epoch++) {
    const text = await askStation<string | null>(given, io, { method: 'handOver', params: { epoch } })
    if (text === null)
      throw new WebxError('not-settled', `the hand-over of epoch ${epoch} is not kept by this node`, {
        hint: 'Ask a node that was there from the beginning.',
      })
    handOvers.push(new Uint8Array(Buffer.from(text, 'base64')))
  }
  await writeNew(path, epochsFile(handOvers))
}

function progressOf(value: unknown): string {
  const { epoch, of } = value as { epoch: number; of: number }
  return `checking hand-overs: ${epoch} of ${of}`
}

function lineOf({ epoch, blocks, seats, attended, came, went, convicted, stateRoot, verified }: EpochRow): string {
  const changes = [...came.map((label) => `+${short(label)}`), ...went.map((label) => `-${short(label)}`)]
  const words = [
    `${blocks} blocks by ${seats} seats, ${Math.round(attended * 100)} % attended`,
    changes.length > 0 ? changes.join(' ') : 'same seats',
    ...(convicted.length > 0 ? [`convicted ${convicted.map(short).join(' ')}`] : []),
    `state ${shortHash(stateRoot)}`,
    verified ? 'verified' : 'not verified: hand-overs before it are not kept here',
  ]
  return `${String(epoch).padStart(5)}  ${words.join('  ')}`
}
