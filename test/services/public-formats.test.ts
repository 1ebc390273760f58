/** Golden bytes of who writes the public log, and refusals of receipts that do not lead back to the genesis. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { encodePortable, verifyPortable } from '../../src/consensus/publiclog/portable.ts'
import { EMPTY_TREE } from '../../src/consensus/publiclog/proof.ts'
import { logBeginning, logTermOf, networkNodesOf } from '../../src/consensus/publiclog/term.ts'
import { toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { bytesOf, keyPair } from '../consensus/people.ts'
import '../kit/wasm.ts'

const test = suite('public log: terms and portable receipts')
const VECTORS = new URL('../vectors/public.json', import.meta.url)
const VACANT = new Uint8Array(32)

/** 30 seats, two of them empty. */
function opening(epoch: number): Opening {
  const seats = Array.from({ length: 30 }, (_, i) => {
    const isTaken = i !== 7 && i !== 20
    return {
      memberId: isTaken ? bytesOf(`member ${i}`) : VACANT,
      epochKey: isTaken ? keyPair(`member ${i} ${epoch}`).publicKey : VACANT,
      weight: 1 + (i % 2),
    }
  })
  return {
    ...{
      version: 1,
      netId: bytesOf('net'),
      nid: bytesOf('nid', 16),
      epoch,
      seed: bytesOf(`seed ${epoch}`),
      stateRoot: VACANT,
    },
    ...{ roster: [], seats, shares: [], blocks: 0, attendance: [], convicted: [] },
  }
}

test('MasterNodes of a generation follow from the opening of its epoch, to the byte', () => {
  const made = [0, 1, 2].map((generation) => {
    const term = logTermOf(opening(generation), generation)
    const { cid, seats, weight } = term.masterNodes
    const beginning = toHex(logBeginning(term, EMPTY_TREE))
    const first = toHex(seats[0]?.memberId as Uint8Array)
    return { generation, seed: toHex(term.seed), cid: toHex(cid), seats: seats.length, weight, first, beginning }
  })
  const portable = toHex(encodePortable(Uint8Array.of(1, 2, 3), [Uint8Array.of(4)]))
  const others = ['gone on', 'as the genesis says'].map((name, i) => {
    return { nid: bytesOf(name, 16), handOvers: i === 0 ? [Uint8Array.of(5), Uint8Array.of(6)] : [] }
  })
  const portableOfThree = toHex(encodePortable(Uint8Array.of(1, 2, 3), [], others))
  assert.equal({ terms: made, portable, portableOfThree }, JSON.parse(readFileSync(VECTORS, 'utf8')))
})

test('two generations of one epoch are never one committee; whoever sits nowhere counts for nothing', () => {
  const [one, other] = [1, 2].map((generation) => logTermOf(opening(1), generation).masterNodes)
  assert.is.not(toHex(one?.cid as Uint8Array), toHex(other?.cid as Uint8Array))
  assert.is(one?.seats.length, 25)
  const nodes = networkNodesOf(opening(0))
  assert.is(nodes.length, 28)
  assert.not.ok(nodes.some(({ id }) => toHex(id) === toHex(VACANT)))
})

test('what is no receipt is refused before anything is believed of it', () => {
  const policy = { neighborhoods: 1, cosigners: 0, known: [] }
  const code = (bytes: Uint8Array): string => {
    try {
      verifyPortable(bytes, [opening(0)], policy)
      return 'believed'
    } catch (error) {
      return error instanceof WebxError ? error.code : String(error)
    }
  }
  assert.is(code(encodePortable(Uint8Array.of(1, 2, 3), [])), 'not-canonical')
  assert.is(code(Uint8Array.of(0x83, 0x02, 0x41, 0x00, 0x80)), 'bad-version')
  assert.is(code(new Uint8Array(0)), 'not-canonical')
})

test.run()
