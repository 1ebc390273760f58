/**
 * The public door of the package: what an application written on webx imports. Everything else is an inside that may change.
 */

import './drivers/wasm-files.ts'

export { createNode, type NodeOptions, type WebxNode } from './boot.ts'
export { type SharedRule, sharedRule } from './consensus/shared/change.ts'
export { CODES, type Code, type Fault, WebxError } from './core/errors.ts'
export { LIMITS } from './core/limits.ts'
export { createParallelHasher, type ParallelHasher } from './drivers/hash-workers.ts'
export { createKeyFile, describeKeyFile, type KeyFileDescription, openKeyFile } from './drivers/key-file.ts'
export { type AssetTerms, type Genesis, type GenesisTerms, readGenesis, type Seat } from './identity/genesis.ts'
export { type KeyState, readInception } from './identity/keylog.ts'
export { KINDS, type Kind, labelOf } from './identity/xqident.ts'
export { createLog, type LogLevel } from './kernel/observe.ts'
export type * from './kernel/ports.ts'
export { type Receipt, signReceipt, verifyReceipt } from './kernel/receipt.ts'
export { foundNet, type NetAsset, type NetTerms, offerSeat } from './net.ts'
export { createTestnet, type TestMember, type Testnet, type TestnetOptions } from './testnet.ts'
