/** An identity brought back by its recovery keys, and by the words of what it then has: the golden bytes of that, and what is no use. */

import '../kit/wasm.ts'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { createKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { createDailyKeyFile } from '../../src/drivers/key-file-change.ts'
import { delegateByKeyFile, rotateKeyFile, takeKeyLog, vetoByKeyFile } from '../../src/drivers/key-file-events.ts'
import { readKeyLogFile } from '../../src/drivers/key-file-log.ts'
import { freshRecoveryDigest, promisedRecoveryKey, reclaimKeyFile } from '../../src/drivers/key-file-reclaim.ts'
import { guardKeyFile, recoverKeyFile, wordsOfKeyFile } from '../../src/drivers/key-file-recover.ts'
import { shareText } from '../../src/identity/guardians.ts'
import { keyDigest, readKeyLog } from '../../src/identity/keylog.ts'
import { labelOf } from '../../src/identity/xqident.ts'
import { type KeyLogVectors, keyLogVectors } from '../kit/key-log-vectors.ts'
import { pairOf } from '../kit/keylog.ts'
import { rootDerived } from '../kit/roots.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/key-file: reclaimed')
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/key-log-file.json', import.meta.url), 'utf8'),
) as KeyLogVectors

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

/** A human with recovery keys in a file that is put away. */
async function withOwner(use: (at: (name: string) => string) => Promise<void>): Promise<void> {
  await withTemp(async (directory) => {
    const at = (name: string): string => join(directory, name)
    await createKeyFile(at('ada'), 'human')
    await createKeyFile(at('safe'), 'human')
    await protect(at)
    await use(at)
  })
}

async function protect(at: (name: string) => string, safe = 'safe'): Promise<void> {
  const file = { path: at(safe) }
  await rotateKeyFile(at('ada'), {
    renewal: async (state) => ({
      recovery: { digests: [await freshRecoveryDigest(file, state)], threshold: 1, delaySeconds: 86_400 },
      oldKey: state.recovery ? await promisedRecoveryKey({ path: at('safe') }, state) : null,
    }),
  })
}

test('today’s code makes the golden bytes, and another library the same recovery keys', async () => {
  assert.equal(await keyLogVectors(), vectors)
  const events = vectors.events.map(fromHex)
  const { id } = readKeyLog(events.slice(0, 1))
  for (const [number, key] of vectors.recoveryKeys.entries()) {
    const material = concat(fromHex(vectors.recoveryRoot), id, encode(number))
    assert.is(toHex(ed25519.getPublicKey(rootDerived('recovery key of a root', material))), key)
  }
  const { pending } = readKeyLog(events)
  assert.equal(pending?.event.recoveryKeys.map(toHex), [vectors.recoveryKeys[0]])
  assert.equal(pending?.event.recovery.digests, [keyDigest(fromHex(vectors.recoveryKeys[1] as string))])
})

test('files of the first day are read for ever', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    writeFileSync(path, fromHex(vectors.reclaimedFile), { mode: 0o600 })
    writeFileSync(`${path}.log`, fromHex(vectors.logFile), { mode: 0o600 })
    const keys = await openKeyFile(path)
    assert.equal([keys.rotation, keys.position, keys.log.map(toHex)], [2, 2, vectors.events])
    const first = ed25519.getPublicKey(
      rootDerived('signing key of a root', concat(fromHex(vectors.reclaimingRoot), encode(0))),
    )
    assert.equal(keys.publicKey, first)
    assert.equal(readKeyLogFile('k', fromHex(vectors.logFile)).map(toHex), vectors.events)
  }))

