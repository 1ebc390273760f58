/**
 * Makes `test/vectors/keylog.json`: whole logs with what is in force after them, and events that are refused, each with one thing wrong.
 *
 * Run it to write the file anew: `node test/kit/keylog-vectors.ts > test/vectors/keylog.json`.
 */

import { toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import type { Code } from '../../src/core/errors.ts'
import { type KeyEvent, keyEventBody, keyEventBytes, keyEventMessage } from '../../src/identity/keylog-event.ts'
import { DELAY_SECONDS, HOUR_MS, LogOwner, pairOf, promise, publicKeys, signedEvent, witnessed } from './keylog.ts'
import { type OracleState, oracleState } from './keylog-oracle.ts'
import type { Pair } from './people.ts'
import './wasm.ts'

export interface KeyLogVectors {
  readonly about: string
  readonly logs: readonly {
    readonly name: string
    readonly nowMs: number
    /** When the first event was witnessed, each later one an hour after; null: none was. */
    readonly witnessedFromMs: number | null
    readonly events: readonly string[]
    readonly state: OracleState
  }[]
  readonly refused: readonly { name: string; code: Code; events: readonly string[]; event: string }[]
}

const ABOUT = [
  'Golden key logs of webx protocol 1: encoded envelopes in hexadecimal, and what is in force after them at nowMs. The private key number n is the 4-byte',
  'big-endian n followed by 28 zero bytes. "refused": the log is good, the event is not and is refused with this code.',
].join(' ')

const START_MS = 1_790_000_000_000
const DAYS_MS = 86_400_000
const phone = pairOf(800_000)
const thief = pairOf(900_000)

/** The vectors of today's code. */
export function keyLogVectors(): KeyLogVectors {
  return { about: ABOUT, logs: goodLogs(), refused: refusedEvents() }
}

function goodLogs(): KeyLogVectors['logs'] {
  const one = new LogOwner()
  one.append(one.delegation(phone.publicKey)).append(one.rotation([phone.publicKey]))
  one.append(one.revocation(phone.publicKey)).append(one.renewal())
  const many = new LogOwner({ from: 2000, kind: 'organization', keys: 3, threshold: 2 })
  many.append(many.delegation(phone.publicKey)).append(many.rotation())
  const lost = new LogOwner({ from: 3000 })
  lost.append(lost.recoveryEvent().bytes)
  const disputed = new LogOwner({ from: 4000 })
  disputed.append(disputed.recoveryEvent().bytes).append(disputed.veto()).append(disputed.recoveryEvent().bytes)
  const plain = new LogOwner({ from: 5000, recovery: false, kind: 'device' })
  const from = { witnessedFromMs: START_MS }
  return [
    log('an inception of one key and nothing else', plain, 0),
    log('delegation, rotation that keeps it, revocation, rotation with new recovery keys', one, 0),
    log('two of three: delegation, rotation that ends it', many, 0),
    log('a recovery that waits', lost, START_MS + HOUR_MS + DAYS_MS - 1, from),
    log('a recovery in force', lost, START_MS + HOUR_MS + DAYS_MS, from),
    log('a recovery that nobody witnessed', lost, START_MS + 1000 * DAYS_MS),
    log(
      'a second recovery after a veto, before three delays',
      disputed,
      START_MS + 3 * HOUR_MS + 3 * DAYS_MS - 1,
      from,
    ),
    log('a second recovery after a veto, in force', disputed, START_MS + 3 * HOUR_MS + 3 * DAYS_MS, from),
  ]
}

function log(name: string, { events }: LogOwner, nowMs: number, { witnessedFromMs = null as number | null } = {}) {
  const seen = witnessedFromMs === null ? undefined : witnessed(events, witnessedFromMs)
  return { name, nowMs, witnessedFromMs, events: events.map(toHex), state: oracleState(events, nowMs, seen) }
}

function refusedEvents(): KeyLogVectors['refused'] {
  const owner = new LogOwner()
  owner.append(owner.delegation(phone.publicKey)).append(owner.rotation([phone.publicKey]))
  const firm = new LogOwner({ from: 2000, keys: 3, threshold: 2 })
  const waiting = owner.copy()
  waiting.append(waiting.recoveryEvent().bytes)
  const revoked = owner.copy().append(owner.revocation(phone.publicKey))
  const retired = Object.assign(owner.copy(), { keys: [pairOf(1000)] })
  const [current, next] = [owner.keys[0] as Pair, owner.next[0] as Pair]
  const link = owner.link()
  const revoking = { event: 'revocation', ...link, key: phone.publicKey, reason: 'stolen' } as const
  const body = keyEventBody(revoking)
  const changed = (more: object): Uint8Array => signedEvent({ ...revoking, ...more } as KeyEvent, owner.keys)
  const good = decodeEnvelope(changed({}))
  const rotation = (to: Pair, by: Pair): Uint8Array => {
    const more = { keys: publicKeys([to]), next: promise([pairOf(1)]), kept: [], renewal: null }
    return signedEvent({ event: 'rotation', ...link, ...more }, [by])
  }
  const signature = (firm.keys[0] as Pair).sign(keyEventMessage(keyEventBody({ event: 'veto', ...firm.link() })))
  const firmly = { event: 'delegation', ...firm.link(), delegation: delegationOf(phone) } as const
  const shared = decodeEnvelope(signedEvent(firmly, firm.keys, [0, 1]))
  const first = (firm.keys[0] as Pair).sign(keyEventMessage(shared.body))
  const twice = encodeEnvelope({
    ...shared,
    attachment: encode([
      [0, first],
      [0, first],
    ]),
  })
  const raw = (value: Parameters<typeof encode>[0], by = current): Uint8Array =>
    keyEventBytes(encode(value), by.sign(keyEventMessage(encode(value))))
  const small = Uint8Array.of(1, ...new Uint8Array(31))
  const at = (name: string, code: Code, event: Uint8Array, log: Pick<LogOwner, 'events'> = owner) => {
    return { name, code, events: log.events.map(toHex), event: toHex(event) }
  }
  const [nobody, nothing, another] = [{ events: [] }, new Uint8Array(0), new Uint8Array(32).fill(3)]
  const place = [link.position, link.id, link.previous] as const
  return [
    at('rotation to a key that was not promised', 'key-not-committed', rotation(thief, thief)),
    at('rotation signed by the current key', 'bad-signature', rotation(next, current)),
    at('rotation signed by a delegated key', 'delegated-key', rotation(next, phone)),
    at('rotation to a key of small order', 'bad-key', rotation({ ...thief, publicKey: small }, thief)),
    at('rotation that promises a retired key', 'key-reused', owner.copy().rotation([], [pairOf(1000)])),
    at('rotation that keeps a key that is not delegated', 'not-delegated', owner.copy().rotation([thief.publicKey])),
    at('revocation by a retired key', 'retired-key', retired.revocation(phone.publicKey)),
    at('revocation by a stranger', 'bad-signature', keyEventBytes(body, thief.sign(keyEventMessage(body)))),
    at('not signed', 'bad-signature', encodeEnvelope({ ...good, signature: new Uint8Array(0) })),
    at('something attached where one key signs', 'bad-shape', encodeEnvelope({ ...good, attachment: encode([]) })),
    at('scope of a net', 'bad-identity', encodeEnvelope({ ...good, scope: new Uint8Array(32).fill(9) })),
    at('another identity', 'wrong-identity', changed({ id: firm.state().id })),
    at('a position too far', 'wrong-position', changed({ position: link.position + 1 })),
    at('another event before', 'wrong-previous', changed({ previous: new Uint8Array(32) })),
    at('a second inception', 'wrong-position', owner.events[0] as Uint8Array),
    at('a delegated key that is promised', 'key-shown-early', owner.delegation(next.publicKey)),
    at("a delegated key that is the identity's own", 'key-reused', owner.delegation(current.publicKey)),
    at('a revoked key is delegated again', 'revoked-key', revoked.delegation(phone.publicKey), revoked),
    at('a scope that no delegated key may have', 'bad-scope', raw([2, ...place, ...delegationFieldsOf(['rotate'])])),
    at('scopes out of order', 'bad-scope', raw([2, ...place, ...delegationFieldsOf(['pay', 'open'])])),
    at('a reason that is none', 'bad-shape', raw([3, ...place, phone.publicKey, 4])),
    at('a field too many', 'bad-shape', raw([3, ...place, phone.publicKey, 0, 0])),
    at('kept keys out of order', 'bad-shape', raw([1, ...place, [next.publicKey], [small], 1, keptBadly(), []], next)),
    at('a threshold of nobody', 'bad-shape', raw([1, ...place, [next.publicKey], [small], 0, [], []], next)),
    at('an extension that says nothing', 'bad-shape', extended([[], nothing, nothing]), nobody),
    at('a recovery that gives nobody time', 'bad-shape', extended([[[another], 1, 59], nothing, nothing]), nobody),
    at('an event of the future', 'unsupported-key-event', raw([6, ...place])),
    at('recovery by a key that was not promised', 'key-not-committed', strange(owner).recoveryEvent().bytes),
    at('recovery of an identity that has no recovery keys', 'no-recovery', ...bare()),
    at('a rotation while a recovery waits', 'recovery-pending', waiting.copy().rotation(), waiting),
    at('a veto of nothing', 'nothing-to-veto', owner.veto()),
    at('one signature of two', 'too-few-signatures', signedEvent(firmly, firm.keys, [1]), firm),
    at('one signature twice', 'repeated-signer', twice, firm),
    at('a signature over something else', 'bad-signature', otherwise(shared, first, signature), firm),
  ]
}

/** Two keys in descending order. */
function keptBadly(): Uint8Array[] {
  return [new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)]
}

