/**
 * Fiat–Shamir: the challenges of a proof are digests of everything said before, so that nobody has to ask them.
 *
 * The chain is BLAKE3 in derive_key mode over canonical CBOR, which tells labels and lengths apart. Every proof begins with its protocol, the
 * generators and the context: who may check it, their fresh nonce, what for, and under which ping. A proof that is shown to anybody else, again,
 * or under another statement answers other challenges and is refused (the strong form of Bernhard, Pereira and Warinschi 2012).
 */

import { assertBytes } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { deriveKey } from '../wasm/hash.ts'
import { reduce } from './scalar.ts'

/** What a proof is made for; it says nothing to anybody under another one. */
export interface ProofContext {
  /** 32-byte identity of who checks. */
  readonly audience: Uint8Array
  /** 16 to 64 bytes that the audience chose afresh. */
  readonly nonce: Uint8Array
  /** Why the statement is asked for, such as `age`. */
  readonly purpose: string
  /** Id of the ping under which it is asked for, up to 32 bytes; empty where there is none. */
  readonly ping: Uint8Array
}

const IDENTITY_BYTES = 32
const STATE_BYTES = 32

/** A running conversation of prover and verifier; both feed it the same and get the same challenges. */
export class Transcript {
  #state: Uint8Array
  #said: Cbor[] = []

  /**
   * @param protocol name and version of the proof
   * @param context throws `bad-argument` where a field is out of its bounds
   * @param generators encodings of the points that the proof calculates with
   */
  constructor(protocol: string, context: ProofContext, generators: readonly Uint8Array[]) {
    this.#state = new Uint8Array(STATE_BYTES)
    const { audience, nonce, purpose, ping } = checked(context)
    this.say('protocol', protocol)
    this.say('context', [audience, nonce, purpose, ping])
    this.say('generators', generators)
  }

  /** Adds what has been said; nothing that the proof depends on may be left out. */
  say(label: string, value: Cbor): void {
    this.#said.push([label, value])
  }

  /** The challenge at this point of the conversation, which it becomes part of. Never zero. */
  challenge(label: string): bigint {
    this.#state = blake3Of('webx v1 proof transcript', encode([this.#state, this.#said, label]))
    this.#said = []
    const value = reduce(deriveKey('webx v1 proof challenge', this.#state, 64))
    if (value === 0n) throw new WebxError('bad-proof', 'the digest of the conversation is a multiple of L')
    return value
  }

  /** The conversation so far as 32 bytes, for challenges that branch off from here. */
  state(label: string): Uint8Array {
    this.#state = blake3Of('webx v1 proof transcript', encode([this.#state, this.#said, label]))
    this.#said = []
    return this.#state
  }
}

function checked(context: ProofContext): ProofContext {
  const { audience, nonce, purpose, ping } = context
  assertBytes('audience', audience, IDENTITY_BYTES)
  if (nonce.length < LIMITS.proofNonceBytesMin || nonce.length > LIMITS.proofNonceBytesMax) {
    throw new WebxError('bad-argument', `nonce: ${nonce.length} bytes, expected 16 to 64`)
  }
  if (purpose.length > LIMITS.proofPurposeCharactersMax) throw new WebxError('bad-argument', 'purpose is too long')
  if (ping.length > LIMITS.proofPingBytesMax) throw new WebxError('bad-argument', 'ping: more than 32 bytes')
  return context
}