test('the identity stays, its keys are new, and they say nothing before the recovery is in force', () =>
  withOwner(async (at) => {
    const before = await openKeyFile(at('ada'))
    const recoveryFile = { path: at('safe') }
    const back = await reclaimKeyFile(at('new'), { log: before.log, recoveryFile })
    assert.equal([back.id, back.position, back.rotation], [before.id, 2, 2])
    assert.not.equal(back.publicKey, before.publicKey)
    assert.is(await codeOf(rotateKeyFile(at('new'))), 'recovery-pending')
    assert.is(await codeOf(vetoByKeyFile(at('new'))), 'recovery-pending')
    assert.is(await codeOf(createDailyKeyFile(at('new'), at('daily'))), 'nothing was thrown')
    assert.is(await takeKeyLog(at('ada'), back.log), 2)
    assert.is((await openKeyFile(at('ada'))).position, 1)
    const rotated = await rotateKeyFile(at('new'), {}, { isRecovered: true })
    assert.equal([rotated.position, rotated.rotation], [3, 3])
    assert.equal((await openKeyFile(at('new'))).publicKey, rotated.publicKey)
    const code = await codeOf(takeKeyLog(at('ada'), rotated.log))
    assert.is(code, 'retired-key', 'the old root is worth nothing any more')
    const again = await reclaimKeyFile(at('newer'), { log: rotated.log, recoveryFile })
    assert.equal([again.position, again.rotation], [4, 4])
  }))

test('a veto ends it once, and a renewal takes the recovery keys from whoever found them', () =>
  withOwner(async (at) => {
    const recoveryFile = { path: at('safe') }
    const thief = await reclaimKeyFile(at('thief'), { log: (await openKeyFile(at('ada'))).log, recoveryFile })
    await takeKeyLog(at('ada'), thief.log)
    assert.is(await codeOf(rotateKeyFile(at('ada'))), 'recovery-pending')
    assert.is(await vetoByKeyFile(at('ada')), 3)
    const { log } = await openKeyFile(at('ada'))
    assert.is(await codeOf(takeKeyLog(at('thief'), log)), 'retired-key')
    await createKeyFile(at('safe2'), 'human')
    await protect(at, 'safe2')
    const renewed = (await openKeyFile(at('ada'))).log
    assert.is(await codeOf(reclaimKeyFile(at('x'), { log: renewed, recoveryFile })), 'key-not-committed')
    await reclaimKeyFile(at('y'), { log: renewed, recoveryFile: { path: at('safe2') } })
  }))

test('a log that shows another key at the position of a file is not its log, whether that recovery waits or is in force', () =>
  withOwner(async (at) => {
    const recoveryFile = { path: at('safe') }
    const back = await reclaimKeyFile(at('new'), { log: (await openKeyFile(at('ada'))).log, recoveryFile })
    assert.is((await rotateKeyFile(at('ada'))).position, back.position)
    const gone = await rotateKeyFile(at('new'), {}, { isRecovered: true })
    for (const { log } of [back, gone]) {
      const code = await codeOf(takeKeyLog(at('ada'), log, { isInstead: true }))
      assert.is(code, 'key-file-broken')
    }
  }))

test('no recovery without recovery keys, with those of another, or over a file that is there', () =>
  withOwner(async (at) => {
    const { log } = await openKeyFile(at('ada'))
    const recoveryFile = { path: at('safe') }
    await createKeyFile(at('other'), 'human')
    const { log: bare } = await openKeyFile(at('other'))
    assert.is(await codeOf(reclaimKeyFile(at('x'), { log: bare, recoveryFile })), 'no-recovery')
    assert.is(await codeOf(reclaimKeyFile(at('x'), { log, recoveryFile: { path: at('other') } })), 'key-not-committed')
    assert.is(await codeOf(reclaimKeyFile(at('ada'), { log, recoveryFile })), 'key-file-exists')
    await createDailyKeyFile(at('safe'), at('daily'))
    assert.is(await codeOf(reclaimKeyFile(at('x'), { log, recoveryFile: { path: at('daily') } })), 'no-root')
    assert.not(readdirSync(at('')).some((name) => name.startsWith('x')))
  }))

