/**
 * A known answer of the whole way of a runnable – check, meter, compiler, run –, asked at start: a node that would come to other verdicts than its neighbors
 * says so before anybody relies on it. What it has compiled by then makes the first true module as quick as the later ones.
 */

import { fromBase64url, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { encodeRequest } from './dsr-abi.ts'
import { outcomeDigest, prepareRunnable, runRunnable } from './dsr-run.ts'

const FUEL = 100_000
/** All of verdict, fuel and memory. */
const OUTCOME = 'e1b63a998dceae1ce9e69ad5b241373de34d92cc7f70fb2d5600b437233dac2c'

/** Throws `internal` where the known module comes to another outcome than everywhere else. */
export function selfTestRunnables(): void {
  const runnable = prepareRunnable(fromBase64url(MODULE))
  const request = encodeRequest({
    ...{ hook: 'access', nowMs: 1_700_000_000_000, requester: new Uint8Array(32).fill(7), purpose: 'care' },
    ...{ operation: 1, from: 0, to: 9, params: encode([1_800_000_000_000, ['research', 'care']]), fields: [] },
  })
  const outcome = runRunnable(runnable, request, FUEL)
  if (toHex(outcomeDigest(runnable, request, FUEL, outcome)) === OUTCOME) return
  throw new WebxError('internal', 'runnables: a known outcome came out otherwise')
}

/** `assembly/dsr/purpose-and-expiry.ts`, as it was compiled once. */
const MODULE = [
  'AGFzbQEAAAABGwZgAX8BfmAAAX5gAn9-AGAAAX9gAABgAn9_AAMKCQACAwQAAQUBAAUEAQEBAQYvCX8AQYAIC38BQQALfgFCAAt_AUEAC38BQQ',
  'ALfwFBAAt_AUEAC38BQQALfwFBAAsHGgMDcnVuAAgHcmVxdWVzdAMABm1lbW9yeQIACvoFCXoCAn8BfiMILQAAIgJBBXYgAEcEQAALIwhBAWok',
  'CCACQR9xIgBBGEkEQCAArQ8LIABBG0sEQAALQQEgAEEYa3QiAEEISwRAAAsjCCECA0AgACABSwRAIAEgAmoxAAAgA0IIhoQhAyABQQFqIQEMAQ',
  'sLIwggAGokCCADC7IBAQJ_IAFC_________w9WBEAACyAAQQV0IQBBAUECQQNBBUEJIAFCgICAgBBUGyABQoCABFQbIAFCgAJUGyABQhhUGyIC',
  'QQFGBEAjCCICQQFqJAggAiAAIAGncjoAAA8LIwgiA0EBaiQIIAMgAEE3IAJBAWsiAmdrcjoAAEEAIQADQCAAIAJJBEAjCCIDQQFqJAggAyABIA',
  'JBAWsgAGutQgOGiDwAACAAQQFqIQAMAQsLCwcAQQQQAKcLLQEBfyMILQAAQQV2IgBBA0cgAEECR3EEQAALIAAQAKckByMIJAYjCCMHaiQICwoA',
  'QQEgABAGEAULGQBBAkIAEAEjCEGAiAJrrUKAgICAgIAhhAsoAEGAiAIkCEEEQgUQAUEAQgEQAUEAIACtEAFBACABrRABQQRCABABCwoAQQBBAB',
  'AGEAULuQICBn8BfiAAQQBMIABBgIACSnIEQAALQYAIJAgQAkEJRwR_QQEFQQAQAEIBUgsEQAALQQAQAKckAUEAEAAkAhADEAMjBiQDIwckBEEA',
  'EAAaEAIaQQAQABpBABAAGhADIwYkBRACGiMFJAgQAhpBABAAIQcjAUEBRgRAIwIgB1QEfhAHBUEBEAQLDwsjAQRAQQMQBA8LIwIgB1oEQEEBEA',
  'QPCxACIQYDQCACIAZJBEAQAyMGIQMjAyEEAn9BACMHIgUjBEcNABpBACEAA0AgAEEIaiIBIAVNBEBBACAAIANqKQMAIAAgBGopAwBSDQIaIAEh',
  'AAwBCwsDQCAAIAVJBEBBACAAIANqLQAAIAAgBGotAABHDQIaIABBAWohAAwBCwtBAQsEQBAHDwsgAkEBaiECDAELC0ECEAQL',
].join('')
