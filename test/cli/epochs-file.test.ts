/** The epochs of a net as a file: walked from the genesis, and no step believed that a quorum did not sign. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { committeeOf } from '../../src/consensus/committee.ts'
import { fromHex } from '../../src/core/bytes.ts'
import { committeeIn, committeesIn, epochsFile } from '../../src/epochs-file.ts'
import { world } from '../consensus/people.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('epochs file')
const { genesis } = world(4)
const { golden } = JSON.parse(readFileSync(new URL('../vectors/epochs.json', import.meta.url), 'utf8')) as {
  golden: Record<string, string>
}
const file = epochsFile([fromHex(golden['handOver'] as string)])

test('leads from the genesis to the committee of a later epoch', () => {
  const committees = [...committeesIn(genesis, file)]
  assert.equal(
    committees.map(({ epoch }) => epoch),
    [0, 1],
  )
  const later = committees[1] as (typeof committees)[number]
  assert.is(committeeIn(genesis, later.cid, file).epoch, 1)
  assert.is(committeeIn(genesis, committeeOf(genesis).cid).epoch, 0)
  assert.is(
    codeOf(() => committeeIn(genesis, later.cid)),
    'wrong-epoch',
  )
})

test('one that is cut off, altered or of another net is refused', () => {
  assert.is(
    codeOf(() => [...committeesIn(genesis, file.subarray(0, file.length - 1))]),
    'bad-shape',
  )
  assert.is(
    codeOf(() => [...committeesIn(genesis, file.subarray(0, 2))]),
    'bad-shape',
  )
  assert.is(
    codeOf(() => [...committeesIn(world(5).genesis, file)]),
    'wrong-epoch',
  )
  for (let at = 4; at < file.length; at += 37) {
    const altered = file.slice()
    altered[at] = (altered[at] as number) ^ 1
    assert.throws(
      () => [...committeesIn(genesis, altered)],
      () => true,
      `byte ${at}`,
    )
  }
})

test.run()
