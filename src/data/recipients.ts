/**
 * Who can open a .qnt: its content key, wrapped to every recipient's public key.
 *
 * HPKE base mode (RFC 9180) over X-Wing, which recorded traffic will outlive no quantum computer, or over X25519 where devices are small; in the shape of COSE-HPKE
 * (draft-ietf-cose-hpke): what a wrapping is bound to stands in HPKE's `info`. A recipient is found by a hint that differs from file to file and from key epoch to key
 * epoch, and decoys are wrappings to nobody. Whoever already knows a public key can still ask whether it is among the recipients.
 */

import { assertBytes, compare, concat, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { type AgreementHalf, receiverOf, senderOf, setupReceiver, setupSender } from '../core/hpke.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import {
  latticePublicKey,
  XWING_ENC_LENGTH,
  XWING_PUBLIC_KEY_LENGTH,
  type XWingHalf,
  xwingDecapsulate,
  xwingEncapsulate,
  xwingPublicKey,
} from '../core/xwing.ts'

/** How a content key is wrapped. */
export type RecipientSuite = 'x25519' | 'x-wing'

/** Somebody to wrap to: 32 bytes of an X25519 key, or 1216 of an X-Wing key. */
export interface RecipientKey {
  readonly suite: RecipientSuite
  readonly publicKey: Uint8Array
}

/** Somebody who may be a recipient: the private half, or both of them. */
export type Holder =
  | { readonly suite: 'x25519'; readonly half: AgreementHalf }
  | { readonly suite: 'x-wing'; readonly half: XWingHalf }

/** One wrapped content key, or a decoy. */
export interface Recipient {
  readonly suite: RecipientSuite
  /** 8 bytes by which its holder finds it. */
  readonly hint: Uint8Array
  /** 32 or 1120 bytes. */
  readonly enc: Uint8Array
  /** The content key and a tag, 48 bytes. */
  readonly ciphertext: Uint8Array
}

/** The file and the epoch of its key that a wrapping is good for. */
export interface KeyBinding {
  /** 32 bytes. */
  readonly dataId: Uint8Array
  readonly keyEpoch: number
}

/** Chance, handed in. */
export interface Chance {
  /** So many random bytes. */
  random(length: number): Uint8Array
  /** A new X25519 key, for one use. */
  ephemeral(): AgreementHalf
}

/**
 * The recipients of a content key, ascending by hint, with a decoy for each suite named in `decoys`.
 *
 * @throws WebxError `limit` for more than `qntRecipientsMax`, `bad-argument` where one stands twice, `bad-key` for a public key that is none
 */
export function wrapKeyToAll(
  contentKey: Uint8Array,
  keys: readonly RecipientKey[],
  decoys: readonly RecipientSuite[],
  binding: KeyBinding,
  chance: Chance,
): Recipient[] {
  if (keys.length + decoys.length > LIMITS.qntRecipientsMax) {
    throw new WebxError('limit', `a file has at most ${LIMITS.qntRecipientsMax} recipients, decoys among them`)
  }
  const recipients = keys.map((key) => wrapKey(contentKey, key, binding, chance))
  for (const suite of decoys) recipients.push(decoyRecipient(suite, binding, chance))
  return inOrder(recipients)
}

/**
 * The recipients of a content key and more of them, under the same key and epoch: what there is stays as it is.
 *
 * @throws WebxError as `wrapKeyToAll`; `bad-argument` also for one that is a recipient already
 */
export function addRecipients(
  held: readonly Recipient[],
  contentKey: Uint8Array,
  keys: readonly RecipientKey[],
  binding: KeyBinding,
  chance: Chance,
): Recipient[] {
  if (held.length + keys.length > LIMITS.qntRecipientsMax) {
    throw new WebxError('limit', `a file has at most ${LIMITS.qntRecipientsMax} recipients, decoys among them`)
  }
  return inOrder([...held, ...keys.map((key) => wrapKey(contentKey, key, binding, chance))])
}

/** Wraps a content key (32 bytes) to one public key. Throws `bad-argument` for other lengths, `bad-key` for a public key that is none. */
export function wrapKey(contentKey: Uint8Array, key: RecipientKey, binding: KeyBinding, chance: Chance): Recipient {
  assertBytes('content key', contentKey, CONTENT_KEY_LENGTH)
  assertBytes('recipient public key', key.publicKey, PUBLIC_KEY_LENGTH[key.suite])
  const info = infoOf(key.suite, binding)
  const sender =
    key.suite === 'x25519'
      ? setupSender(key.publicKey, chance.ephemeral(), info)
      : senderOf(xwingEncapsulate(key.publicKey, chance.random(32), chance.ephemeral()), info)
  const ciphertext = sender.seal(contentKey)
  sender.wipe()
  return { suite: key.suite, hint: hintOf(key, binding), enc: sender.enc, ciphertext }
}

