/** An oracle about shared objects: what members apply is one sequence of writes, each once, and no compare-and-set is lost. */

import { readShared } from '../../src/consensus/shared/change.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import type { HoodMachine } from './hood-machine.ts'
import type { Notice } from './machine.ts'
import type { SimNode } from './node.ts'
import type { Accuse, Ending, Oracle, Speaker } from './oracle.ts'

export class OneHistory implements Oracle {
  readonly name = 'one history of a shared object'
  readonly #accuse: Accuse
  readonly #oid: Uint8Array
  readonly #asked: ReadonlySet<string>
  /** By sequence number, the mark of what was applied there. */
  readonly #applied = new Map<number, string>()
  readonly #places = new Map<string, number>()
  /** By sequence number, the head of the chain over all that was applied up to it, as the first member showed it. */
  readonly #heads = new Map<number, string>()

  /** `asked`: marks of what somebody honest has asked for. */
  constructor(accuse: Accuse, oid: Uint8Array, asked: ReadonlySet<string>) {
    this.#accuse = accuse
    this.#oid = oid
    this.#asked = asked
  }

  reported({ seat }: Speaker, notice: Notice): void {
    if (notice.kind !== 'shared' || notice.outcome.code !== null) return
    const { sequence, bytes } = notice.outcome
    const mark = toHex(notice.outcome.mark)
    if (!this.#asked.has(mark)) this.#accuse(this, `seat ${seat} applied at ${sequence} what nobody has asked for`)
    if ((this.#applied.get(sequence) ?? mark) !== mark) this.#accuse(this, `two writes at ${sequence}`)
    if ((this.#places.get(mark) ?? sequence) !== sequence)
      this.#accuse(this, `a write twice, the second at ${sequence}`)
    this.#applied.set(sequence, mark)
    this.#places.set(mark, sequence)
    const { wish } = readShared(decodeEnvelope(bytes))
    if (wish.kind === 'write' && wish.follows > 0 && wish.follows !== sequence - 1)
      this.#accuse(this, `what was to follow ${wish.follows} was applied at ${sequence}`)
  }

  turned(node: Speaker): void {
    const { machine } = node as SimNode
    const object = (machine as HoodMachine | null)?.hood.term.state.shared.get(this.#oid)
    if (!object) return
    const head = toHex(object.head)
    if ((this.#heads.get(object.sequence) ?? head) !== head)
      this.#accuse(this, `seat ${node.seat} has come to ${object.sequence} in another way`)
    this.#heads.set(object.sequence, head)
  }

  ended({ correct, healedMs }: Ending): void {
    if (healedMs === null) this.#accuse(this, `writes are not final everywhere: ${this.#applied.size} are`)
    for (const node of correct) this.turned(node)
    for (let sequence = 1; sequence <= this.#applied.size; sequence++)
      if (!this.#applied.has(sequence)) this.#accuse(this, `nothing was applied at ${sequence}`)
  }
}
