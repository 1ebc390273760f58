/**
 * What owners can order: INCEPT a key log, MINT an asset, PAY another object, take a KEY EVENT into the log, certify a VERSION of a file; and further ways of
 * money (`transfer.ts`). And what members order together: to ENFORCE a recovery whose delay is over.
 *
 * Canonical CBOR inside an order's `op`: [0, inception] | [1, assetId, cumulative, to] | [2, assetId, amount, to, reference, refundOf, memo] |
 * [3, digest of the event, which is attached to the order] | [4, file version, digest of the manifest or tombstone, gone] |
 * [5, identity, digest of the recovery, whose witnesses are attached to the order] | what `transfer.ts` says, from 6 on.
 */

import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { isTransfer, readTransfer, TRANSFER_CODE_MAX, type Transfer, transferFields } from './transfer.ts'

/** Opens the owner's key log; `inception` is the encoded, signed inception event. */
export interface Incept {
  readonly kind: 'incept'
  readonly inception: Uint8Array
}

/** Issues so much of an asset that `cumulative` is out in all; the difference goes to the object `to`. */
export interface Mint {
  readonly kind: 'mint'
  readonly assetId: Uint8Array
  readonly cumulative: number
  readonly to: Uint8Array
}

/** Moves `amount` (at least 1, smallest units) to the object `to`. */
export interface Pay {
  readonly kind: 'pay'
  readonly assetId: Uint8Array
  readonly amount: number
  readonly to: Uint8Array
  /** 32 bytes of the payee's choice, such as the digest of a transaction. */
  readonly reference: Uint8Array
  /** Once named the order that this pays back; members vote for such no more, a refund is an operation of its own. Empty. */
  readonly refundOf: Uint8Array
  /** Up to 64 bytes for people. */
  readonly memo: Uint8Array
}

/** Takes an event into its identity's settled key log. The event travels with the order, and proves it. */
export interface SettleKeyEvent {
  readonly kind: 'key-event'
  /** 32-byte digest of the event: `statementDigest`. */
  readonly digest: Uint8Array
}

/** Says which version of a .qnt is the newest. The object's nonce is the salt of the file. */
export interface CertifyVersion {
  readonly kind: 'version'
  /** Counts up from 1. */
  readonly fileVersion: number
  /** 32-byte digest of the manifest, or of the tombstone of a file that is gone. */
  readonly digest: Uint8Array
  /** True where the file was shredded: nothing follows. */
  readonly gone: boolean
}

/** Puts a recovery in force. What members have witnessed travels with the order, and proves it. */
export interface EnforceRecovery {
  readonly kind: 'enforce'
  /** 32 bytes: whose recovery it is. */
  readonly identity: Uint8Array
  /** 32-byte digest of the recovery event. */
  readonly recovery: Uint8Array
}

export type Operation = Incept | Mint | Pay | SettleKeyEvent | CertifyVersion | EnforceRecovery | Transfer
/** What an owner wishes for objects of its own and signs with its key. */
export type OwnOperation = Mint | Pay | CertifyVersion | Exclude<Transfer, { kind: 'import' }>

const CODE = { incept: 0, mint: 1, pay: 2, keyEvent: 3, version: 4, enforce: 5 } as const

/** Bytes of an operation, for `OrderTerms.op`. */
export function encodeOperation(operation: Operation): Uint8Array {
  if (isTransfer(operation)) return encode(transferFields(operation))
  switch (operation.kind) {
    case 'incept':
      return encode([CODE.incept, operation.inception])
    case 'mint':
      return encode([CODE.mint, operation.assetId, operation.cumulative, operation.to])
    case 'pay': {
      const { assetId, amount, to, reference, refundOf, memo } = operation
      return encode([CODE.pay, assetId, amount, to, reference, refundOf, memo])
    }
    case 'key-event':
      return encode([CODE.keyEvent, operation.digest])
    case 'version':
      return encode([CODE.version, operation.fileVersion, operation.digest, operation.gone])
    case 'enforce':
      return encode([CODE.enforce, operation.identity, operation.recovery])
  }
}

/** Reads an operation. Throws `bad-shape`, `bad-amount` for a payment of nothing, `not-canonical`, `too-long`. */
export function decodeOperation(bytes: Uint8Array): Operation {
  const fields = Fields.of('operation', bytes, LIMITS.orderBytesMax)
  const code = fields.uint('code', TRANSFER_CODE_MAX)
  const operation = code > CODE.enforce ? readTransfer(fields, code) : read(fields, code)
  // a refund shows the order that it pays back: there must be room left around a batch
  if (operation.kind === 'pay-many' && bytes.length > LIMITS.batchBytesMax) {
    throw new WebxError('too-long', `a batch of ${bytes.length} bytes, at most ${LIMITS.batchBytesMax} allowed`)
  }
  fields.end()
  return operation
}

function read(fields: Fields, code: number): Operation {
  if (code === CODE.incept) {
    return { kind: 'incept', inception: fields.bytesBetween('inception', 1, LIMITS.orderBytesMax) }
  }
  if (code === CODE.mint) {
    return {
      kind: 'mint',
      assetId: fields.bytes('assetId', 32),
      cumulative: fields.uint('cumulative', LIMITS.amountMax),
      to: fields.bytes('to', 32),
    }
  }
  if (code === CODE.keyEvent) return { kind: 'key-event', digest: fields.bytes('digest', 32) }
  if (code === CODE.version) return readVersion(fields)
  if (code === CODE.enforce) {
    return { kind: 'enforce', identity: fields.bytes('identity', 32), recovery: fields.bytes('recovery', 32) }
  }
  return readPay(fields)
}

function readVersion(fields: Fields): CertifyVersion {
  const fileVersion = fields.uint('fileVersion')
  if (fileVersion === 0) throw new WebxError('bad-shape', 'operation: versions of a file count up from 1')
  return { kind: 'version', fileVersion, digest: fields.bytes('digest', 32), gone: fields.boolean('gone') }
}

function readPay(fields: Fields): Pay {
  const pay: Pay = {
    kind: 'pay',
    assetId: fields.bytes('assetId', 32),
    amount: fields.uint('amount', LIMITS.amountMax),
    to: fields.bytes('to', 32),
    reference: fields.bytes('reference', 32),
    refundOf: fields.bytesBetween('refundOf', 0, 32),
    memo: fields.bytesBetween('memo', 0, LIMITS.memoBytesMax),
  }
  if (pay.amount === 0) throw new WebxError('bad-amount', 'a payment moves at least one unit')
  if (pay.refundOf.length !== 0 && pay.refundOf.length !== 32) {
    throw new WebxError('bad-shape', 'operation: refundOf has 32 bytes or none')
  }
  return pay
}

const operations = new WeakMap<Uint8Array, Operation>()

/** The operation of an order, read once. Throws what `decodeOperation` throws. */
export function operationOf(order: { readonly op: Uint8Array }): Operation {
  const known = operations.get(order.op)
  if (known) return known
  const operation = decodeOperation(order.op)
  operations.set(order.op, operation)
  return operation
}
