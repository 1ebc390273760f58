/** The golden bytes of what rotates and of files' versions: the shopper's rotation to its next key, and what the new key signs. */

import type { Committee } from '../../src/consensus/committee.ts'
import { doubleOrderEvidence } from '../../src/consensus/evidence.ts'
import { type Order, orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { decodeEnvelope, encodeEnvelope, statementDigest } from '../../src/core/envelope.ts'
import type { Genesis } from '../../src/identity/genesis.ts'
import { keyDigest } from '../../src/identity/keylog.ts'
import { keyEventBody, keyEventBytes, keyEventMessage } from '../../src/identity/keylog-event.ts'
import { laneName } from '../../src/ledger/keylog-node.ts'
import {
  accountNonce,
  keyEventOrder,
  keyLogOrder,
  NO_HEAD,
  nextOrder,
  type OrderFields,
} from '../../src/ledger/terms.ts'

interface Pair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** What the vectors have by then, and how they are made. */
interface Parts {
  readonly shopper: Pair & { readonly id: Uint8Array; readonly inception: Uint8Array }
  readonly genesis: Genesis
  readonly committee: Committee
  readonly assetId: Uint8Array
  readonly payee: Uint8Array
  readonly pairOf: (seed: number) => Pair
  readonly signOrder: (netId: Uint8Array, owner: Pair, fields: OrderFields) => Order
}

/** 32 bytes of one value. */
function seed(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}

/** Orders of a key log and of a file, and evidence against a key that was shown later. */
export function keyLogsIn({ shopper, genesis, committee, assetId, payee, pairOf, signOrder }: Parts) {
  const { netId, neighborhood: home } = genesis
  const digest = statementDigest(decodeEnvelope(shopper.inception))
  const young = pairOf(107)
  const body = keyEventBody({
    ...{ event: 'rotation', id: shopper.id, position: 1, previous: digest, keys: [young.publicKey] },
    ...{ next: { digests: [keyDigest(pairOf(207).publicKey)], threshold: 1 }, kept: [], renewal: null },
  })
  const rotation = keyEventBytes(body, young.sign(keyEventMessage(body)))
  const rotated = statementDigest(decodeEnvelope(rotation))
  const lane = laneName(shopper.id, 1, digest)
  const terms = keyEventOrder({ home, lane, version: 0, head: NO_HEAD }, 1, rotated)
  const unsigned = orderBody(keyLogOrder(home, shopper.id, shopper.inception))
  const standing = { home, owner: shopper.id, version: 0, head: NO_HEAD }
  const version = { kind: 'version', fileVersion: 1, digest: seed(0xf1), gone: false } as const
  const file = { ...standing, keyPosition: 0, nonce: new Uint8Array(16).fill(0xf2) }
  const paying = (amount: number) => {
    const nothing = new Uint8Array(0)
    const rest = { to: payee, reference: seed(0xf3), refundOf: nothing, memo: nothing }
    const operation = { kind: 'pay', assetId, amount, ...rest } as const
    const purse = { ...standing, keyPosition: 1, nonce: accountNonce() }
    return signOrder(netId, young, nextOrder(purse, operation, new Uint8Array(16).fill(0xc4), 1))
  }
  const order = readOrder(provingOrderEnvelope(netId, orderBody(terms), rotation))
  return {
    rotation,
    keyEventOrder: order,
    bytes: {
      orderKeyEvent: orderBytes(order),
      orderInceptUnsigned: encodeEnvelope(provingOrderEnvelope(netId, unsigned, shopper.inception)),
      orderVersion: orderBytes(signOrder(netId, shopper, nextOrder(file, version, new Uint8Array(16).fill(0xc3), 1))),
      evidenceLaterKey: doubleOrderEvidence(committee, paying(1), paying(2), [shopper.inception, rotation]),
    },
  }
}
