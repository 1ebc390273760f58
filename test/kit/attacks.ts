/** What hostile bytes are made like: each class says how, and under which code a node must refuse it. */

import fc from 'fast-check'
import { concat, fromText } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { Attack, Scene } from './hostile.ts'
import { LIE_NAMES, liar } from './lies.ts'
import { randomReference } from './node.ts'
import { makePair, makePerson } from './people.ts'
import {
  FRAME_NAMES,
  type FrameName,
  frameOf,
  isStatement,
  resigned,
  SPECIMEN_NAMES,
  type Specimen,
  type SpecimenName,
  STATEMENT_NAMES,
  type StatementName,
  specimen,
} from './specimens.ts'
import { malleated } from './wire.ts'

/** A class of hostile messages: what fast-check chooses, and the message that it makes of it. */
export interface AttackClass {
  readonly name: string
  readonly choice: fc.Arbitrary<Choice>
  build(scene: Scene, choice: Choice): Attack
}

/** What a counterexample shows. */
export interface Choice {
  readonly what: string
  readonly n: number
  readonly m: number
  readonly junk: Uint8Array
}

const NOT_CANONICAL = ['refused.not-canonical']
const ENVELOPE_FLIPS = ['not-canonical', 'bad-shape', 'bad-version', 'unknown-type', 'wrong-topic', 'wrong-net']
const FRAME_FLIPS = ['bad-signature', 'unknown-sender', 'expired', 'from-the-future', 'replayed']
/** What one flipped bit may come to, beside what it may do to any envelope. */
const FLIPS: Readonly<Record<StatementName, readonly string[]>> = {
  order: ['bad-signature'],
  votes: ['bad-signature', 'wrong-epoch', 'unknown-sender', 'tampered'],
  certificate: ['bad-signature', 'wrong-epoch', 'unknown-sender', 'bad-certificate'],
  settlement: ['bad-signature', 'wrong-epoch', 'unknown-sender', 'bad-certificate'],
  evidence: ['bad-signature', 'wrong-epoch', 'unknown-sender', 'bad-key', 'bad-identity', 'unsupported-key-event'],
  'key-event': ['bad-signature', 'bad-identity'],
}
/** An order whose owner or home has flipped is another one's, and not broken by itself. */
const ORDER_FLIPS = ['order.parked.unknown-owner', 'order.refused.wrong-home']

