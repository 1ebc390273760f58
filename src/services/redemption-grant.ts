/**
 * What is handed out for a granted redemption: a content key, a range sealed anew, what a runnable makes of the content, a proof from a credential, or a watch.
 *
 * Content is opened here for as long as it takes and wiped; it leaves sealed to the last holder or not at all. Reading all of a version gives its content key, anything less
 * a key that opens nothing else.
 */

import { fromText, toHex } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { RequestField } from '../data/dsr-abi.ts'
import { type Chance, type Recipient, wrapKey } from '../data/recipients.ts'
import type { GrantBody } from '../data/redeem-answer.ts'
import { OPERATION } from '../data/rights.ts'
import { assertCommitted, chunkLayout, keyCommitment, type PayloadKeys, PayloadWriter } from '../data/stream.ts'
import type { Write } from '../kernel/ports.ts'
import { readCredential } from '../proof/credential.ts'
import { answerQuestion, readQuestion } from '../proof/question.ts'
import { group } from '../wasm/group.ts'
import { ask, codeOf, type Judged, type JudgeParts, Refused } from './redemption-judge.ts'
import type { TicketSource, Tickets } from './redemption-tickets.ts'
import type { Watches } from './redemption-watch.ts'

/** What a grant is made with. */
export interface GrantParts extends JudgeParts {
  readonly tickets: Tickets
  readonly watches: Watches
}

/** Something to hand out, once its writes and the spending are on the disk. */
export interface Grant {
  readonly body: GrantBody
  readonly writes: readonly Write[]
  /** Done when they are. */
  apply(): void
  /** Done where they are not. */
  undo(): void
}

/**
 * Makes what is granted. @param blockKey 32 bytes under which blocks travel
 *
 * @throws Refused; WebxError of the vault
 */
export async function grant(parts: GrantParts, judged: Judged, blockKey: Uint8Array): Promise<Grant> {
  switch (judged.redemption.request.operation) {
    case 'read':
      return reading(parts, judged, blockKey)
    case 'aggregate':
      return payloadOf(await aggregated(parts, judged, await records(parts, judged)))
    case 'derive':
      return payloadOf(await aggregated(parts, judged, await derived(parts, judged)))
    case 'verify':
      return justBody({ kind: 'proof', answer: await proved(parts, judged) })
    case 'notify': {
      const { untilMs, writes, apply } = parts.watches.watch(judged)
      return { body: { kind: 'watch', untilMs }, writes, apply, undo: () => {} }
    }
  }
}

/** What of the content is asked for: a range that ends beyond it ends where it does. Throws `Refused` for one that begins beyond it. */
function rangeOf({ redemption: { request }, version: { manifest } }: Judged): { from: number; to: number } {
  const to = Math.min(request.to, manifest.contentBytes)
  if (request.from <= to) return { from: request.from, to }
  throw new Refused('file', 'out-of-range', `this version of the file has ${manifest.contentBytes} bytes`)
}

async function reading(parts: GrantParts, judged: Judged, blockKey: Uint8Array): Promise<Grant> {
  const { from, to } = rangeOf(judged)
  const { contentBytes } = judged.version.manifest
  const isWhole = from === 0 && to === contentBytes
  if (judged.hidden !== null) {
    if (!isWhole) throw new Refused('runnable', 'denied', 'what is redacted can only be asked for as a whole')
    const left = await redacted(parts, judged, judged.hidden)
    return sealedAnew(parts, judged, { content: left, from: 0, blockKey })
  }
  if (isWhole) return wholeFile(parts, judged, blockKey)
  return sealedAnew(parts, judged, { content: await contentOf(parts, judged, from, to), from, blockKey })
}

/** The file as it lies on the disk, and its content key. */
async function wholeFile(parts: GrantParts, judged: Judged, blockKey: Uint8Array): Promise<Grant> {
  const { vault } = parts
  const { version } = judged
  const keys = await vault.unlock(version)
  try {
    assertCommitted(keys, version.manifest.keyCommitment)
    const recipient = wrappedTo(parts, judged, keys)
    const source = {
      bytes: version.fileBytes,
      heldBytes: 0,
      read: (at: number, length: number) => vault.readSealed(version, at, length),
    }
    const { ticket, undo } = ticketFor(parts, judged, source, blockKey)
    return withoutWrites({ kind: 'file', recipient, ticket, fileBytes: version.fileBytes }, undo)
  } finally {
    keys.contentKey.fill(0)
  }
}

