/**
 * What statements about the public log must pass before this node hears of them: decoding, and a list of the signatures that must hold.
 */

import type { Committee } from '../consensus/committee.ts'
import { seatOf } from '../consensus/committee.ts'
import { readEvidence } from '../consensus/evidence.ts'
import {
  type Checkpoint,
  checkpointChecks,
  isOfTerm,
  type LogTerm,
  readCheckpoint,
} from '../consensus/publiclog/checkpoint.ts'
import {
  type Bundle,
  bundleChecks,
  bundleEnvelope,
  readBundle,
  SUBJECT,
  textOf,
} from '../consensus/publiclog/cosignature.ts'
import { isLogEvidence, readLogEvidence } from '../consensus/publiclog/fork.ts'
import type { ForkWatch } from '../consensus/publiclog/forkwatch.ts'
import { type LeafJudge, type ProvenLeaf, readLeaf } from '../consensus/publiclog/leaf.ts'
import { readBallot } from '../consensus/simplex/ballot.ts'
import { candidateCheck, readCandidate } from '../consensus/simplex/candidate.ts'
import { readBlockCertificate } from '../consensus/simplex/certificate.ts'
import type { SimplexEvent } from '../consensus/simplex/effects.ts'
import { equal, toHex } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Later } from '../kernel/later.ts'
import type { Message, Road } from '../kernel/road.ts'
import { Seen } from '../kernel/seen.ts'
import type { PublicCharges } from './public-charges.ts'
import type { Generation } from './public-generation.ts'
import type { PublicHomes } from './public-homes.ts'
import type { PublicWitness } from './public-witness.ts'

/** A statement that was decoded; true only if its checks held. */
export type Heard =
  | { readonly kind: 'leaf'; readonly leaf: ProvenLeaf }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint; readonly masterNodes: Committee }
  | { readonly kind: 'cosignatures' | 'votes'; readonly bundle: Bundle; readonly committee: Committee }
  /** This node has signed what its disk does not know of. */
  | { readonly kind: 'own' }
  /** `cid`: the MasterNodes that it is of; they may have been replaced since it was read. */
  | { readonly kind: 'block'; readonly cid: Uint8Array; readonly event: SimplexEvent }
  | { readonly kind: 'evidence'; readonly guilty: Uint8Array; readonly offence: string }

/** Where the log stands at this node. */
export interface Now {
  readonly generation: Generation | null
  readonly witness: PublicWitness
}

/** What an intake asks. */
export interface IntakeParts {
  readonly judge: LeafJudge
  readonly later: Later
  readonly road: Road
  readonly now: () => Now
  readonly forks: ForkWatch
  readonly charges: PublicCharges
  /** Whose MasterNodes have this digest; null where they are not known here, or not any more. */
  readonly term: (cid: Uint8Array) => LogTerm | null
  readonly homes: PublicHomes
}

type Opened = { readonly heard: Heard; readonly checks: readonly SignatureCheck[] } | null

/** Cosignatures that came before the checkpoint that they are over. */
const EARLY_MAX = 256