/** All of them. */
export const ATTACKS: readonly AttackClass[] = [
  attack('truncated', SPECIMEN_NAMES, (scene, { what, n }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    return { ...honest, bytes: bytes.subarray(0, 1 + (n % (bytes.length - 1))), expect: NOT_CANONICAL }
  }),
  attack('bytes after the end', SPECIMEN_NAMES, (scene, { what, junk }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    return { ...honest, bytes: concat(bytes, Uint8Array.of(0), junk), expect: NOT_CANONICAL }
  }),
  attack('one bit flipped', SPECIMEN_NAMES, (scene, { what, n, m }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const at = n % bytes.length
    return { ...honest, bytes: bytes.map((byte, i) => (i === at ? byte ^ (1 << (m % 8)) : byte)), expect: flips(what) }
  }),
  attack('longer forms and other major types', SPECIMEN_NAMES, (scene, { what, n }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const forms: Uint8Array[] = [
      concat(Uint8Array.of(0x98, 7), bytes.subarray(1)),
      concat(Uint8Array.of(0x9f), bytes.subarray(1), Uint8Array.of(0xff)),
      concat(Uint8Array.of(0x87, 0x18, 1), bytes.subarray(2)),
      concat(Uint8Array.of(0x87, 0x1b, 0, 0, 0, 0, 0, 0, 0, 1), bytes.subarray(2)),
      concat(Uint8Array.of(0xc1), bytes),
      concat(Uint8Array.of(0x87, 0x20), bytes.subarray(2)),
      concat(Uint8Array.of(0x87, 0xf9, 0x3c, 0), bytes.subarray(2)),
      concat(Uint8Array.of(0x87, 0xf6), bytes.subarray(2)),
      concat(Uint8Array.of(0xa1, 1), bytes),
      concat(Uint8Array.of(0x87, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0), bytes.subarray(2)),
      concat(Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0), bytes.subarray(1)),
    ]
    return { ...honest, bytes: forms[n % forms.length] as Uint8Array, expect: NOT_CANONICAL }
  }),
  attack('signed, but not canonical inside', FRAME_NAMES, (scene, { what, n }) => {
    const { at, sender, terms } = frameOf(scene, what as FrameName)
    const bodies = [
      (body: Uint8Array) => concat(Uint8Array.of(0x98, 7), body.subarray(1)),
      (body: Uint8Array) => concat(body, Uint8Array.of(0)),
      (body: Uint8Array) => body.subarray(0, body.length - 1),
      (body: Uint8Array) => concat(Uint8Array.of(0xd8, 24), body),
    ]
    const body = bodies[n % bodies.length] as (body: Uint8Array) => Uint8Array
    return { at, topic: terms.topic, bytes: scene.speaker(sender).frame({ ...terms, body }), expect: NOT_CANONICAL }
  }),
  attack('an envelope of the wrong shape', SPECIMEN_NAMES, (scene, { what, n, m }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const fields = [...(decode(bytes) as Cbor[])]
    const at = n % fields.length
    const others: Cbor[] = [true, 'text', [], [[]]]
    if (m % 6 === 4) fields.splice(at, 1)
    else if (m % 6 === 5) fields.push(fields[at] as Cbor)
    else fields[at] = others[m % 4] as Cbor
    // a field that is missing moves a version or suite into another's place
    return { ...honest, bytes: encode(fields), expect: refused('bad-shape', ...(m % 6 === 4 ? ['bad-version'] : [])) }
  }),
  attack('oversized', SPECIMEN_NAMES, (scene, { what, n }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const envelope = { ...decodeEnvelope(bytes), attachment: new Uint8Array(LIMITS.envelopeBytesMax + (n % 200_000)) }
    return { ...honest, bytes: encodeEnvelope(envelope, 1 << 30), expect: refused('too-long') }
  }),
  attack('something unsigned attached', ['key-event', ...FRAME_NAMES], (scene, { what, junk }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const attachment = concat(Uint8Array.of(0), junk)
    return { ...honest, bytes: encodeEnvelope({ ...decodeEnvelope(bytes), attachment }), expect: refused('bad-shape') }
  }),
  attack('on another topic', SPECIMEN_NAMES, (scene, { what, n }) => {
    const honest = specimen(scene, what as SpecimenName)
    const { topics, committee, guest } = scene
    const kinds = ['vote', 'certificate', 'settlement', 'evidence'].map((kind) => topics.committee(committee.cid, kind))
    const all = [topics.order, topics.sync, topics.to(guest.id), topics.identity(guest.id), 'webx/none', '', ...kinds]
    const others = all.filter((topic) => topic !== honest.topic)
    return { ...honest, topic: others[n % others.length] as string, expect: refused('wrong-topic') }
  }),
  attack(
    'of another net or epoch',
    SPECIMEN_NAMES.filter((name) => name !== 'key-event'),
    (scene, { what, n }) => {
      const honest = specimen(scene, what as SpecimenName)
      const envelope = decodeEnvelope(honest.bytes)
      // the first eight bytes name the topic, so that only the rest of them can get this far
      const scope = envelope.scope.map((byte, i) => (i === 8 + (n % 24) ? byte ^ 1 : byte))
      const ofNet = what === 'order' || !isStatement(what as SpecimenName)
      return {
        ...honest,
        bytes: encodeEnvelope({ ...envelope, scope }),
        expect: refused(ofNet ? 'wrong-net' : 'wrong-epoch'),
      }
    },
  ),
  attack('signed by somebody else', ['order', 'votes', 'key-event', ...FRAME_NAMES], (scene, { what, n }) => {
    const honest = specimen(scene, what as SpecimenName)
    const envelope = decodeEnvelope(honest.bytes)
    const message = signedBytes(envelope.type, envelope.scope, envelope.body)
    const r = envelope.signature.subarray(0, 32)
    const signatures = [
      makePair().sign(message),
      malleated(envelope.signature),
      new Uint8Array(64),
      concat(new Uint8Array(32).fill(0xff), envelope.signature.subarray(32)),
      concat(r, new Uint8Array(32)),
      concat(Uint8Array.of(1), new Uint8Array(63)),
    ]
    const signature = signatures[n % signatures.length] as Uint8Array
    return { ...honest, bytes: encodeEnvelope({ ...envelope, signature }), expect: refused('bad-signature') }
  }),
  attack('without a signature, or with half of one', SPECIMEN_NAMES, (scene, { what, n }) => {
    const honest = specimen(scene, what as SpecimenName)
    const envelope = decodeEnvelope(honest.bytes)
    const length = envelope.signature.length === 0 ? 64 : n % 64
    const isFrame = honest.sender !== null || what === 'key-event'
    const expect = refused(length === 0 && isFrame ? 'bad-signature' : 'bad-shape')
    const fields = [1, 0, envelope.type, envelope.scope, envelope.body, new Uint8Array(length), envelope.attachment]
    return { ...honest, bytes: encode(fields), expect }
  }),
  attack('of another version or cipher suite', SPECIMEN_NAMES, (scene, { what, n, m }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const at = 1 + (m % 2)
    const other = 2 + (n % 22)
    return { ...honest, bytes: bytes.map((byte, i) => (i === at ? other : byte)), expect: refused('bad-version') }
  }),
  attack('of an unknown type', SPECIMEN_NAMES, (scene, { what, n }) => {
    const { bytes, ...honest } = specimen(scene, what as SpecimenName)
    const unknown = [0, 7, 9, 23, 27, 63, 79, 84, 90, 200, 255]
    const type = unknown[n % unknown.length] as number
    return { ...honest, bytes: encodeEnvelope({ ...decodeEnvelope(bytes), type }), expect: refused('unknown-type') }
  }),
  frames('of somebody unknown', (scene, honest) => {
    const stranger = makePerson()
    return { bytes: scene.speaker(stranger).frame(honest.terms), expect: refused('unknown-sender') }
  }),
  frames('expired, from the future, or too long-lived', (scene, { sender, terms }, { n, m }) => {
    const nowMs = scene.world.clock.nowMs()
    const [times, code] = [
      [{ sentMs: nowMs - 1_000 - n, expiresMs: nowMs - (m % 1_000) }, 'expired'] as const,
      [{ sentMs: nowMs + LIMITS.clockSkewMsMax + 1 + n, expiresMs: nowMs + 100_000 + n }, 'from-the-future'] as const,
      [{ sentMs: nowMs, expiresMs: nowMs + LIMITS.frameLifetimeMsMax + 1 + n }, 'bad-shape'] as const,
      [{ sentMs: nowMs + 20_000, expiresMs: nowMs + 1 + (n % 19_000) }, 'bad-shape'] as const,
    ][m % 4] as readonly [{ sentMs: number; expiresMs: number }, string]
    return { bytes: scene.speaker(sender).frame({ ...terms, ...times }), expect: refused(code) }
  }),
  frames('of an earlier boot, or far behind', (scene, { name, sender, terms }, { n, m }) => {
    const speaker = scene.speaker(sender)
    // one that is taken in goes first, with a number from which one can look back
    speaker.sequence += 200
    speak(scene, sender, name === 'health')
    const old = m % 2 === 0 ? { boot: n % 1_000 } : { sequence: Math.max(0, speaker.sequence - 80 - (n % 100)) }
    return { bytes: speaker.frame({ ...terms, ...old }), expect: refused('replayed') }
  }),
  attack('nested too deep, or of too many parts', FRAME_NAMES, (scene, { what, n }) => {
    const { at, sender, terms } = frameOf(scene, what as FrameName)
    const depth = LIMITS.cborDepthMax + (n % 1_000)
    const deep = concat(new Uint8Array(depth).fill(0x81), Uint8Array.of(0))
    const many = concat(Uint8Array.of(0x99, 0x40, 0), new Uint8Array(0x4000))
    const payload = n % 2 === 0 ? deep : many
    // the payload is the last of the seven fields; one that ends in 0 makes room for it
    const body = (honest: Uint8Array): Uint8Array => concat(honest.subarray(0, honest.length - 1), payload)
    const bytes = scene.speaker(sender).frame({ ...terms, payload: 0, body })
    return { at, topic: terms.topic, bytes, expect: NOT_CANONICAL }
  }),
  frames('a payload of the wrong shape', (scene, { name, sender, terms }, { n, m, junk }) => {
    const payload = reshaped(terms.payload, n, m, junk)
    const codes = name === 'probe' ? ['bad-shape', 'not-canonical'] : ['bad-shape']
    // who votes already asks nobody, and does not read answers
    const expect = name === 'batch-answer' ? [] : refused(...codes)
    return { bytes: scene.speaker(sender).frame({ ...terms, payload }), expect }
  }),
  attack('a statement of the wrong shape', STATEMENT_NAMES, (scene, { what, n, m, junk }) => {
    const codes = {
      order: ['refused.bad-shape', 'order.refused.not-canonical', 'order.refused.bad-shape'],
      votes: refused('bad-shape'),
      certificate: refused('bad-shape', 'bad-certificate'),
      settlement: refused('bad-shape', 'bad-certificate'),
      evidence: refused('bad-shape', 'not-canonical'),
      'key-event': refused('bad-shape', 'unsupported-key-event'),
    }[what as StatementName]
    return { ...resigned(scene, what as StatementName, (value) => reshaped(value, n, m, junk)), expect: codes }
  }),
  attack('votes that do not match what was signed', ['votes'], (scene, { n, m, junk }) => {
    const changed = resigned(scene, 'votes', (value) => reshaped(value, n, m, junk), true)
    return { ...changed, expect: refused('bad-shape', 'tampered') }
  }),
  attack('structured noise', SPECIMEN_NAMES, (scene, { what, junk }) => {
    const honest = specimen(scene, what as SpecimenName)
    const { body, ...rest } = decodeEnvelope(honest.bytes)
    const bytes = encodeEnvelope({ ...rest, body: concat(Uint8Array.of(0x80 + (body.length % 24)), junk) } as Envelope)
    const codes = what === 'key-event' ? ['wrong-topic'] : ['not-canonical', 'bad-shape']
    return { ...honest, bytes, expect: refused(...codes) }
  }),
  attack('noise', ['member', 'till', 'device'], (_, { what, n, junk }) => {
    const bytes = concat(Uint8Array.of(n & 255), junk)
    return {
      at: what as Attack['at'],
      topic: 'webx/noise',
      bytes,
      expect: refused('not-canonical', 'bad-shape', 'bad-version'),
    }
  }),
  { name: 'lies', choice: choose(LIE_NAMES), build: (scene, choice) => liar(choice.what)(scene, choice) },
]