/** Content under a key of its own, whose epoch is the version that it is out of. Wipes the content. */
function sealedAnew(
  parts: GrantParts,
  judged: Judged,
  { content, from, blockKey }: { content: Uint8Array; from: number; blockKey: Uint8Array },
): Grant {
  const { dataId, fileVersion } = judged.version.manifest
  const keys = { contentKey: parts.context.random.bytes(32), dataId, keyEpoch: fileVersion }
  const sealed = new Uint8Array(chunkLayout(content.length).sealedBytes)
  let at = 0
  const sink = {
    room: (bytes: number) => {
      at += bytes
      return sealed.subarray(at - bytes, at)
    },
    value: () => {},
  }
  const writer = new PayloadWriter(keys, sink)
  try {
    writer.write(content)
    const { root, contentBytes } = writer.end()
    const source = {
      bytes: sealed.length,
      heldBytes: sealed.length,
      read: async (start: number, length: number) => sealed.subarray(start, start + length),
    }
    const recipient = wrappedTo(parts, judged, keys)
    const commitment = keyCommitment(keys.contentKey, dataId)
    const { ticket, undo } = ticketFor(parts, judged, source, blockKey)
    return withoutWrites({ kind: 'range', recipient, ticket, from, contentBytes, root, commitment }, undo)
  } finally {
    writer.wipe()
    keys.contentKey.fill(0)
    content.fill(0)
  }
}

/** Wraps a key to the last holder of the ping, and to nobody else. */
function wrappedTo({ context }: GrantParts, { verdict }: Judged, keys: PayloadKeys): Recipient {
  const { agreementKey } = verdict
  if (!agreementKey) throw new WebxError('internal', 'a key is wrapped for reading only')
  const chance: Chance = {
    random: (length) => context.random.bytes(length),
    ephemeral: () => context.keys.ephemeral(),
  }
  return wrapKey(keys.contentKey, { suite: 'x25519', publicKey: agreementKey }, keys, chance)
}

function ticketFor(
  { context, tickets }: GrantParts,
  { requester }: Judged,
  source: TicketSource,
  blockKey: Uint8Array,
): { readonly ticket: Uint8Array; readonly undo: () => void } {
  const ticket = context.random.bytes(16)
  const untilMs = context.clock.nowMs() + LIMITS.vaultTicketMsMax
  tickets.issue(ticket, { source, holder: requester, blockKey: blockKey.slice(), untilMs })
  return { ticket, undo: () => tickets.drop(ticket) }
}

/** Bytes [from, to) of the content; the caller wipes them. Throws `Refused`. */
async function contentOf(parts: GrantParts, { version }: Judged, from: number, to: number, bytesMax?: number) {
  const most = bytesMax ?? LIMITS.qntRangeBytesMax
  if (to - from > most) {
    throw new Refused('file', 'too-long', `${to - from} bytes at once, at most ${most}; ask for parts`)
  }
  // many at once must not take more memory than what waits to be fetched may
  const release = parts.tickets.reserve(to - from)
  return parts.vault.readContent(version, from, to).finally(release)
}

/** The pairs of a file of records: `[* [key: bstr, value: bstr]]`. Throws `Refused`. */
async function records(parts: GrantParts, judged: Judged): Promise<RequestField[]> {
  const { from, to } = rangeOf(judged)
  const content = await contentOf(parts, judged, from, to, LIMITS.runnableRequestBytesMax)
  try {
    return pairsOf(content).map(([key, value]) => ({ key: bytesOnly(key), value: bytesOnly(value) }))
  } finally {
    content.fill(0)
  }
}

/** The range as the one record of its file. */
async function derived(parts: GrantParts, judged: Judged): Promise<RequestField[]> {
  const { from, to } = rangeOf(judged)
  const value = await contentOf(parts, judged, from, to, LIMITS.runnableFieldBytesMax)
  return [{ key: judged.version.manifest.dataId, value }]
}

