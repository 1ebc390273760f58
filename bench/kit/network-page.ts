/** The cost model as people read it: quantities by size, what they grow with, a million nodes, the assumptions, and what breaks first. */

import { LIMITS } from '../../src/core/limits.ts'
import type { Estimate, SizeFigures } from './network-model.ts'
import { LEAVES_PER_NODE, PLAN } from './network-plan.ts'
import { digits } from './report.ts'

const BASES = { cosigners: 'cosigner', leaves: 'leaf', neighborhoods: 'neighborhood', nodes: 'node' } as const
const DAY_SECONDS = 86_400
const MB = 1e6
/** A line through fewer points says nothing. */
const SIZES_MIN = 3

/** The part of the page of results, in lines of Markdown. */
export function networkPage(
  figures: readonly SizeFigures[],
  estimates: readonly Estimate[],
  nodes: number,
): readonly string[] {
  const largest = figures.at(-1) as SizeFigures
  const names = figures.map(({ log }) => `${text(log.nodes)} nodes`)
  const isModel = figures.length >= SIZES_MIN
  return [
    'What one node has to do, on average over all members of all neighborhoods (seats and spares); counts of the production engines in virtual time.',
    '',
    `| one node | ${names.join(' | ')} | grows with | ${text(nodes)} nodes |`,
    `|${' --- |'.repeat(names.length + 3)}`,
    `| neighborhoods | ${figures.map(({ log }) => text(log.neighborhoods)).join(' | ')} | | ${text(hoodsOf(largest, nodes))} |`,
    `| members of a neighborhood | ${figures.map(({ town }) => text(town.members)).join(' | ')} | | ${text(largest.town.members)} |`,
    ...estimates.map((one) => rowOf(one, isModel)),
    '',
    ...assumptions(largest),
    '',
    ...(isModel ? breaks(figures, estimates, nodes) : [`No model is made of fewer than ${SIZES_MIN} sizes.`]),
  ]
}

function rowOf({ quantity, values, line, drift, extrapolated }: Estimate, isModel: boolean): string {
  const { name, unit, base } = quantity
  const flat = `its neighborhood alone${drift === null ? '' : ` (last step ${signed(100 * drift)} %)`}`
  const grows =
    line && base
      ? `${text(line.a)} + ${text(line.b)} a ${BASES[base]} (worst point ${text(100 * line.residual)} % off)`
      : flat
  const title = name.includes(unit) ? name : `${name}, ${unit}`
  const model = isModel ? `${grows} | ${text(extrapolated)}` : ' | '
  return `| ${title} | ${values.map(text).join(' | ')} | ${model} |`
}

function assumptions({ town, log }: SizeFigures): string[] {
  const share = log.cosigners / log.nodes
  return [
    'Assumed:',
    '',
    '- All engines of a net run in one process: a neighborhood for each leaf of the placement tree, 25 seats by rank, the others spares. Nothing is lost, a message takes 5 ms, a sync 2 ms. What the services do around the engines (ranks, repetition, summaries, HELLO, health) is done as in the simulator, at their paces.',
    '- Members’ signatures are a hash in place of Ed25519: they are counted, not timed. The count is an upper bound, for a node looks at votes beyond a quorum only when it has time. Owners sign for real, and VRF proofs (one for each seat and epoch) are not in the count.',
    '- Bytes are those of whole envelopes, frames with their signatures and topics; MQTT adds its header and the name of the topic (about 70 bytes), TCP and TLS theirs.',
    `- Orders, votes, blocks and what members ask each other stay within the neighborhood (a topic of its own each), and so does health; hand-overs and the public log are heard by all. Payments: ${PLAN.paymentsPerHood} in a neighborhood in ${PLAN.loadMs / 1000} s, each an order by itself; batches make them cheaper. Payments between homes are not in the load.`,
    `- One neighborhood of each net turns its epoch. ${LEAVES_PER_NODE} leaves a node and checkpoint, each a settled order proven by 17 votes; a cosigner is a seat (${text(share)} of all nodes here), spares do not cosign. A leaf is final after two rounds of cosignatures; both are counted.`,
    '- Memory is what the process grew by for each node, with the simulator’s small tables for open votes. The production tables take 40 MB of address space a register, of which a fresh one touches 1 MB.',
    `- “Neighborhood alone” is taken as it is in the largest net; where neighborhoods have 25 or 67 members in place of ${text(town.members)}, what is heard changes in that proportion. No line is drawn through figures that have no reason to grow.`,
  ]
}