type Lie = (scene: Scene, choice: Choice) => Attack
type Made = Pick<Attack, 'bytes' | 'expect'>
type HonestFrame = ReturnType<typeof frameOf> & { readonly name: FrameName }

function attack(name: string, whats: readonly string[], build: Lie): AttackClass {
  return { name, choice: choose(whats), build }
}

/** A class in which every type of frame is made by its sender's voice. */
function frames(name: string, make: (scene: Scene, honest: HonestFrame, choice: Choice) => Made): AttackClass {
  return attack(name, FRAME_NAMES, (scene, choice) => {
    const honest = { ...frameOf(scene, choice.what as FrameName), name: choice.what as FrameName }
    return { at: honest.at, topic: honest.terms.topic, ...make(scene, honest, choice) }
  })
}

function choose(whats: readonly string[]): fc.Arbitrary<Choice> {
  const number = fc.nat({ max: 1_000_000 })
  const junk = fc.uint8Array({ minLength: 0, maxLength: 300 })
  return fc.record({ what: fc.constantFrom(...whats), n: number, m: number, junk })
}

function refused(...codes: readonly string[]): string[] {
  return codes.map((code) => `refused.${code}`)
}

function flips(what: string): string[] {
  if (!isStatement(what as SpecimenName)) return refused(...ENVELOPE_FLIPS, ...FRAME_FLIPS)
  const codes = refused(...ENVELOPE_FLIPS, ...FLIPS[what as StatementName])
  return what === 'order' ? [...codes, ...ORDER_FLIPS] : codes
}