/** An inception with an extension of somebody's choice. */
function extended(extension: Parameters<typeof encode>[0]): Uint8Array {
  const { digests } = promise([pairOf(2)])
  const body = encode([0, 0, 0, [pairOf(1).publicKey], 1, digests, 1, new Uint8Array(16), extension])
  return keyEventBytes(body, pairOf(1).sign(keyEventMessage(body)))
}

function otherwise(shared: ReturnType<typeof decodeEnvelope>, first: Uint8Array, signature: Uint8Array): Uint8Array {
  const pairs = [
    [0, first],
    [1, signature],
  ]
  return encodeEnvelope({ ...shared, attachment: encode(pairs) })
}

function strange(owner: LogOwner): LogOwner {
  return Object.assign(owner.copy(), { recovery: [thief] })
}

function bare(): [Uint8Array, LogOwner] {
  const owner = new LogOwner({ from: 6000, recovery: false })
  return [strange(owner).recoveryEvent().bytes, owner]
}

function delegationOf({ publicKey: key }: Pair) {
  const limits = { amountPerDayMax: null, usesMax: null, expiresMs: DELAY_SECONDS * 1000 }
  return { delegate: new Uint8Array(32), key, scopes: ['pay'], ...limits }
}

function delegationFieldsOf(scopes: string[]) {
  return [new Uint8Array(32), phone.publicKey, scopes, [], [], 1000]
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(keyLogVectors(), null, 2)}\n`)
