/**
 * Deliberate faults in the production code, each of which the simulator must find within a number of seeds: what it cannot see in others it would not see in us.
 *
 * A mutant is text that is replaced when a module is loaded. It must be there exactly once: a mutant that has gone stale fails the gate like one that was not caught.
 */

import type { Lane } from './config.ts'

export interface Patch {
  /** Path from the top of the repository. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly name: string
  readonly patches: readonly Patch[]
  /** What must be driven to see it. */
  readonly lane: Lane
  /** It must be caught within so many seeds of that lane at n = 4. */
  readonly seedsMax: number
}

function mutant(name: string, file: string, find: string, replace: string, seedsMax = 40): Mutant {
  return { name, patches: [{ file, find, replace }], lane: 'register', seedsMax }
}

function hood(name: string, file: string, find: string, replace: string, seedsMax = 40): Mutant {
  return { ...mutant(name, file, find, replace, seedsMax), lane: 'hood' }
}

function divided(name: string, file: string, find: string, replace: string, seedsMax = 40): Mutant {
  return { ...mutant(name, file, find, replace, seedsMax), lane: 'divided' }
}

function joined(name: string, file: string, find: string, replace: string, seedsMax = 40): Mutant {
  return { ...mutant(name, file, find, replace, seedsMax), lane: 'joined' }
}

const REGISTER: readonly Mutant[] = [
  mutant(
    'a quorum is one vote less',
    'src/identity/seats.ts',
    'Math.floor((2 * weight) / 3) + 1',
    'Math.floor((2 * weight) / 3)',
  ),
  mutant(
    'a strong quorum is a quorum',
    'src/consensus/committee.ts',
    'strong: weight - Math.floor(weight / 6)',
    'strong: quorumOf(weight)',
  ),
  mutant(
    'votes leave before they are stored',
    'test/sim/node.ts',
    'this.#busy = true\n',
    'this.#emit(turn)\n    this.#busy = true\n',
  ),
  mutant(
    'locks are forgotten by a restart',
    'src/consensus/restore.ts',
    'if (entry.locked) restoreSlot(lane, entry.oid, entry.certified + 1, recount)',
    'if (entry.locked) lane.journal.put(SPACE.order, slotKey(entry.oid, entry.certified + 1), null)',
  ),
  mutant(
    'the own batch number is forgotten by a restart',
    'src/consensus/ballot.ts',
    'if (stored) this.#newest = decodeMark(stored)',
    'if (stored) decodeMark(stored)',
  ),
  mutant(
    'both orders of a thief are locked',
    'src/consensus/orders.ts',
    'if (slot.orders.length < 2) slot.orders.push(order)',
    'if (slot.orders.length < 2) {\n      slot.orders.push(order)\n      slot.lock = { od: order.od, sequence: 0 }\n      ballotFor(this.#lane, slot)?.queue(VOTE.lock, slot)\n    }',
  ),
  mutant(
    'a confirmation goes out with the lock',
    'src/consensus/orders.ts',
    'ballot.queue(VOTE.lock, slot)',
    'ballot.queue(VOTE.lock, slot)\n    slot.confirm = { od: order.od, sequence: 0 }\n    ballot.queue(VOTE.confirm, slot)',
  ),
  mutant(
    'a certificate settles',
    'src/consensus/chain.ts',
    'if (!slot || !(slot.settlement || slot.decided)) return false',
    'if (slot && !slot.settlement) slot.settlement = slot.certificate\n  if (!slot || !(slot.settlement || slot.decided)) return false',
  ),
  {
    name: 'a settlement is not stored',
    patches: [
      {
        file: 'src/consensus/chain.ts',
        find: 'lane.journal.put(SPACE.settlement, key, slot.settlement.bytes)\n    lane.journal',
        replace: 'lane.journal',
      },
      {
        file: 'src/consensus/chain.ts',
        find: 'if (slot.settlement) lane.journal.put(SPACE.settlement, key, slot.settlement.bytes)\n',
        replace: '',
      },
    ],
    lane: 'register',
    seedsMax: 40,
  },
  mutant(
    'a certified order is not stored',
    'src/consensus/chain.ts',
    'lane.journal.put(SPACE.order, slotKey(entry.oid, order.version), orderBytes(order))\n  storeProofs',
    'storeProofs',
  ),
  mutant(
    'an order is not stored with its lock',
    'src/consensus/orders.ts',
    'this.#lane.journal.put(SPACE.order, slotKey(order.oid, order.version), orderBytes(order))\n',
    '',
  ),
  mutant(
    'any previous order will do',
    'src/consensus/judge.ts',
    'if (head ? !equal(order.previous, head) : order.version !== 1)',
    'if (head ? false : order.version > 99)',
  ),
  mutant(
    'any home will do',
    'src/consensus/orders.ts',
    'if (!equal(order.home, committee.nid))',
    'if (order.home.length === 0)',
  ),
  mutant(
    'a certificate needs no quorum',
    'src/consensus/certificate.ts',
    "if (weight < committee.quorum) {\n    throw new WebxError('bad-certificate'",
    "if (weight < 1) {\n    throw new WebxError('bad-certificate'",
  ),
  mutant(
    'a seat may count many times',
    'src/consensus/certificate.ts',
    'if (proof.seat <= seatBefore)',
    'if (proof.seat < seatBefore)',
  ),
  mutant(
    'votes in a certificate need no path',
    'src/consensus/certificate.ts',
    'if (!proves(proof, entry))',
    'if (proof.index < 0)',
  ),
  mutant(
    'signatures in a certificate are not looked at',
    'src/consensus/register-view.ts',
    'return known ? null : checksOf(certificate',
    'return known ? null : checksOf({ ...certificate, proofs: [] }',
  ),
  mutant(
    'votes for other orders go into a certificate',
    'src/consensus/count.ts',
    'vote !== undefined && equal(odOf(vote), od)',
    'vote !== undefined && odOf(vote).length === od.length',
  ),
  mutant(
    "an owner's signature is not looked at",
    'src/consensus/register-view.ts',
    'if (isActing && !owner.contested) return owner',
    'if (isActing && !owner.contested) return { ...owner, key: null }',
  ),
  mutant('everybody who votes is accused', 'src/consensus/votes.ts', 'if (double && earlier)', 'if (earlier)'),
  mutant(
    'whoever repeats an order is accused',
    'src/consensus/orders.ts',
    'if (slot.orders.some((known) => equal(known.od, order.od)))',
    'if (slot.orders.some((known) => known === order))',
  ),
  mutant(
    'what others lack is not said again',
    'src/consensus/repeat.ts',
    "outbox.publishRanked('order', order, slot, oid)",
    'continue',
  ),
  mutant(
    'settled heads are not summed up',
    'src/consensus/objects.ts',
    'digest[i] = (digest[i] as number) ^ (hash[i] as number)',
    'digest[i] = 0 * (hash[i] as number)',
  ),
]

