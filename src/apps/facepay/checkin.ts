/**
 * Check-in: a shopper's device tells one terminal that it is in the shop and under which key and pseudonym it can be asked.
 *
 * By name, the frame is signed by the shopper's identity, so the terminal, and whoever listens at the broker, learns who is there. Anonymously, it is signed by a guest
 * made for this stay, with a proof that some enrolled shopper stands behind it (`ring-proof.ts`). Key and pseudonym are new for every check-in. A lifetime of zero checks out.
 */

import type { Cbor } from '../../core/codec.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { type RingProof, readRingProof, ringProofField } from './ring-proof.ts'

/** What a device says of itself to a terminal. */
export interface Checkin {
  /** 16 random bytes. */
  readonly pseudonym: Uint8Array
  /** 32-byte X25519 key that probes are sealed to. */
  readonly key: Uint8Array
  readonly lifetimeMs: number
  /** Name of the face model that its templates are of; templates of different models cannot be compared. */
  readonly model: string
  /** Which ring it is of; null by name. */
  readonly ring: RingProof | null
}

/** A device at the till. */
export interface Candidate extends Checkin {
  /** 32-byte identity of the device, or of its guest. */
  readonly id: Uint8Array
  readonly expiresMs: number
}

/** Longest name of a face model. */
export const MODEL_CHARACTERS_MAX = 64

/** Payload of a CHECKIN frame. */
export function checkinPayload(checkin: Checkin): Cbor {
  const { pseudonym, key, lifetimeMs, model, ring } = checkin
  return [pseudonym, key, lifetimeMs, model, ringProofField(ring)]
}

/** Throws `bad-shape`. */
export function readCheckin(payload: Cbor): Checkin {
  const fields = new Fields('check-in', payload)
  const checkin = {
    pseudonym: fields.bytes('pseudonym', 16).slice(),
    key: fields.bytes('key', 32).slice(),
    lifetimeMs: fields.uint('lifetimeMs', LIMITS.checkinMsMax),
    model: fields.text('model', MODEL_CHARACTERS_MAX),
    ring: readRingProof(fields.any('ring')),
  }
  fields.end()
  return checkin
}
