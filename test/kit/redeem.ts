/** An owner's node that keeps files and redeems pings, and holders' nodes that ask it: real vaults, real services, on a bus and a clock in memory. */

import './wasm.ts'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { equal } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import type { AgreementHalf } from '../../src/core/hpke.ts'
import { encodeVerdict, type Verdict } from '../../src/data/dsr-abi.ts'
import { prepareRunnable, runnableDigest, runRunnable } from '../../src/data/dsr-run.ts'
import { encodePresentation, readPresentation } from '../../src/data/presentation.ts'
import { encodeAsk, type RedeemVerdict, readVerdict } from '../../src/data/redeem-answer.ts'
import {
  queryPayload,
  type RedeemAnswer,
  type RedeemChallenge,
  readRedeemAnswer,
  readRedeemChallenge,
  redeemPayload,
} from '../../src/data/redeem-frames.ts'
import { openAnswer, sealRequest } from '../../src/data/redeem-seal.ts'
import { encodeRedemption, type RedemptionRequest, redemptionMessage } from '../../src/data/redemption.ts'
import { END_OF_ANY_FILE, type Grant, OPERATION } from '../../src/data/rights.ts'
import type { RunnableEntry } from '../../src/data/runnable.ts'
import { openFetchTarget } from '../../src/drivers/qnt-fetch.ts'
import { agreementHalfOf } from '../../src/drivers/qnt-holder.ts'
import { type Redeemed, type RedeemOrder, RedeemRefused } from '../../src/kernel/redeeming.ts'
import type { Runnables } from '../../src/kernel/vault.ts'
import type { Minted, MintTerms } from '../../src/services/issuer.ts'
import { Redeemer } from '../../src/services/redeemer.ts'
import { Redemptions } from '../../src/services/redemption.ts'
import type { NodeVault } from '../../src/services/vault.ts'
import { assemble, i64, runOf } from './dsr-assembler.ts'
import { MemoryNet, type MemoryNode } from './node.ts'
import { makePerson, type Person } from './people.ts'
import { type Change, type Sealed, sealed, vaultOf } from './vault.ts'

/** Runnables in this very thread. */
export const RUNNABLES: Runnables = {
  run: async (module, request, fuel) => runRunnable(prepareRunnable(module), request, fuel),
}

/** A node that serves. */
export interface Server {
  readonly node: MemoryNode
  readonly vault: NodeVault
  readonly redemptions: Redemptions
  /** Name of the folder of its copies. */
  readonly copies: string
}

/** What is unusual about a server. */
export interface ServerParts {
  readonly runnables?: Runnables
  readonly jurisdictions?: readonly string[]
}

/** A node that redeems. */
export interface Asker {
  readonly node: MemoryNode
  readonly redeemer: Redeemer
  readonly agreement: AgreementHalf
}

/** What is changed in a request by hand. */
export interface RawRedemption {
  readonly presentation: Uint8Array
  readonly request: RedemptionRequest
  /** Another one than the server's newest. */
  readonly challenge?: Uint8Array
  /** Signs in place of the holder. */
  readonly signer?: Pick<Person, 'sign'>
  readonly override?: Uint8Array
}

const NOTHING = new Uint8Array(0)
export const READ_ALL: RedemptionRequest = { operation: 'read', from: 0, to: END_OF_ANY_FILE, purpose: 'research' }

/** One net with one serving owner. */
export class RedeemStage {
  readonly net = new MemoryNet(1)
  readonly folder: string
  readonly owner: Person = makePerson('human')
  server!: Server
  #made = 0
  readonly #stops: (() => Promise<void>)[] = []

  constructor(folder: string) {
    this.folder = folder
  }

  static async open(folder: string, parts: ServerParts = {}): Promise<RedeemStage> {
    const stage = new RedeemStage(folder)
    stage.server = await stage.serve(stage.owner, undefined, undefined, parts)
    return stage
  }

  /** Starts a node that keeps files and redeems. */
  async serve(
    person: Person,
    store?: MemoryNode['store'],
    copies = `copies-${this.#made++}`,
    parts: ServerParts = {},
  ): Promise<Server> {
    const node = await this.net.node(person, store ? { store } : {})
    await mkdir(join(this.folder, copies), { recursive: true })
    const vault = await vaultOf(node, join(this.folder, copies), { runnables: RUNNABLES })
    await vault.start()
    const redemptions = new Redemptions(node.context, {
      vault,
      statuses: node.statuses,
      runnables: RUNNABLES,
      ...parts,
    })
    await redemptions.start()
    this.#stops.push(() => redemptions.stop())
    return { node, vault, redemptions, copies }
  }

  /** Starts a holder's node; resolves when both know each other. */
  async asker(person: Person = makePerson('device')): Promise<Asker> {
    return this.askOn(await this.net.node(person))
  }

  /** Makes a holder of a node. */
  async askOn(node: MemoryNode, server = this.server): Promise<Asker> {
    const { directory, keys } = node.context
    const agreement = await agreementHalfOf(keys)
    const redeemer = new Redeemer(node.context, { agreement, keyOf: (id, position) => directory.keyAt(id, position) })
    await redeemer.start()
    this.#stops.push(() => redeemer.stop())
    const { person, context } = server.node
    await this.net.until(() => !!directory.keyOf(person.id) && !!context.directory.keyOf(keys.id))
    return { node, redeemer, agreement }
  }

  /** What a ping grants to a holder unless told otherwise: everything, for a day. */
  grantTo({ node, agreement }: Asker, change: Partial<Grant> = {}): Grant {
    const nowMs = this.net.clock.nowMs()
    return {
      ...{ holderKey: node.context.keys.publicKey, agreementKey: agreement.publicKey, operations: 31 },
      ...{ from: 0, to: END_OF_ANY_FILE, purposes: ['billing', 'research'] },
      ...{ notBeforeMs: nowMs - 1_000, expiresMs: nowMs + 86_400_000, uses: 0 },
      ...change,
    }
  }

