/** The later key: what new roots commit to, what older ones do not, and that another library makes the same key of the same root. */

import '../kit/wasm.ts'
import { join } from 'node:path'
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createKeyFile, createKeyFileFrom, rootOfKeyFile } from '../../src/drivers/key-file.ts'
import { kindOfRoot, laterKeyOfRoot, newRoot } from '../../src/drivers/key-file-root.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { laterKeyDigest } from '../../src/identity/keylog-promises.ts'
import { KINDS } from '../../src/identity/xqident.ts'
import { rootDerived } from '../kit/roots.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/key-file: the later key')

test('an inception commits to the ML-DSA key of its root, as noble makes it', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const { inception } = await createKeyFile(path, 'agent')
    const root = await rootOfKeyFile(path)
    const { publicKey } = ml_dsa65.keygen(rootDerived('later key of a root', root))
    assert.equal(laterKeyOfRoot(root), publicKey)
    assert.equal(readInception(inception).laterKeyDigest, laterKeyDigest(publicKey))
  }))

test('a root of before that still makes the inception that it made then', () =>
  withTemp(async (directory) => {
    for (const kind of KINDS) {
      const root = newRoot(kind)
      assert.is(kindOfRoot(root), kind)
      root[0] = (root[0] as number) & 0x3f
      assert.is(kindOfRoot(root), kind)
      const keys = await createKeyFileFrom(join(directory, kind), { root, rotation: 0, position: 0 })
      assert.is(readInception(keys.inception).laterKeyDigest, null)
    }
  }))

test('half of all words are no root of any identity', () => {
  for (let first = 0x80; first < 0x100; first += 0x10) {
    const root = newRoot('human')
    root[0] = first
    assert.throws(
      () => kindOfRoot(root),
      (error: { code: string }) => error.code === 'bad-identity',
    )
  }
})

test.run()