export class PublicIntake {
  readonly #parts: IntakeParts
  readonly #decoded = new WeakMap<Message, Heard>()
  readonly #seen = new Seen()
  /** Digests of committees of MasterNodes whose lane this node has followed: what comes late of them is nobody else's. */
  readonly #followed = new Set<string>()
  #early: { readonly text: string; readonly message: Message }[] = []

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** A generation begins whose lane is followed. */
  follow({ cid }: Committee): void {
    this.#followed.add(toHex(cid))
    for (const oldest of this.#followed) {
      if (this.#followed.size <= LIMITS.committeesKnownMax) break
      this.#followed.delete(oldest)
    }
  }

  /** Whether a statement of a type that neighborhoods have too is about the log. Throws what decoding throws. */
  owns(envelope: Envelope): boolean {
    return this.#followed.has(toHex(envelope.scope)) || isLogEvidence(envelope)
  }

  /** Signatures that must hold; null where it tells nothing new. Throws what decoding throws, and `wrong-epoch`. */
  checks(message: Message): readonly SignatureCheck[] | null {
    const opened = this.#open(message)
    if (!opened) return null
    this.#decoded.set(message, opened.heard)
    return opened.checks
  }

  /** What `checks` has read. */
  decoded(message: Message): Heard | undefined {
    return this.#decoded.get(message)
  }

  /** A statement holds: what this node was about to say in its place need not be said. */
  heard(heard: Heard, bytes: Uint8Array): void {
    const isWhole = heard.kind === 'checkpoint' && heard.checkpoint.weight >= heard.masterNodes.quorum
    const isProof = heard.kind === 'block' && heard.event.kind === 'certificate'
    if (isWhole || isProof) this.#parts.later.cancel(this.nameOf(bytes))
  }

  /** A checkpoint is whole: cosignatures that came before it walk the road again. */
  early({ text }: Checkpoint): void {
    const due = this.#early.filter((each) => each.text === text)
    this.#early = this.#early.filter((each) => each.text !== text)
    for (const { message } of due) this.#parts.road.receive(message.topic, message.bytes)
  }

  /** Who is guilty of what. Throws what decoding throws. */
  readEvidence(bytes: Uint8Array): { readonly guilty: Uint8Array; readonly offence: string } {
    this.#seen.add(bytes)
    return this.#evidenceOf(decodeEnvelope(bytes)).heard
  }

  /** Newest statements of a member that were seen, for a member that asks what it has signed. */
  shownOf(id: Uint8Array): Uint8Array[] {
    const { generation, witness } = this.#parts.now()
    const shown: Uint8Array[] = []
    const seat = generation && seatOf(generation.term.masterNodes, id)
    if (generation?.simplex && seat !== null) shown.push(...generation.simplex.newestOf(seat))
    const { committee } = witness.place
    const member = seatOf(committee, id)
    if (member === null) return shown
    const { standings } = witness
    for (const last of [standings.lastOf(committee, member), standings.votes.lastOf(committee, member)])
      if (last) shown.push(encodeEnvelope(bundleEnvelope(last.cid, last, last.cosignatures)))
    return shown
  }

  /** What several members may publish so that one of them is enough goes by one name. */
  nameOf(bytes: Uint8Array): string {
    const { type, scope, body } = decodeEnvelope(bytes)
    if (type === TYPE.checkpoint) return this.textOf(bytes)
    if (type !== TYPE.blockCertificate) return toHex(blake3Of('webx v1 seen', bytes))
    const fields = Fields.of('certificate of a block', body)
    return `${toHex(scope)}/${fields.uint('kind')}/${fields.uint('slot')}`
  }

  /** Text of an encoded checkpoint. */
  textOf(bytes: Uint8Array): string {
    return Fields.of('checkpoint', decodeEnvelope(bytes).body).text('text', LIMITS.logTextBytesMax)
  }

  #open(message: Message): Opened {
    const { envelope, bytes } = message
    switch (envelope.type) {
      case TYPE.leaf:
        return this.#openLeaf(envelope)
      case TYPE.checkpoint:
        return this.#openCheckpoint(envelope)
      case TYPE.cosignature:
        return this.#openBundle(message)
      case TYPE.evidence: {
        if (this.#seen.has(bytes)) return null
        const opened = this.#evidenceOf(envelope)
        this.#seen.add(bytes)
        return this.#parts.charges.has(opened.heard.guilty) ? null : opened
      }
      default:
        return this.#openBlock(envelope, bytes)
    }
  }

  #openLeaf(envelope: Envelope): Opened {
    const { generation } = this.#parts.now()
    if (!generation) return null
    const leaf = readLeaf(envelope, this.#parts.judge)
    if (generation.sequencer.knows(leaf.hash)) return null
    return { heard: { kind: 'leaf', leaf }, checks: leaf.checks }
  }

  #openCheckpoint(envelope: Envelope): Opened {
    const { term: find, forks, later, now } = this.#parts
    const term = find(envelope.scope)
    if (!term) return this.#refuseUnknown('checkpoint of a draw')
    const { masterNodes } = term
    const checkpoint = readCheckpoint(envelope, masterNodes)
    if (!isOfTerm(checkpoint, term))
      throw new WebxError('wrong-epoch', 'checkpoint of another term than its MasterNodes have')
    const isKnown = now().witness.standingsOf(checkpoint.epoch).checkpoint(checkpoint.text) !== null
    // of a whole one, who else has signed it matters only for what convicts, and that somebody has published it only where we are about to
    if (isKnown && !forks.isNews(masterNodes, checkpoint) && !later.has(checkpoint.text)) return null
    return { heard: { kind: 'checkpoint', checkpoint, masterNodes }, checks: checkpointChecks(masterNodes, checkpoint) }
  }