/** What the `aggregate` runnable makes of records, which are wiped. Throws `Refused`. */
async function aggregated(parts: GrantParts, judged: Judged, fields: readonly RequestField[]): Promise<Uint8Array> {
  const { requester, redemption, version } = judged
  const { operation, from, to, purpose } = redemption.request
  try {
    const entry = version.manifest.runnables.find(({ hook }) => hook === 'aggregate')
    if (!entry) throw new Refused('runnable', 'denied', 'the file has no rule by which anything is computed from it')
    const { failure, verdict } = await ask(parts, entry, {
      ...{ hook: 'aggregate', requester, purpose, operation: OPERATION[operation], from, to, fields },
    })
    if (failure !== 'none') throw new Refused('runnable', codeOf(failure), `the file’s rule failed: ${failure}`)
    if (verdict.kind === 'aggregate') return verdict.payload
    throw new Refused('runnable', 'denied', 'the file’s rule for computing denies', verdict.reason)
  } finally {
    for (const { value } of fields) value.fill(0)
  }
}

/** Of a file of records, those whose name is that of a field that was shown and not left out. */
async function redacted(parts: GrantParts, judged: Judged, hidden: readonly number[]): Promise<Uint8Array> {
  const { fields } = judged.presented
  const names = fields.filter((_, i) => !hidden.includes(i)).map(({ name }) => toHex(fromText(name)))
  const content = await contentOf(parts, judged, 0, judged.version.manifest.contentBytes)
  try {
    return encode(pairsOf(content).filter(([name]) => names.includes(toHex(nameOf(name)))))
  } finally {
    content.fill(0)
  }
}

/** What a credential in the file proves of its subject, and no more. Who cannot say yes says nothing but that. Throws `Refused`. */
async function proved(parts: GrantParts, judged: Judged): Promise<Uint8Array> {
  const { requester, presented, redemption, version } = judged
  const { from, to } = rangeOf(judged)
  if (from !== 0 || to !== version.manifest.contentBytes) {
    throw new Refused('ping', 'out-of-range', 'a credential proves as a whole')
  }
  const question = readQuestion(judged.question)
  const isOfThis =
    toHex(question.ping) === toHex(presented.ping.id) &&
    toHex(question.audience) === toHex(requester) &&
    question.purpose === redemption.request.purpose
  if (!isOfThis) throw new Refused('ping', 'wrong-claim', 'the question is for another ping, holder or purpose')
  const content = await contentOf(parts, judged, from, to, LIMITS.credentialBytesMax)
  try {
    const { document, opening } = readCredential(group(), content)
    return answerQuestion(group(), question, document, opening, (length) => parts.context.random.bytes(length))
  } catch (error) {
    if (asWebxError(error).code !== 'bad-argument') throw error
    throw new Refused('file', 'denied', 'the credential in this file does not say yes to that')
  } finally {
    content.fill(0)
  }
}

/** Throws `Refused` where the content is not a canonical list of pairs. */
function pairsOf(content: Uint8Array): (readonly [Cbor, Cbor])[] {
  const wrong = () => new Refused('file', 'bad-shape', 'the content is not a list of records, [key, value] each')
  let list: Cbor
  try {
    list = decode(content, content.length)
  } catch {
    throw wrong()
  }
  if (!Array.isArray(list)) throw wrong()
  return list.map((pair: Cbor) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong()
    return [pair[0] as Cbor, pair[1] as Cbor]
  })
}

function nameOf(value: Cbor): Uint8Array {
  return typeof value === 'string' ? fromText(value) : bytesOnly(value)
}

/** A copy: what it is part of gets wiped. */
function bytesOnly(value: Cbor): Uint8Array {
  if (value instanceof Uint8Array) return value.slice()
  throw new Refused('file', 'bad-shape', 'keys and values of records are byte strings')
}

function payloadOf(payload: Uint8Array): Grant {
  return justBody({ kind: 'payload', payload })
}

function justBody(body: GrantBody): Grant {
  return withoutWrites(body, () => {})
}

function withoutWrites(body: GrantBody, undo: () => void): Grant {
  return { body, writes: [], apply: () => {}, undo }
}
