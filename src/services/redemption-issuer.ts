/**
 * Who signs for the issuer of a ping: its own key of today, or one that its log delegates for minting, within the bound that the log puts on it.
 */

import { concat } from '../core/bytes.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { type Presented, readPresentation, rightsOf, type UseCounter } from '../data/presentation.ts'
import { mayAct } from '../identity/delegation.ts'
import type { KeyState } from '../identity/keylog.ts'
import type { Context } from '../kernel/context.ts'

/**
 * The rights that a presentation gives, under a key that acts for the issuer today: its own, or one that may mint pings for it, whose uses are counted as
 * well. Throws `unknown-owner`, `frozen`, `retired-key`, `bad-signature`, and as `readPresentation` and `rightsOf`.
 */
export function verified({ directory, clock }: Pick<Context, 'directory' | 'clock'>, bytes: Uint8Array): Presented {
  const presentation = readPresentation(bytes)
  const { issuer, issuerPosition } = presentation.ping
  const state = directory.stateOf(issuer)
  if (!state) throw new WebxError('unknown-owner', 'nobody has introduced the issuer of this ping here')
  if (state.frozen || directory.frozen(issuer)) {
    throw new WebxError('frozen', 'two histories of the issuer are signed; nobody acts for it')
  }
  const under = (issuerKey: Uint8Array): Presented | null => {
    try {
      return rightsOf(presentation, { issuerKey })
    } catch (error) {
      if (asWebxError(error).code === 'bad-signature') return null
      throw error
    }
  }
  for (const { key, counters } of mintingKeys(state, clock.nowMs())) {
    const presented = under(key)
    if (presented) return { ...presented, counters: [...presented.counters, ...counters] }
  }
  const retired = directory.keyAt(issuer, issuerPosition)
  if (retired && under(retired)) {
    throw new WebxError('retired-key', 'the issuer has other keys by now; ask it for another ping')
  }
  throw new WebxError('bad-signature', 'the ping is not signed by its issuer')
}

/** A key that may sign pings, and what bounds the uses of all that it signs. */
interface MintingKey {
  readonly key: Uint8Array
  readonly counters: readonly UseCounter[]
}

function mintingKeys(state: KeyState, nowMs: number): MintingKey[] {
  const own = state.threshold === 1 ? state.keys : []
  const delegated = [...state.delegations.values()].filter(({ key }) => {
    try {
      return mayAct(state, key, MINT_SCOPE, nowMs) !== null
    } catch {
      return false
    }
  })
  return [
    ...own.map((key) => ({ key, counters: [] })),
    ...delegated.map(({ key, usesMax, expiresMs }) => ({
      key,
      counters: usesMax === null ? [] : [{ key: concat(state.id, key), uses: usesMax, expiresMs }],
    })),
  ]
}

/** The word by which a delegated key may sign pings. */
const MINT_SCOPE = 'ping.mint'
