/**
 * The answer of a device to a probe, and the terminal's selection of one claim.
 *
 * Every answer has the same size and is sealed to the terminal's key of this payment, so nobody else can tell a claim from a “no”. There is no score in it. A claim
 * is not an order: money moves only after the terminal's signed SELECT.
 */

import { concat, equalConstantTime, fromText } from '../../core/bytes.ts'
import type { Cbor } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { type AgreementHalf, HPKE_TAG_LENGTH, setupReceiver, setupSender } from '../../core/hpke.ts'
import { Fields } from '../../core/shape.ts'
import type { AgreementKey } from '../../kernel/ports.ts'
import type { ProbeBinding } from './probe.ts'
import { challengeOf } from './terms.ts'

/** `claim`: it is me and I will pay; `ask`: it is me, and I must confirm it by hand first; `no`: not me, or I will not. */
export const VERDICTS = ['no', 'claim', 'ask'] as const
export type Verdict = (typeof VERDICTS)[number]

/** What an ANSWER frame carries. */
export interface Answer extends ProbeBinding {
  readonly enc: Uint8Array
  readonly ciphertext: Uint8Array
}

/** What is in an answer. */
export interface Said {
  readonly verdict: Verdict
  /** 32-byte account that will pay; zeros in a “no”. */
  readonly account: Uint8Array
}

/** Verdict, account, challenge. */
const PLAINTEXT_LENGTH = 1 + 32 + 32

/**
 * Makes ready to answer: what comes back makes the payload of one ANSWER frame. Throws `bad-key` for a crafted key, so that this is known before a face is compared.
 * `ephemeral` is used up.
 */
export function prepareAnswer(
  binding: ProbeBinding,
  answerKey: Uint8Array,
  ephemeral: AgreementKey,
): (said: Said) => Cbor {
  try {
    const sender = setupSender(answerKey, ephemeral, answerInfo(binding))
    return ({ verdict, account }) => {
      const shown = verdict === 'no' ? new Uint8Array(32) : account
      const plaintext = concat(Uint8Array.of(VERDICTS.indexOf(verdict)), shown, challengeOf(binding.reference))
      const ciphertext = sender.seal(plaintext)
      sender.wipe()
      return [binding.reference, binding.pseudonym, sender.enc, ciphertext]
    }
  } finally {
    ephemeral.wipe()
  }
}

/** Throws `bad-shape`. */
export function readAnswer(payload: Cbor): Answer {
  const fields = new Fields('answer', payload)
  const answer = {
    reference: fields.bytes('reference', 32),
    pseudonym: fields.bytes('pseudonym', 16),
    enc: fields.bytes('enc', 32),
    ciphertext: fields.bytes('ciphertext', PLAINTEXT_LENGTH + HPKE_TAG_LENGTH),
  }
  fields.end()
  return answer
}

/** What an answer says. Throws `tampered` where it does not open or echoes another challenge, `bad-shape` for a verdict that is none. */
export function openAnswer(answer: Answer, answerKey: AgreementHalf): Said {
  const receiver = setupReceiver(answer.enc, answerKey, answerInfo(answer))
  try {
    const plaintext = receiver.open(answer.ciphertext)
    const verdict = VERDICTS[plaintext[0] as number]
    if (!verdict) throw new WebxError('bad-shape', 'answer: unknown verdict')
    if (!equalConstantTime(plaintext.subarray(33), challengeOf(answer.reference))) {
      throw new WebxError('tampered', 'answer: it echoes another challenge')
    }
    return { verdict, account: plaintext.slice(1, 33) }
  } finally {
    receiver.wipe()
  }
}

/** Payload of a SELECT frame. */
export function selectPayload(binding: ProbeBinding): Cbor {
  return [binding.reference, binding.pseudonym]
}

/** Throws `bad-shape`. */
export function readSelect(payload: Cbor): ProbeBinding {
  const fields = new Fields('select', payload)
  const binding = { reference: fields.bytes('reference', 32), pseudonym: fields.bytes('pseudonym', 16) }
  fields.end()
  return binding
}

function answerInfo(binding: ProbeBinding): Uint8Array {
  return concat(fromText('webx facepay answer v1'), binding.reference, binding.pseudonym)
}
