/**
 * Changes and a state of a shared object, made of fixed keys. Written to `test/vectors/shared.json` by
 *
 *     node test/kit/shared-vectors.ts > test/vectors/shared.json
 */

import './wasm.ts'
import { transactionDigest } from '../../src/consensus/epoch/transaction.ts'
import { SharedBook } from '../../src/consensus/shared/book.ts'
import type { SharedWish } from '../../src/consensus/shared/change.ts'
import { settledOf } from '../../src/consensus/shared/object.ts'
import { encodeSharedReceipt } from '../../src/consensus/shared/receipt.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { anchorOf } from '../consensus/hoods.ts'
import { type Person, person, world } from '../consensus/people.ts'
import { changeOf, NONCE, oidOf, ruleOf, settledStateOf, statementOf } from './shared.ts'

/** The rule of `src/PROTOCOL.md` that each golden item must fit. */
export const SHARED_RULES: Readonly<Record<string, string>> = {
  create: 'shared-message',
  write: 'shared-message',
  writeByStranger: 'shared-message',
  ruleWord: 'shared-message',
  state: 'shared-state',
  receipt: 'shared-receipt',
}

/** All of them in hexadecimal, by name, and what the object has come to. */
export function sharedVectors(): { golden: Record<string, string>; oid: string; head: string; sequence: number } {
  const four = world(4)
  const anchor = anchorOf(four)
  const [anna, ben] = four.members as [Person, Person]
  const guest = person('vector writer')
  const oid = oidOf(anchor, anna)
  const book = new SharedBook(anchor.netId, anchor.epoch)
  const say = (who: Person, wish: SharedWish, name: string, inception?: Uint8Array): string => {
    const change = changeOf(anchor, who, wish, name, inception)
    const bytes = statementOf(anchor, change, who.sign)
    book.apply({ change, digest: transactionDigest(bytes), bytes, isKnown: inception === undefined })
    return toHex(bytes)
  }
  const rule = ruleOf([anna, ben, guest], 2)
  const golden = {
    create: say(anna, { kind: 'create', nonce: NONCE, rule, value: fromText('in the yard') }, 'create'),
    write: say(ben, { kind: 'write', oid, follows: 1, value: fromText('on the truck') }, 'write'),
    writeByStranger: say(
      guest,
      { kind: 'write', oid, follows: 0, value: fromText('at the border') },
      'guest',
      guest.inception,
    ),
    ruleWord: say(anna, { kind: 'rule', oid, rule: ruleOf([anna, guest], 1) }, 'word'),
  }
  const object = book.get(oid)
  if (!object) throw new Error('the object of the vectors was not begun')
  const { state, head, settled: sequence } = settledOf(object)
  const settledState = settledStateOf(book, oid).bytes
  const receipt = encodeSharedReceipt(book.history(oid), { sequence: 2, newest: sequence, settledState })
  return {
    golden: { ...golden, state: toHex(state as Uint8Array), receipt: toHex(receipt) },
    oid: toHex(oid),
    head: toHex(head),
    sequence,
  }
}

if (process.argv[1]?.endsWith('shared-vectors.ts')) {
  process.stdout.write(`${JSON.stringify(sharedVectors(), null, 2)}\n`)
}
