/**
 * Looks at every signature under a text of the public log, and finds who signed two that contradict each other.
 *
 * Shares count like whole checkpoints: what convicts is a name under both. Equal sizes show it at once. Where the sizes differ, whoever holds the tree of the larger
 * text shows with what it begins; so a view whose tree is withheld convicts as soon as the log here has grown beyond it. Kept for each signer are its newest text on
 * the line of the log here and a few that are not on it, or not yet: nobody can push out what another one has signed.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { type Checkpoint, type CheckpointTerms, readCheckpointText } from './checkpoint.ts'
import { type Bundle, SUBJECT, textOf } from './cosignature.ts'
import { type Contradiction, type Side, sidesEvidence } from './fork.ts'
import type { LogTree } from './tree.ts'

/** The log as it is kept here. */
export interface OwnLog {
  readonly generation: number
  readonly tree: LogTree
}

/** Texts of one signer that are not on the line of the log here: two convict, more only repeat it. */
const OTHERS_MAX = 4

export class ForkWatch {
  readonly #signers = new Map<string, Signer>()
  /** Whether a text is of the log here; it stays so while the log grows. */
  readonly #isOn = new Map<string, boolean>()

  /** Whether somebody is seen under this text for the first time. */
  isNews({ cid }: Committee, { text, size, signatures }: Checkpoint): boolean {
    return signatures.some(({ seat }) => {
      const signer = this.#signers.get(nameOf(cid, 'double-checkpoint', seat))
      if (!signer) return true
      const { newest, others, isConvicted } = signer
      const isOlder = this.#isOn.get(text) === true && newest !== null && newest.terms.size >= size
      return !isConvicted && !isOlder && ![newest, ...others].some((known) => known?.text === text)
    })
  }

  /** Takes a checkpoint or a share, whose checks have held; answers new EVIDENCE, encoded. `own`: null where no log is here. */
  checkpoint(committee: Committee, { text, signatures }: Checkpoint, own: OwnLog | null): Uint8Array[] {
    const signed = signatures.map((each) => ({ ...each, seconds: 0 }))
    return this.#see('double-checkpoint', committee, { text, signatures: signed }, own)
  }

  /** Takes a bundle whose checks have held; answers likewise. */
  cosignatures(committee: Committee, bundle: Bundle, own: OwnLog | null): Uint8Array[] {
    if (bundle.kind !== SUBJECT.checkpoint) return []
    const side = { text: textOf(bundle), signatures: bundle.cosignatures }
    return this.#see('double-cosignature', committee, side, own)
  }

  /** The log has grown: what was beyond it may be seen to contradict it now. */
  grown(own: OwnLog): Uint8Array[] {
    return [...this.#signers.values()].flatMap((signer) => (signer.others.length > 0 ? this.#judge(signer, own) : []))
  }

  #see(offence: Offence, committee: Committee, { text, signatures }: Side, own: OwnLog | null): Uint8Array[] {
    const terms = readCheckpointText(text, committee.netId)
    return signatures.flatMap((signature) => {
      const signer = this.#signerOf(offence, committee, signature.seat)
      const isKnown = [signer.newest, ...signer.others].some((known) => known?.text === text)
      if (signer.isConvicted || isKnown) return []
      signer.others.push({ text, terms, signatures: [signature] })
      const evidence = this.#judge(signer, own)
      if (signer.others.length > OTHERS_MAX) signer.others.shift()
      return evidence
    })
  }

  /** Evidence against a signer: the first is enough. */
  #judge(signer: Signer, own: OwnLog | null): Uint8Array[] {
    for (const one of [...signer.others]) {
      if (own && this.#place(one, own) === 'on') this.#promote(signer, one)
    }
    const { offence, committee, newest, others } = signer
    for (const one of others) {
      for (const other of [newest, ...others]) {
        if (!other || other === one || other.terms.generation !== one.terms.generation) continue
        const shown = own && this.#contradiction(one, other, own)
        const evidence = sidesEvidence(offence, committee, one, other, shown)
        if (evidence.length === 0) continue
        signer.isConvicted = true
        signer.others.length = 0
        return evidence
      }
    }
    return []
  }

  /** Of what the log here holds, the newest is enough: it begins with all others. */
  #promote(signer: Signer, one: Signed): void {
    signer.others.splice(signer.others.indexOf(one), 1)
    const { newest } = signer
    const ahead = newest && (one.terms.generation - newest.terms.generation || one.terms.size - newest.terms.size)
    if (ahead === null || ahead > 0) signer.newest = one
  }

  /** What `other` begins with, where it is the larger one and of the log here. */
  #contradiction(one: Signed, other: Signed, own: OwnLog): Contradiction | null {
    const [from, to] = [one.terms.size, other.terms.size]
    if (from >= to || this.#place(other, own) !== 'on') return null
    return { root: own.tree.headAt(from).root, path: own.tree.consistency(from, to) }
  }

  #place({ text, terms }: Signed, { generation, tree }: OwnLog): 'on' | 'off' | 'beyond' {
    if (terms.generation !== generation || terms.size > tree.size) return 'beyond'
    let isOn = this.#isOn.get(text)
    if (isOn === undefined) {
      isOn = equal(tree.headAt(terms.size).root, terms.root)
      this.#isOn.set(text, isOn)
      forgetOldest(this.#isOn, LIMITS.logSubjectsMax)
    }
    return isOn ? 'on' : 'off'
  }

  #signerOf(offence: Offence, committee: Committee, seat: number): Signer {
    const name = nameOf(committee.cid, offence, seat)
    const known = this.#signers.get(name)
    if (known) return known
    const signer = { offence, committee, newest: null, others: [], isConvicted: false }
    this.#signers.set(name, signer)
    forgetOldest(this.#signers, LIMITS.logSignersMax)
    return signer
  }
}

type Offence = 'double-checkpoint' | 'double-cosignature'

/** A text with the one signature of its signer. */
interface Signed extends Side {
  readonly terms: CheckpointTerms
}

interface Signer {
  readonly offence: Offence
  readonly committee: Committee
  /** The newest of its texts that is known to be of the log here. */
  newest: Signed | null
  /** Those that are not, or are beyond it. */
  readonly others: Signed[]
  isConvicted: boolean
}

function nameOf(cid: Uint8Array, offence: Offence, seat: number): string {
  return `${toHex(cid)} ${offence} ${seat}`
}

function forgetOldest(table: Map<string, unknown>, max: number): void {
  for (const oldest of table.keys()) {
    if (table.size <= max) return
    table.delete(oldest)
  }
}