  #openBundle(message: Message): Opened {
    const { homes, now } = this.#parts
    const committee = homes.committee(message.envelope.scope)
    if (!committee) return this.#refuseUnknown('cosignatures of a committee')
    const bundle = readBundle(message.envelope, committee)
    const { witness } = now()
    const checks = bundleChecks(committee, bundle)
    if (witness.shownOwn(bundle, committee)) return { heard: { kind: 'own' }, checks }
    if (bundle.kind === SUBJECT.redraw) {
      witness.sensible(bundle, committee)
      return witness.standings.votes.isNews(bundle) ? { heard: { kind: 'votes', bundle, committee }, checks } : null
    }
    const text = textOf(bundle)
    const standings = witness.counting(bundle, committee)
    if (!standings.isNews(bundle)) return null
    if (!standings.checkpoint(text)) {
      this.#early.push({ text, message })
      if (this.#early.length > EARLY_MAX) this.#early.shift()
      return null
    }
    return { heard: { kind: 'cosignatures', bundle, committee }, checks }
  }

  #openBlock(envelope: Envelope, bytes: Uint8Array): Opened {
    const { generation } = this.#parts.now()
    const committee = generation?.term.masterNodes
    const simplex = generation?.simplex
    if (!committee || !simplex || !equal(envelope.scope, committee.cid)) return null
    const event = this.#eventOf(envelope, bytes, committee)
    const isAwaited = event.kind === 'certificate' && this.#parts.later.has(this.nameOf(bytes))
    const checks = simplex.checksFor(event) ?? (isAwaited ? simplex.proofChecks(event.certificate) : null)
    if (event.kind === 'candidate' && checks && checks.length > 0)
      return {
        heard: { kind: 'block', cid: committee.cid, event },
        checks: [candidateCheck(committee, event.candidate)],
      }
    return checks && { heard: { kind: 'block', cid: committee.cid, event }, checks }
  }

  #eventOf(envelope: Envelope, bytes: Uint8Array, committee: Committee): SimplexEvent {
    if (envelope.type === TYPE.candidate)
      return { kind: 'candidate', candidate: readCandidate(envelope, committee), bytes }
    if (envelope.type === TYPE.ballot) return { kind: 'ballot', ballot: readBallot(envelope, committee) }
    return { kind: 'certificate', certificate: readBlockCertificate(envelope, committee), bytes }
  }

  /** Throws `wrong-epoch`: hand-overs may be missing here, and are asked for. */
  #refuseUnknown(what: string): never {
    this.#parts.homes.missing()
    throw new WebxError('wrong-epoch', `${what} that is not known here`)
  }

  #evidenceOf(envelope: Envelope) {
    const { term, homes } = this.#parts
    const committee = term(envelope.scope)?.masterNodes ?? homes.committee(envelope.scope)
    if (!committee) throw new WebxError('wrong-epoch', 'evidence about a committee that is not known here')
    const isOfLog = isLogEvidence(envelope)
    const { guilty, kind, checks } = isOfLog ? readLogEvidence(envelope, committee) : readEvidence(envelope, committee)
    return { heard: { kind: 'evidence', guilty, offence: kind } as const, checks }
  }
}