/** A random key, wrapped to a key that nobody holds: made as a true wrapping is, since random bytes can be told from public keys and from lattice ciphertexts. */
export function decoyRecipient(suite: RecipientSuite, binding: KeyBinding, chance: Chance): Recipient {
  const curveKey = chance.ephemeral().publicKey
  const publicKey = suite === 'x25519' ? curveKey : concat(latticePublicKey(chance.random(64)), curveKey)
  return wrapKey(chance.random(CONTENT_KEY_LENGTH), { suite, publicKey }, binding, chance)
}

/**
 * The content key (32 bytes), where it is wrapped to `holder`; null where it is not. The caller checks it against the manifest's commitment and wipes it.
 *
 * @throws WebxError `tampered` for a recipient that is the holder's and does not open, `bad-key`
 */
export function unwrapKey(recipients: readonly Recipient[], holder: Holder, binding: KeyBinding): Uint8Array | null {
  const mine = recipientOf(recipients, publicKeyOf(holder), binding)
  if (mine === null) return null
  const info = infoOf(holder.suite, binding)
  const receiver =
    holder.suite === 'x25519'
      ? setupReceiver(mine.enc, holder.half, info)
      : receiverOf(xwingDecapsulate(mine.enc, holder.half), info)
  try {
    return receiver.open(mine.ciphertext)
  } finally {
    receiver.wipe()
  }
}

/** What was wrapped to a public key, where its hint is among the recipients'; null where it is not. */
export function recipientOf(
  recipients: readonly Recipient[],
  key: RecipientKey,
  binding: KeyBinding,
): Recipient | null {
  const hint = hintOf(key, binding)
  return recipients.find(({ suite, hint: one }) => suite === key.suite && equal(one, hint)) ?? null
}

/** The public key that a holder answers to. */
export function publicKeyOf(holder: Holder): RecipientKey {
  const publicKey = holder.suite === 'x25519' ? holder.half.publicKey : xwingPublicKey(holder.half)
  return { suite: holder.suite, publicKey }
}

/** A recipient as it stands in a manifest: `[suite, hint, enc, ciphertext]`. */
export function recipientCbor({ suite, hint, enc, ciphertext }: Recipient): Cbor {
  return [SUITES.indexOf(suite) + 1, hint, enc, ciphertext]
}

/** The recipients of a manifest. Throws `bad-shape` for another suite, other lengths, and hints that do not ascend. */
export function readRecipients(fields: Fields): Recipient[] {
  const recipients = fields.list('recipients', LIMITS.qntRecipientsMax, readRecipient)
  if (!ascend(recipients)) throw new WebxError('bad-shape', 'manifest: hints of recipients ascend')
  return recipients
}

const SUITES: readonly RecipientSuite[] = ['x25519', 'x-wing']
const PUBLIC_KEY_LENGTH = { x25519: 32, 'x-wing': XWING_PUBLIC_KEY_LENGTH }
const ENC_LENGTH = { x25519: 32, 'x-wing': XWING_ENC_LENGTH }
const CONTENT_KEY_LENGTH = 32
const CIPHERTEXT_LENGTH = 48
const HINT_LENGTH = 8

function readRecipient(value: Cbor): Recipient {
  const fields = new Fields('recipient', value)
  const suite = SUITES[fields.uint('suite', SUITES.length) - 1]
  if (suite === undefined) throw new WebxError('bad-shape', 'recipient: suite 0 is not in use')
  const recipient = {
    suite,
    hint: fields.bytes('hint', HINT_LENGTH),
    enc: fields.bytes('enc', ENC_LENGTH[suite]),
    ciphertext: fields.bytes('ciphertext', CIPHERTEXT_LENGTH),
  }
  fields.end()
  return recipient
}

function inOrder(recipients: Recipient[]): Recipient[] {
  recipients.sort((a, b) => compare(a.hint, b.hint))
  if (!ascend(recipients)) throw new WebxError('bad-argument', 'recipients: one of them stands twice')
  return recipients
}

function ascend(recipients: readonly Recipient[]): boolean {
  return recipients.every(({ hint }, i) => i === 0 || compare((recipients[i - 1] as Recipient).hint, hint) < 0)
}

function hintOf({ suite, publicKey }: RecipientKey, { dataId, keyEpoch }: KeyBinding): Uint8Array {
  const seen = encode([dataId, keyEpoch, SUITES.indexOf(suite) + 1, publicKey])
  return blake3Of('webx v1 qnt hint', seen).subarray(0, HINT_LENGTH)
}

/** What HPKE binds a wrapping to: no other file, epoch or suite opens it. */
function infoOf(suite: RecipientSuite, { dataId, keyEpoch }: KeyBinding): Uint8Array {
  assertBytes('data id', dataId, 32)
  return encode(['webx v1 qnt recipient', SUITES.indexOf(suite) + 1, dataId, keyEpoch])
}
