/**
 * `webx rewards verify`: whether a file proves a reward, by the genesis alone and without a network.
 */

import { resolve } from 'node:path'
import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import '../drivers/wasm-files.ts'
import { readRewardProof, verifyRewardProof } from '../epoch-reward-proof.ts'
import { POINT } from '../epoch-rewards.ts'
import { readGenesis } from '../identity/genesis.ts'
import { labelOf } from '../identity/xqident.ts'
import { readArguments } from './arguments.ts'
import { readBounded } from './handed.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { settingsOf } from './settings.ts'

/** Verifies a proof. Throws `usage`, `wrong-net`, `bad-hand-over`, `bad-proof`, and what reading files does. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('rewards verify', args)
  const net = settingsOf(given, io).profile.net.genesis
  if (net === '')
    throw new WebxError('usage', 'webx rewards verify needs --net', { hint: 'See webx rewards verify --help.' })
  const at = (path: string): string => resolve(io.workingDirectory, path)
  const genesis = readGenesis(await readBounded(at(net), LIMITS.genesisBytesMax))
  const file = readRewardProof(await readBounded(at(given.operands['FILE'] ?? ''), LIMITS.rewardProofBytesMax))
  const { head, line, rewards } = verifyRewardProof(file, genesis)
  const points = rewards.points.lines.find(({ seat }) => seat === line.seat)
  const { committee, handOvers } = { committee: rewards.before.seats.length, handOvers: file.handOvers.length }
  const facts = {
    ...{ net: toHex(genesis.netId), id: toHex(line.id), label: labelOf(line.id), epoch: head.epoch, seat: line.seat },
    ...{ attended: line.attended, led: line.led, blocks: head.blocks, budget: head.budget, amount: line.amount },
    points: (points?.amount ?? 0) / POINT,
    ...{ root: toHex(rewards.rewards.root), evidence: toHex(head.evidence), handOvers },
  }
  if (given.flag('json')) {
    printJson(io, { ok: true, ...facts })
    return EXIT.done
  }
  const rows = [
    ['earned', `${facts.points} points, ${facts.amount} of a pool of ${facts.budget}`],
    ['by', `${facts.label}, seat ${facts.seat} of ${committee}`],
    ['for', `votes for ${facts.attended} of ${facts.blocks} final blocks, and ${facts.led} composed`],
    ['epoch', String(facts.epoch)],
    ['net', `${genesis.name} (${facts.net})`],
    ['evidence', facts.evidence],
    ['checked', `${handOvers} hand-overs from the genesis on, and all rewards computed anew`],
  ]
  for (const [name = '', value] of rows) io.stdout(`${name.padEnd(12)}${value}\n`)
  return EXIT.done
}
