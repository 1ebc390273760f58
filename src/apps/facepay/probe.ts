/**
 * The probe: one embedding, rotated by a secret that only the terminal and one device share, sealed to that device.
 *
 * The rotation keeps angles, so the device compares after turning its own templates the same way; it makes what leaks from two devices unlinkable, but hides nothing
 * from the device itself: whoever may open a probe holds something as good as a photograph. That is why devices are few, known by name, asked by rate, and keep a log.
 */

import { concat, fromText } from '../../core/bytes.ts'
import type { Cbor } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { type AgreementHalf, HPKE_TAG_LENGTH, type HpkeSender, setupReceiver, setupSender } from '../../core/hpke.ts'
import { Fields } from '../../core/shape.ts'
import type { AgreementKey } from '../../kernel/ports.ts'
import { matchesAny, quantize, rotate } from '../../wasm/match.ts'
import { TERMS_BYTES_MAX } from './terms.ts'

/** Numbers in an embedding; every probe has this size. */
export const EMBEDDING_LENGTH = 512

/** What a PROBE frame carries. */
export interface Probe {
  /** Encoded terms. */
  readonly terms: Uint8Array
  /** 16 bytes: which check-in it is for. */
  readonly pseudonym: Uint8Array
  /** 32-byte X25519 key of the terminal, made for this payment, that the answer is sealed to. */
  readonly answerKey: Uint8Array
  /** 32 bytes of HPKE. */
  readonly enc: Uint8Array
  readonly ciphertext: Uint8Array
}

/** Payload of a PROBE frame. */
export function probePayload(probe: Probe): Cbor {
  return [probe.terms, probe.pseudonym, probe.answerKey, probe.enc, probe.ciphertext]
}

/** Throws `bad-shape`. */
export function readProbe(payload: Cbor): Probe {
  const fields = new Fields('probe', payload)
  const probe = {
    terms: fields.bytesBetween('terms', 1, TERMS_BYTES_MAX).slice(),
    pseudonym: fields.bytes('pseudonym', 16).slice(),
    answerKey: fields.bytes('answerKey', 32).slice(),
    enc: fields.bytes('enc', 32),
    ciphertext: fields.bytes('ciphertext', EMBEDDING_LENGTH + HPKE_TAG_LENGTH),
  }
  fields.end()
  return probe
}

/** To whom and for what a probe is sealed. */
export interface ProbeBinding {
  readonly reference: Uint8Array
  readonly pseudonym: Uint8Array
}

/** Seals an embedding for one device. `ephemeral` is used up; nothing of the rotated embedding stays behind. */
export function sealProbe(
  embedding: Float32Array,
  deviceKey: Uint8Array,
  ephemeral: AgreementKey,
  binding: ProbeBinding,
): Pick<Probe, 'enc' | 'ciphertext'> {
  let sender: HpkeSender | null = null
  let probe: Int8Array | null = null
  try {
    sender = setupSender(deviceKey, ephemeral, probeInfo(binding))
    probe = rotated(embedding, sender.exportSecret(ROTATION, ROTATION_BYTES))
    const plaintext = new Uint8Array(probe.buffer, probe.byteOffset, probe.length)
    return { enc: sender.enc, ciphertext: sender.seal(plaintext) }
  } finally {
    probe?.fill(0)
    sender?.wipe()
    ephemeral.wipe()
  }
}

/**
 * Opens a probe and compares it with a person's templates, in a time that depends on neither. All that comes out is the verdict; the probe and the rotated templates
 * are wiped. Throws `tampered` where it does not open, `bad-key` for a crafted key.
 *
 * @param templates unit vectors of `EMBEDDING_LENGTH` numbers
 * @param cosineMin least cosine that counts as the same person
 */
export function matchProbe(
  probe: Pick<Probe, 'enc' | 'ciphertext'>,
  checkinKey: AgreementHalf,
  binding: ProbeBinding,
  templates: readonly Float32Array[],
  cosineMin: number,
): boolean {
  const receiver = setupReceiver(probe.enc, checkinKey, probeInfo(binding))
  const opened: (Uint8Array | Int8Array)[] = []
  try {
    const plaintext = receiver.open(probe.ciphertext)
    opened.push(plaintext)
    const signs = receiver.exportSecret(ROTATION, ROTATION_BYTES)
    const turned = templates.map((template) => rotated(template, signs.slice()))
    opened.push(signs, ...turned)
    return matchesAny(new Int8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length), turned, cosineMin)
  } finally {
    for (const secret of opened) secret.fill(0)
    receiver.wipe()
  }
}

const ROTATION = fromText('webx facepay rotation v1')
/** Three rounds of one sign for each number. */
const ROTATION_BYTES = (3 * EMBEDDING_LENGTH) / 8

function probeInfo(binding: ProbeBinding): Uint8Array {
  return concat(fromText('webx facepay probe v1'), binding.reference, binding.pseudonym)
}

/** The vector turned and quantized; wipes `signs` and what lies between. */
function rotated(vector: Float32Array, signs: Uint8Array): Int8Array {
  if (vector.length !== EMBEDDING_LENGTH) {
    throw new WebxError('bad-argument', `embedding: expected ${EMBEDDING_LENGTH} numbers, got ${vector.length}`)
  }
  const turned = rotate(vector, signs)
  try {
    return quantize(turned)
  } catch (cause) {
    throw new WebxError('bad-argument', 'embedding: it has no direction', { cause })
  } finally {
    turned.fill(0)
    signs.fill(0)
  }
}
