/**
 * Answers what a neighborhood asks of whoever holds the keys: signatures, lots, and the key of the next epoch.
 *
 * The key of an epoch is made of the identity's own secret and of 32 random bytes that are written down before the key is named to anybody, and erased when the epoch is over: from
 * then on nobody can vote in it, with whatever files.
 */

import type { Asked } from '../consensus/epoch/voice.ts'
import { equal } from '../core/bytes.ts'
import type { Context } from '../kernel/context.ts'
import type { Signer, Write } from '../kernel/ports.ts'

/** Space of the store that holds the secrets of a node, wherever it votes. */
export const EPOCH_SECRETS = 'epoch-secret'
const SECRET_BYTES = 32

export class EpochKeys {
  readonly #context: Context
  readonly #secrets = new Map<number, Uint8Array>()
  readonly #signers = new Map<number, Signer>()
  /** 16-byte id of the neighborhood in which this node votes. */
  #post: Uint8Array
  #writes: Write[] = []

  constructor(context: Context) {
    this.#context = context
    this.#post = context.genesis.neighborhood
    for (const { key, value } of context.store.scan(EPOCH_SECRETS)) this.#secrets.set(numberOf(key), value)
  }

  async answer(asked: Asked): Promise<Uint8Array> {
    const { keys } = this.#context
    switch (asked.with) {
      case 'epoch-key':
        return (await this.signer(asked.epoch)).sign(asked.message)
      case 'identity-key':
        return keys.sign(asked.message)
      case 'vrf-key':
        return keys.vrf.prove(asked.message)
      case 'nothing':
        this.#prepare(asked.epoch)
        return (await this.signer(asked.epoch)).publicKey
    }
  }

  /** The signer of an epoch; one whose secret is not here is another than the one that was named. */
  async signer(epoch: number): Promise<Signer> {
    let signer = this.#signers.get(epoch)
    if (!signer) {
      signer = await this.#context.keys.epochSigner(epoch, this.#secrets.get(epoch))
      this.#signers.set(epoch, signer)
    }
    return signer
  }

  /** True where this node holds the key that speaks for a seat. */
  async holds(epoch: number, epochKey: Uint8Array): Promise<boolean> {
    return equal((await this.signer(epoch)).publicKey, epochKey)
  }

  /** From now on this node votes in another neighborhood, which is in this epoch: what it said elsewhere, it will never say again. */
  moveTo(post: Uint8Array, epoch: number): void {
    this.#post = post
    this.forgetBefore(post, epoch)
  }

  /** A neighborhood has begun an epoch: if this node votes there, those before it are over for good. */
  forgetBefore(nid: Uint8Array, epoch: number): void {
    if (!equal(nid, this.#post)) return
    for (const past of [...this.#secrets.keys()].filter((each) => each < epoch)) {
      this.#secrets.get(past)?.fill(0)
      this.#secrets.delete(past)
      this.#writes.push({ space: EPOCH_SECRETS, key: keyOf(past), value: null })
    }
    for (const past of [...this.#signers.keys()].filter((each) => each < epoch)) this.#signers.delete(past)
  }

  /** What is to be stored with a turn of that neighborhood: what it asked for is on the disk before it is named there. */
  takeWrites(nid: Uint8Array): Write[] {
    if (!equal(nid, this.#post)) return []
    const writes = this.#writes
    this.#writes = []
    return writes
  }

  #prepare(epoch: number): void {
    if (this.#secrets.has(epoch)) return
    const secret = this.#context.random.bytes(SECRET_BYTES)
    this.#secrets.set(epoch, secret)
    this.#signers.delete(epoch)
    this.#writes.push({ space: EPOCH_SECRETS, key: keyOf(epoch), value: secret.slice() })
  }
}

function keyOf(epoch: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(epoch))
  return key
}

function numberOf(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(0))
}