const LEDGER: readonly Mutant[] = [
  mutant('funds are not looked at', 'src/ledger/money.ts', 'if (balanceOf(own, assetId) < amount)', 'if (amount < 0)'),
  mutant(
    'a payment takes nothing',
    'src/ledger/money.ts',
    'credits.reduce((state, { assetId, amount }) => adjust(state, assetId, -amount), own)',
    'credits.reduce((state, { assetId, amount }) => adjust(state, assetId, -0 * amount), own)',
  ),
  mutant(
    'a payment arrives twice',
    'src/ledger/money.ts',
    'if (equal(home, order.home)) changes.pay(to, assetId, amount)',
    'if (equal(home, order.home)) changes.pay(to, assetId, 2 * amount)',
  ),
  mutant(
    'issuing counts from nothing each time',
    'src/ledger/money.ts',
    'const minted = cumulative - (objects.stateOf(order.oid)?.delivered ?? 0)',
    'const minted = cumulative - 0 * (objects.stateOf(order.oid)?.delivered ?? 0)',
  ),
  mutant(
    'the cap of an asset is not looked at',
    'src/ledger/money.ts',
    'if (operation.cumulative > asset.cap)',
    'if (operation.cumulative < 0)',
  ),
]

const NO_ALARM: Patch = {
  file: 'src/consensus/simplex/voter.ts',
  find: 'if (mine.skip && mine.finalize) throw',
  replace: 'if (mine.skip && mine.finalize && mine.proposed === null) throw',
}

