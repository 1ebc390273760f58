/** People, their keys and a genesis, all made from numbers, for the tests of consensus and ledger. */

import { createPrivateKey, createPublicKey, sign as nodeSign } from 'node:crypto'
import { type Order, orderBody, orderEnvelope, orderSignedBytes, readOrder } from '../../src/consensus/order.ts'
import { fromText } from '../../src/core/bytes.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { signedBytes, TYPE } from '../../src/core/envelope.ts'
import { type Genesis, genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { inceptionBody, keyEventBytes, NO_SCOPE, readInception } from '../../src/identity/keylog.ts'
import type { Kind } from '../../src/identity/xqident.ts'
import { assetId, assetNonce } from '../../src/ledger/asset.ts'
import type { Mint, OwnOperation, Pay } from '../../src/ledger/payment.ts'
import { accountId, accountNonce, keyLogOrder, NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** 32 bytes that follow from a text. */
export function bytesOf(text: string, length = 32): Uint8Array {
  return blake3Of('webx test', fromText(text)).slice(0, length)
}

export interface KeyPair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

export function keyPair(name: string): KeyPair {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, bytesOf(`key ${name}`)]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(spki.subarray(-32)),
    sign: (message) => new Uint8Array(nodeSign(null, message, key)),
  }
}

export interface Person extends KeyPair {
  readonly id: Uint8Array
  readonly inception: Uint8Array
}

export function person(name: string, kind: Kind = 'human'): Person {
  const pair = keyPair(name)
  const nextKey = keyPair(`${name} next`).publicKey
  const body = inceptionBody({ kind, key: pair.publicKey, nextKey, salt: bytesOf(name, 16) })
  const inception = keyEventBytes(body, pair.sign(signedBytes(TYPE.keyEvent, NO_SCOPE, body)))
  return { ...pair, inception, id: readInception(inception).id }
}

export interface World {
  readonly genesis: Genesis
  readonly organization: Person
  readonly terminal: Person
  readonly members: readonly Person[]
  /** Keys that vote in epoch 0, by seat. */
  readonly epochKeys: readonly KeyPair[]
  readonly asset: Uint8Array
}

export const CAP = 1_000_000

export function world(seats: number, weights: readonly number[] = []): World {
  const organization = person('organization', 'organization')
  const terminal = person('terminal', 'device')
  const members = Array.from({ length: seats }, (_, i) => person(`member ${i}`, 'device'))
  const epochKeys = members.map((_, i) => keyPair(`epoch 0 member ${i}`))
  const terms = { issuer: organization.id, code: 'EUR', decimals: 2, cap: CAP }
  const body = genesisBody({
    name: 'test',
    createdMs: 1,
    organization: organization.inception,
    neighborhood: bytesOf('home', 16),
    seats: members.map((member, i) => ({
      inception: member.inception,
      epochKey: (epochKeys[i] as KeyPair).publicKey,
      weight: weights[i] ?? 1,
    })),
    assets: [terms],
    terminals: [terminal.inception],
  })
  const genesis = readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body))))
  return { genesis, organization, terminal, members, epochKeys, asset: assetId(terms) }
}

/** An order with its owner's signature. */
export function signOrder(genesis: Genesis, owner: KeyPair, fields: OrderFields): Order {
  const body = orderBody(fields)
  return readOrder(orderEnvelope(genesis.netId, body, owner.sign(orderSignedBytes(genesis.netId, body))))
}

/** What an owner keeps of one object: it signs one order after the other. */
export class Wallet {
  readonly owner: Person
  readonly world: World
  readonly nonce: Uint8Array
  version = 0
  head: Uint8Array = NO_HEAD

  constructor(world: World, owner: Person, nonce: Uint8Array = accountNonce()) {
    this.world = world
    this.owner = owner
    this.nonce = nonce
  }

  get oid(): Uint8Array {
    return accountId(this.world.genesis.netId, this.world.genesis.neighborhood, this.owner.id)
  }

  incept(): Order {
    const { genesis } = this.world
    return signOrder(genesis, this.owner, keyLogOrder(genesis.neighborhood, this.owner.id, this.owner.inception))
  }

  /** The next order, and the wallet moves on. */
  order(operation: OwnOperation): Order {
    const order = this.peek(operation)
    this.version = order.version
    this.head = order.od
    return order
  }

  /** The next order, though the wallet stays where it is: what a double spender does. */
  peek(operation: OwnOperation, idem = bytesOf(`idem ${this.version}`, 16)): Order {
    const { genesis } = this.world
    const standing = {
      home: genesis.neighborhood,
      owner: this.owner.id,
      keyPosition: 0,
      nonce: this.nonce,
      version: this.version,
      head: this.head,
    }
    return signOrder(genesis, this.owner, nextOrder(standing, operation, idem, 1000))
  }

  pay(to: Uint8Array, amount: number, memo = ''): Pay {
    const reference = bytesOf(`reference ${this.version}`)
    const refundOf = new Uint8Array(0)
    return { kind: 'pay', assetId: this.world.asset, amount, to, reference, refundOf, memo: fromText(memo) }
  }
}

/** The wallet of the asset's issuer. */
export function issuerWallet(world: World): Wallet {
  return new Wallet(world, world.organization, assetNonce(world.asset))
}

export function mint(world: World, cumulative: number, to: Uint8Array): Mint {
  return { kind: 'mint', assetId: world.asset, cumulative, to }
}
