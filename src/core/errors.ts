/**
 * The one error class of the runtime.
 *
 * `code` is stable and meant for programs, `fault` says whose mistake it is, `hint` says what to do about it.
 * The rule of the house: "not mine" is `null`, "mine but broken" throws one of these.
 */

/** Whose mistake: our own bug, the caller's, a peer's on the network, or the world's (disk, broker, camera, clock). */
export type Fault = 'ours' | 'caller' | 'peer' | 'world'

/** Every stable error code, with the party at fault. Add a line here before you throw a new one. */
export const CODES = {
  // bytes from outside
  'too-long': 'peer',
  'not-canonical': 'peer',
  'bad-version': 'peer',
  'bad-shape': 'peer',
  'bad-signature': 'peer',
  'bad-key': 'peer',
  'wrong-topic': 'peer',
  'wrong-net': 'peer',
  'wrong-epoch': 'peer',
  'unknown-type': 'peer',
  'unknown-sender': 'peer',
  'not-allowed': 'peer',
  expired: 'peer',
  'from-the-future': 'peer',
  replayed: 'peer',
  tampered: 'peer',
  flooding: 'peer',
  // identity
  'bad-identity': 'peer',
  'unsupported-key-event': 'peer',
  'bad-scope': 'caller',
  'wrong-identity': 'peer',
  'wrong-position': 'peer',
  'wrong-previous': 'peer',
  'too-few-signatures': 'peer',
  'repeated-signer': 'peer',
  'key-not-committed': 'peer',
  'key-reused': 'peer',
  'key-shown-early': 'peer',
  'retired-key': 'peer',
  'delegated-key': 'peer',
  'revoked-key': 'peer',
  'not-delegated': 'peer',
  'not-in-scope': 'peer',
  'no-recovery': 'peer',
  'recovery-pending': 'peer',
  'recovery-final': 'peer',
  'nothing-to-veto': 'peer',
  'stale-log': 'peer',
  'forked-log': 'peer',
  outranked: 'peer',
  frozen: 'peer',
  'key-file-missing': 'caller',
  'key-file-exists': 'caller',
  'key-file-broken': 'world',
  'key-file-open-to-others': 'caller',
  'key-file-busy': 'world',
  'passphrase-needed': 'caller',
  'wrong-passphrase': 'caller',
  'no-root': 'caller',
  'word-count': 'caller',
  'unknown-word': 'caller',
  'wrong-words': 'caller',
  mistyped: 'caller',
  'share-broken': 'caller',
  'share-foreign': 'caller',
  'share-repeated': 'caller',
  'shares-missing': 'caller',
  // proofs
  'bad-proof': 'peer',
  'wrong-claim': 'peer',
  // runnables
  'runnable-refused': 'caller',
  'runnable-failed': 'caller',
  'out-of-fuel': 'caller',
  // consensus and money
  'unknown-owner': 'peer',
  'wrong-home': 'peer',
  'wrong-version': 'peer',
  'wrong-sequence': 'peer',
  'unknown-object': 'caller',
  'double-order': 'peer',
  'double-vote': 'peer',
  'bad-certificate': 'peer',
  'unknown-asset': 'caller',
  'over-cap': 'peer',
  'insufficient-funds': 'peer',
  'bad-amount': 'caller',
  'over-refund': 'peer',
  'no-quorum': 'world',
  'not-settled': 'world',
  abstaining: 'world',
  'bad-block': 'peer',
  'bad-transaction': 'peer',
  'bad-hand-over': 'peer',
  'inconsistent-log': 'peer',
  // data
  'wrong-owner': 'peer',
  'broken-history': 'peer',
  'empty-replica': 'peer',
  revoked: 'peer',
  'not-yet-valid': 'peer',
  'wrong-audience': 'peer',
  'wrong-purpose': 'peer',
  'wrong-holder': 'peer',
  'wrong-file': 'peer',
  'used-up': 'peer',
  'out-of-range': 'peer',
  'operation-not-granted': 'peer',
  'narrowing-widens': 'peer',
  'broken-chain': 'peer',
  'stale-challenge': 'peer',
  'status-unknown': 'world',
  shredded: 'peer',
  denied: 'peer',
  'retention-over': 'peer',
  'wrong-jurisdiction': 'peer',
  'not-certified': 'world',
  'backup-broken': 'world',
  // faces
  'no-face': 'world',
  'face-unsharp': 'world',
  'face-turned': 'world',
  'face-small': 'world',
  'faces-differ': 'caller',
  'not-enrolled': 'caller',
  'no-claim': 'world',
  ambiguous: 'world',
  'replayed-probe': 'peer',
  declined: 'caller',
  'model-missing': 'world',
  'model-damaged': 'world',
  'camera-failed': 'world',
  // world
  'store-failed': 'world',
  'store-damaged': 'world',
  'broker-unreachable': 'world',
  'broker-refused': 'world',
  'sensor-missing': 'world',
  'reader-failed': 'world',
  'wasm-missing': 'world',
  'wasm-damaged': 'world',
  'download-failed': 'world',
  'file-unreadable': 'world',
  'file-changed': 'world',
  unreachable: 'world',
  timeout: 'world',
  // callers
  'bad-argument': 'caller',
  'bad-config': 'caller',
  'unknown-key': 'caller',
  usage: 'caller',
  limit: 'peer',
  stopped: 'caller',
  internal: 'ours',
} as const satisfies Record<string, Fault>

/** A stable error code. */
export type Code = keyof typeof CODES

/** What every part of webx throws. */
export class WebxError extends Error {
  readonly code: Code
  readonly fault: Fault
  /** One sentence that says what to do, or '' where nothing can be done. */
  readonly hint: string

  /** @param message one sentence without a trailing full stop; never contains a secret */
  constructor(code: Code, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WebxError'
    this.code = code
    this.fault = CODES[code]
    this.hint = options.hint ?? ''
  }
}

/** Any thrown value as a WebxError; what is not one already is our own fault. */
export function asWebxError(thrown: unknown): WebxError {
  if (thrown instanceof WebxError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new WebxError('internal', message, { cause: thrown })
}