const NEIGHBORHOOD: readonly Mutant[] = [
  {
    name: 'FINALIZE after SKIP',
    patches: [
      {
        file: 'src/consensus/simplex/voter.ts',
        find: 'if (mine.skip || mine.finalize || !mine.notarize',
        replace: 'if (mine.finalize || !mine.notarize',
      },
      NO_ALARM,
    ],
    lane: 'hood',
    seedsMax: 40,
  },
  {
    name: 'two blocks of one slot are notarized',
    patches: [
      {
        file: 'src/consensus/simplex/voter.ts',
        find: 'if (number <= finalSlot(this.#lane) || slot.mine.notarize) {',
        replace: 'if (number <= finalSlot(this.#lane)) {',
      },
      {
        file: 'src/consensus/simplex/voter.ts',
        find: 'entries.find((entry) => this.#approves(entry))',
        replace: 'entries.findLast((entry) => this.#approves(entry))',
      },
    ],
    lane: 'hood',
    seedsMax: 40,
  },
  hood(
    'a SKIP is forgotten by a restart',
    'src/consensus/simplex/restore.ts',
    'if (ballot.kind === BALLOT.skip) mine.skip = true\n',
    '',
  ),
  hood(
    'a NOTARIZE is forgotten by a restart',
    'src/consensus/simplex/restore.ts',
    'if (ballot.kind === BALLOT.notarize) mine.notarize = ballot.hash\n',
    '',
    100,
  ),
  hood(
    'a block needs one ballot less',
    'src/consensus/simplex/intake.ts',
    'slot.weight(verdict) < committee.quorum',
    'slot.weight(verdict) < committee.quorum - 1',
  ),
  hood(
    'closing reports list nothing',
    'src/consensus/epoch/duties.ts',
    'closeReports(known.openProofs())',
    'closeReports([])',
    80,
  ),
  hood(
    'reports need no proof',
    'src/consensus/epoch/reports.ts',
    'if (!this.#proven(name)) report.lacking.add(name)',
    'this.#proven(name)',
  ),
  hood(
    'what was only certified outlives its epoch',
    'src/consensus/turnover.ts',
    '    advance(entry.oid)\n    takeBack(lane, entry)\n',
    '    advance(entry.oid)\n',
  ),
  hood(
    'any number of members leave at once',
    'src/consensus/epoch/membership.ts',
    'Math.max(1, Math.floor(seated.size / 8))',
    'seated.size',
  ),
  hood(
    'a compare-and-set is not compared',
    'src/consensus/shared/book.ts',
    'wish.follows !== 0 && wish.follows !== object.sequence',
    'wish.follows !== 0 && wish.follows > object.sequence',
  ),
]

const DIVISION: readonly Mutant[] = [
  divided(
    'a sprout keeps the objects of its stem',
    'src/consensus/turnover.ts',
    '  objects.clear()\n  for (const { oid, settled, head, state } of settledObjects) {\n',
    '  for (const { oid, settled, head, state } of settledObjects) {\n',
  ),
  {
    // seats that are in no hurry to close mostly wait long enough for both parts to be ready
    name: 'a sprout needs no quorum that is ready',
    patches: [
      {
        file: 'src/consensus/epoch/turning.ts',
        find: 'this.#parts.every((part) => this.#isQuorate(part))',
        replace: 'this.#isQuorate(this.#plan)',
      },
      { file: 'src/consensus/epoch/duties.ts', find: 'CLOSE_PATIENCE_MS = 2_000', replace: 'CLOSE_PATIENCE_MS = 0' },
    ],
    lane: 'divided',
    seedsMax: 40,
  },
  divided(
    'nobody finds the way into a sprout',
    'src/consensus/epoch/handover.ts',
    'equal(id, memberId)) ? sprout : stem',
    'equal(id, memberId)) ? stem : stem',
  ),
  divided(
    'who sprouts belongs to the stem as well',
    'src/consensus/epoch/turning.ts',
    'isDivided ? roster.filter(({ id }) => !leaving.has(keyOf(id))) : roster',
    'roster',
  ),
  divided(
    'a sprout decides by the rules of its stem',
    'src/consensus/neighborhood.ts',
    "return typeof rules === 'function' ? rules(nid) : rules",
    "return typeof rules === 'function' ? rules(this.#options.anchor.nid) : rules",
  ),
]

const LENDING: readonly Mutant[] = [
  joined(
    'anybody may be said to be kin',
    'src/consensus/epoch/kin.ts',
    "isSameOffer(offerOf(named, founders), offer) ? 'yes' : 'no'",
    "isSameOffer(offerOf(named, founders), offer) ? 'yes' : 'yes'",
  ),
  joined(
    'somebody who is lent is left off the roster',
    'src/consensus/epoch/turning.ts',
    'const roster = [...plan.roster, ...lent].sort',
    'const roster = [...plan.roster, ...lent.slice(1)].sort',
  ),
  joined(
    'an epoch does not say who came from elsewhere',
    'src/consensus/epoch/state.ts',
    '      ...(loan && { loan }),\n',
    '',
  ),
]

export const MUTANTS: readonly Mutant[] = [...REGISTER, ...LEDGER, ...NEIGHBORHOOD, ...DIVISION, ...LENDING]

export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((one) => one.name === name)
  if (!found) throw new Error(`there is no mutant called ${name}`)
  return found
}

/** The text with a patch applied. Throws where the text to be replaced is not there exactly once. */
export function patched(text: string, { file, find, replace }: Patch): string {
  const at = text.indexOf(find)
  if (at < 0 || text.indexOf(find, at + 1) >= 0) {
    throw new Error(`stale mutant: ${at < 0 ? 'nothing' : 'more than one place'} in ${file} is ${JSON.stringify(find)}`)
  }
  return text.slice(0, at) + replace + text.slice(at + find.length)
}