function breaks(figures: readonly SizeFigures[], estimates: readonly Estimate[], nodes: number): string[] {
  const at = (name: string): number => {
    const found = estimates.find(({ quantity }) => quantity.name === name)
    if (!found) throw new RangeError(`no quantity is called ${name}`)
    return found.extrapolated
  }
  const { town, log } = figures.at(-1) as SizeFigures
  const singles = at('a checkpoint: their bytes, one by one')
  const bundled = at('a checkpoint: their bytes, bundled')
  const countS = at('a checkpoint: time to verify and count them') / 1000
  const leaves = log.leaves / log.nodes
  const keptDay = at('a checkpoint: bytes of the log kept') / leaves
  const brokerIn = at('idle, a second: messages sent') * nodes
  const brokerOut = at('idle, a second: messages heard of the neighborhood') * nodes
  const handOvers = at('an epoch: hand-overs of others heard')
  const validated = at('a checkpoint: leaves validated by a witness')
  return [
    `What breaks on the way to ${text(nodes)} nodes (judged by these figures, not tried), in this order:`,
    '',
    `1. **The broker.** At rest the net sends ${text(brokerIn)} messages a second and has ${text(brokerOut)} delivered; with ${text(town.nodes)} nodes it is ${text((brokerOut / nodes) * town.nodes)}. No broker on one machine carries the former. Cure: neighborhoods share nothing but the public log and hand-overs, so brokers may be split between them (a BranchNet each, a NATS cluster beyond); nothing in the protocol has to change.`,
    `2. **Counting cosignatures.** \`NetworkCount\` refuses more than ${text(LIMITS.logNodesMax)} nodes (\`logNodesMax\`), and a subject more bundles than ${text(LIMITS.logBundlesMax)}. Were they raised: every member sends its own cosignature and everybody hears all, ${text(singles / MB)} MB and ${text(countS)} s of one core for each checkpoint and node at ${text(nodes)}. Cure: send bundles of a neighborhood (${text(bundled / MB)} MB; the format is there, members use it for repetition only), join them on the way up the tree of neighborhoods, checkpoint by minutes; and let small nodes check a sample of signatures under a sum tree of bundles instead of all: what remains is 64 bytes a cosigner for who wants to count for himself.`,
    `3. **The log on every node.** All follow the MasterNodes’ blocks and keep every leaf with its proof: ${text(keptDay / MB)} MB a day on each disk if each of ${text(nodes)} nodes logs one leaf a day (${text(nodes / DAY_SECONDS)} leaves a second). Blocks carry ${text(log.leaves / log.blocks)} such leaves, so that is ${text(nodes / DAY_SECONDS / (log.leaves / log.blocks))} blocks a second, which one Simplex lane can do. Cure: tiles at Operators; a witness keeps heads, and fetches the ${text(validated)} leaves that are its own.`,
    `4. **Hand-overs.** Everybody hears those of all: ${text(handOvers / MB)} MB an epoch. Cure: follow the homes one is paid from; the others prove themselves when they pay (their walk from the genesis), or by the public log.`,
    '',
    'What does not break: orders, votes, blocks, the looking after each other and epochs cost a node the same in a net of any size, and so does the validation of leaves.',
  ]
}

function hoodsOf({ log }: SizeFigures, nodes: number): number {
  return (log.neighborhoods / log.nodes) * nodes
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${text(Math.abs(value))}`
}

/** Three significant digits, grouped; nothing below a thousandth. */
function text(value: number): string {
  if (Math.abs(value) < 1e-3) return '0'
  const short = Number(value.toPrecision(3))
  return digits(short).toLocaleString('en-US', { maximumSignificantDigits: 4 })
}