  /** Has the owner mint a ping. */
  mint(dataId: Uint8Array, grant: Grant, change: Partial<MintTerms> = {}): Promise<Minted> {
    const { node } = this.server
    const terms = { dataId, fileVersionFrom: 1, audience: node.person.id, grant, fieldDigests: [], locators: [] }
    return this.net.during(node.issuer.mint({ ...terms, ...change }))
  }

  /** Seals a version of the owner's, and has its server keep it. */
  async keep(change: Change = {}, before?: Sealed): Promise<Sealed> {
    const { node, vault } = this.server
    const file = await sealed(this.folder, node.context.keys, change, before)
    await this.net.during(vault.keep(file.path))
    return file
  }

  /** Redeems by the holder's own service. */
  redeem({ redeemer }: Asker, order: RedeemOrder, timeoutMs = 20_000): Promise<Redeemed> {
    return this.net.during(redeemer.redeem(order, timeoutMs))
  }

  /** Reads into a file; what came, and what was told. */
  async read(asker: Asker, presentation: Uint8Array, request: Partial<RedemptionRequest> = {}) {
    const { path, target } = this.target()
    const told = await this.redeem(asker, { presentation, request: { ...READ_ALL, ...request }, target })
    return { told, content: new Uint8Array(await readFile(path)) }
  }

  /** A place in the folder, and what opens it. */
  target(): { path: string; target: () => ReturnType<typeof openFetchTarget> } {
    const path = join(this.folder, `out-${this.#made++}`)
    return { path, target: () => openFetchTarget(path) }
  }

  /** Redeems by frames made here, so that nothing on the holder's side keeps a request from being wrong. */
  async raw(asker: Asker, server: Server, given: RawRedemption): Promise<RedeemVerdict> {
    const { keys, netId, random } = asker.node.context
    const nonce = random.bytes(16)
    const { challenge, sealKey } = await this.challenge(asker, server)
    const used = given.challenge ?? challenge
    const { digest } = readPresentation(given.presentation)
    const message = redemptionMessage(used, digest, given.request)
    const signature = given.signer ? given.signer.sign(message) : await keys.sign(message)
    const redemption = encodeRedemption({ ...given, challenge: used, signature })
    const ask = encodeAsk({ redemption, question: NOTHING, override: given.override ?? NOTHING })
    const place = { netId, server: server.node.person.id, holder: keys.id }
    const { enc, sealed, back } = sealRequest(ask, sealKey, keys.ephemeral(), place, nonce)
    await this.send(asker, server, TYPE.vaultRedeem, redeemPayload({ nonce, enc, sealed }))
    const answer = await this.heard(TYPE.vaultAnswer, asker, readRedeemAnswer, nonce)
    return readVerdict(openAnswer(answer.sealed, back, answer.salt))
  }

  /** A fresh challenge of a server. */
  async challenge(asker: Asker, server: Server): Promise<RedeemChallenge> {
    const nonce = asker.node.context.random.bytes(16)
    await this.send(asker, server, TYPE.vaultQuery, queryPayload(nonce))
    return this.heard(TYPE.vaultChallenge, asker, readRedeemChallenge, nonce)
  }

  send(asker: Asker, server: Server, type: number, payload: ReturnType<typeof queryPayload>): Promise<void> {
    const { road, topics } = asker.node.context
    const topic = topics.to(server.node.person.id)
    return road.run(() => ({ emit: [{ topic, type, payload, lifetimeMs: 30_000 }] }))
  }

  /** The payload of that type and nonce that was sent to a holder. */
  async heard<T extends RedeemChallenge | RedeemAnswer>(
    type: number,
    asker: Asker,
    read: (payload: Parameters<typeof readRedeemAnswer>[0]) => T,
    nonce: Uint8Array,
  ): Promise<T> {
    const topic = asker.node.context.topics.to(asker.node.person.id)
    const find = (): T | undefined =>
      this.net
        .said(type)
        .filter((message) => message.topic === topic)
        .map(({ bytes }) => read(decodeFrame(decodeEnvelope(bytes)).payload))
        .find((value) => equal(value.nonce, nonce))
    await this.net.until(() => find() !== undefined)
    return find() as T
  }

  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await this.net.during(stop())
    await this.net.close()
  }
}

/** A presentation of nothing but the ping. */
export function presented({ document }: Minted, disclosures: readonly Uint8Array[] = []): Uint8Array {
  return encodePresentation({ ping: document, narrowings: [], disclosures })
}

/** By which code and rule a server refuses, and the runnable's own reason where there is one. */
export async function refusal(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof RedeemRefused) {
      return [error.code, error.rule, ...(error.number > 0 ? [error.number] : [])].join(' ')
    }
    throw error
  }
  throw new Error('expected a refusal, got none')
}

/** A runnable that says the same to everything. */
export function alwaysSays(hook: RunnableEntry['hook'], verdict: Partial<Verdict>): RunnableEntry {
  const bytes = encodeVerdict({ kind: 'allow', reason: 0, fields: [], payload: NOTHING, ...verdict })
  const module = assemble(
    runOf(i64((BigInt(ANSWER_AT) << 32n) | BigInt(bytes.length)), { data: [[ANSWER_AT, [...bytes]]] }),
  )
  return { hook, moduleDigest: runnableDigest(module), fuel: 1_000, pages: 1, params: NOTHING, module }
}

/** Behind the room for requests. */
const ANSWER_AT = 40_000

/** All operations as bits. */
export const ALL_OPERATIONS = Object.values(OPERATION).reduce((bits, bit) => bits | bit, 0)
