/** The golden bytes of a recovery: somebody whose recovery is settled, what three members witness about it, and the order that puts it in force. */

import type { Committee } from '../../src/consensus/committee.ts'
import { orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { decodeEnvelope, statementDigest } from '../../src/core/envelope.ts'
import type { Genesis } from '../../src/identity/genesis.ts'
import { keyDigest, readInception } from '../../src/identity/keylog.ts'
import {
  type KeyEvent,
  keyEventBody,
  keyEventBytes,
  keyEventMessage,
  type RecoveryTerms,
  sharedKeyEventBytes,
} from '../../src/identity/keylog-event.ts'
import { laneName } from '../../src/ledger/keylog-node.ts'
import { encodeWitnesses, type Witness, witnessMessage } from '../../src/ledger/keylog-witness.ts'
import { enforcementOrder, keyEventOrder, keyLogOrder, NO_HEAD, type OrderFields } from '../../src/ledger/terms.ts'
import { witnessStatement } from '../../src/services/witness-statement.ts'

interface Pair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

interface Parts {
  readonly genesis: Genesis
  readonly committee: Committee
  readonly epochPairs: readonly Pair[]
  readonly pairOf: (seed: number) => Pair
  readonly nowMs: number
}

const DELAY_SECONDS = 86_400

/** Orders and statements about the recovery of whoever has key 8, next key 108 and recovery key 208. */
export function recoveryIn({ genesis, committee, epochPairs, pairOf, nowMs }: Parts) {
  const { netId, neighborhood: home } = genesis
  const [key, young, recoveryKey] = [pairOf(8), pairOf(9), pairOf(208)]
  const promised = (seed: number) => ({ digests: [keyDigest(pairOf(seed).publicKey)], threshold: 1 })
  const terms = (seed: number): RecoveryTerms => ({ ...promised(seed), delaySeconds: DELAY_SECONDS })
  const inceptionBody = keyEventBody({
    ...{ event: 'inception', position: 0, kind: 'human', keys: [key.publicKey], threshold: 1, next: promised(108) },
    ...{ salt: new Uint8Array(16).fill(8), recovery: terms(208), delegator: null, laterKeyDigest: null },
  })
  const inception = keyEventBytes(inceptionBody, key.sign(keyEventMessage(inceptionBody)))
  const { id, digest: previous } = readInception(inception)
  const event: KeyEvent = {
    ...{ event: 'recovery', id, position: 1, previous, recoveryKeys: [recoveryKey.publicKey], keys: [young.publicKey] },
    ...{ threshold: 1, next: promised(109), recovery: terms(209) },
  }
  const body = keyEventBody(event)
  const signatures = [young, recoveryKey].map((pair, i) => [i, pair.sign(keyEventMessage(body))] as const)
  const recovery = sharedKeyEventBytes(body, new Map(signatures))
  const digest = statementDigest(decodeEnvelope(recovery))
  const proving = (fields: OrderFields, attached: Uint8Array) =>
    readOrder(provingOrderEnvelope(netId, orderBody(fields), attached))
  const lane = laneName(id, 2, previous)
  const witnesses = [0, 1, 3].map((seat): Witness => {
    const times = { firstSeenMs: nowMs + seat, nowMs: nowMs + seat + DELAY_SECONDS * 1000 }
    const signature = (epochPairs[seat] as Pair).sign(witnessMessage(committee.cid, digest, times))
    return { seat, ...times, signature }
  })
  const fields = enforcementOrder({ home, lane: laneName(id, 0, digest) }, 1, { identity: id, recovery: digest })
  const witness = witnesses[2] as Witness
  return {
    identity: id,
    digest,
    bytes: {
      orderInceptRecoverable: orderBytes(proving(keyLogOrder(home, id, inception), inception)),
      orderRecovery: orderBytes(proving(keyEventOrder({ home, lane, version: 0, head: NO_HEAD }, 1, digest), recovery)),
      orderEnforce: orderBytes(proving(fields, encodeWitnesses(witnesses))),
      witness: witnessStatement(committee.cid, { identity: id, recovery: digest, witness }),
    },
  }
}