test('words of a rotated or reclaimed identity need its log, and then bring back the very file', () =>
  withOwner(async (at) => {
    await delegateByKeyFile(at('ada'), {
      ...{ delegate: new Uint8Array(32).fill(1), key: pairOf(1).publicKey, scopes: ['pay'] },
      ...{ amountPerDayMax: null, usesMax: null, expiresMs: 2 ** 45 },
    })
    const { log } = await openKeyFile(at('ada'))
    const words = await wordsOfKeyFile(at('ada'))
    await recoverKeyFile(at('back'), { words }, { log })
    assert.equal(readFileSync(at('back')), readFileSync(at('ada')))
    assert.equal(readFileSync(at('back.log')), readFileSync(at('ada.log')))
    await reclaimKeyFile(at('new'), { log, recoveryFile: { path: at('safe') } })
    const { log: longer } = await rotateKeyFile(at('new'), {}, { isRecovered: true })
    const newWords = await wordsOfKeyFile(at('new'))
    assert.is(await codeOf(recoverKeyFile(at('x'), { words: newWords })), 'bad-identity')
    await recoverKeyFile(at('new2'), { words: newWords }, { log: longer })
    assert.equal(readFileSync(at('new2')), readFileSync(at('new')))
    assert.is(await codeOf(recoverKeyFile(at('x'), { words }, { log: longer })), 'retired-key')
    assert.is(await codeOf(recoverKeyFile(at('x'), { words: newWords }, { log })), 'bad-identity')
    const stranger = await wordsOfKeyFile(at('safe'))
    assert.is(await codeOf(recoverKeyFile(at('x'), { words: stranger }, { log })), 'bad-identity')
    assert.not(readdirSync(at('')).some((name) => name.startsWith('x')))
  }))

test('of two complete sets of shares the one that is wanted is taken, and none is guessed', () =>
  withTemp(async (directory) => {
    const at = (name: string): string => join(directory, name)
    const [ada, bo] = [await createKeyFile(at('ada'), 'human'), await createKeyFile(at('bo'), 'human')]
    const sharesOf = async (name: string, count: number): Promise<string[]> =>
      (await guardKeyFile(at(name), ['A', 'B', 'C'], 2)).slice(0, count).map(shareText)
    const shares = [...(await sharesOf('ada', 2)), ...(await sharesOf('bo', 3))]
    const error = await recoverKeyFile(at('x'), { shares }).catch((thrown) => thrown)
    assert.is(error.code, 'wrong-identity')
    for (const { id } of [ada, bo]) assert.match(error.message, labelOf(id))
    const { keys, problems } = await recoverKeyFile(at('a'), { shares }, { wanted: labelOf(ada.id) })
    assert.equal([keys.id, problems.length], [ada.id, 3])
    assert.equal((await recoverKeyFile(at('b'), { shares }, { wanted: toHex(bo.id).toUpperCase() })).keys.id, bo.id)
    const torn = [`${shares[0]?.slice(0, -2)}`, ...shares]
    for (const wanted of [ada, bo]) {
      const { problems: named } = await recoverKeyFile(
        at(labelOf(wanted.id)),
        { shares: torn },
        { wanted: labelOf(wanted.id) },
      )
      assert.equal([named[0]?.at, named[0]?.guardian, named[0]?.code], [0, 'A', 'mistyped'])
      rmSync(at(labelOf(wanted.id)))
    }
    const wanted = '00000000-0000-8000-8000-000000000000'
    assert.is(await codeOf(recoverKeyFile(at('x'), { shares }, { wanted })), 'wrong-identity')
    const words = await wordsOfKeyFile(at('ada'))
    assert.is(await codeOf(recoverKeyFile(at('x'), { words }, { wanted: labelOf(bo.id) })), 'wrong-identity')
    await recoverKeyFile(at('c'), { words }, { wanted: labelOf(ada.id) })
    const twoSetsOfOne = [...(await sharesOf('ada', 2)), ...(await sharesOf('ada', 2))]
    assert.equal((await recoverKeyFile(at('d'), { shares: twoSetsOfOne })).keys.id, ada.id)
    const oneAndSome = [...(await sharesOf('ada', 2)), ...(await sharesOf('bo', 1))]
    assert.equal((await recoverKeyFile(at('e'), { shares: oneAndSome })).keys.id, ada.id)
    assert.equal(readdirSync(directory).sort(), ['a', 'ada', 'b', 'bo', 'c', 'd', 'e'])
  }))

test.run()