/** Has somebody say something that every node takes in without a word, so that its counter has moved everywhere. Health has a counter of its own. */
function speak(scene: Scene, sender: Specimen['sender'] & object, ofHealth: boolean): void {
  const { topics } = scene
  const health = { type: TYPE.health, topic: topics.health(sender.id), payload: ['here', 1, []] }
  for (const place of ['member', 'till', 'device'] as const) {
    const need = { type: TYPE.need, topic: topics.sync, payload: [randomReference(), 1] }
    const terms = ofHealth ? health : need
    scene.at(place).context.road.receive(terms.topic, scene.speaker(sender).frame(terms))
  }
}

/** The value with one of its parts missing, doubled, of another type or of another length. */
function reshaped(value: Cbor, n: number, m: number, junk: Uint8Array): Cbor {
  const parts = partsOf(value)
  const path = parts[n % parts.length] as readonly number[]
  return change(value, path, (part, parent) => {
    const inList = parent.length > 0 && parent.every((sibling) => Array.isArray(sibling))
    switch (m % 4) {
      case 0:
        // a list may well be shorter; a tuple may not
        return inList ? [retyped(part, junk)] : []
      case 1:
        return [part, junk.length % 2 === 0 ? true : 'more']
      case 2:
        return part instanceof Uint8Array ? [concat(part, Uint8Array.of(0))] : [retyped(part, junk)]
      default:
        return part instanceof Uint8Array && part.length > 0 ? [part.subarray(1)] : [retyped(part, junk)]
    }
  })
}

function retyped(part: Cbor, junk: Uint8Array): Cbor {
  if (typeof part === 'number' || typeof part === 'boolean') return junk.length % 2 === 0 ? 'one' : junk
  if (typeof part === 'string') return fromText(part)
  return junk.length
}

/** Paths to all parts; to the whole where it has none. */
function partsOf(value: Cbor, path: readonly number[] = []): (readonly number[])[] {
  if (!Array.isArray(value)) return [path]
  const inner = value.flatMap((part: Cbor, i) => partsOf(part, [...path, i]))
  return path.length > 0 || inner.length === 0 ? [path, ...inner] : inner
}

function change(value: Cbor, path: readonly number[], replace: (part: Cbor, parent: readonly Cbor[]) => Cbor[]): Cbor {
  const [first, ...rest] = path
  if (first === undefined) return replace(value, [])[0] ?? randomReference()
  const parts = value as readonly Cbor[]
  const part = parts[first] as Cbor
  const put = rest.length === 0 ? replace(part, parts) : [change(part, rest, replace)]
  return [...parts.slice(0, first), ...put, ...parts.slice(first + 1)]
}
