/**
 * Thieves who have the daily file of an owner, the key file of the device that acts for her, and a program of their own: what they forge is handed to the
 * commands of others, and each attempt is refused with its code. And guardians who lie, or whose share is damaged.
 */

import '../kit/wasm.ts'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { keyLogText } from '../../src/cli/key-log.ts'
import { fromBase64url } from '../../src/core/bytes.ts'
import { dailyFileBytes, isSealed, type KeyContent, readKeyFile } from '../../src/drivers/key-file-format.ts'
import { readKeyLogFile } from '../../src/drivers/key-file-log.ts'
import { publicKeyOf, signWith } from '../../src/drivers/key-file-root.ts'
import { readShare, shareText } from '../../src/identity/guardians.ts'
import type { KeyEvent } from '../../src/identity/keylog-event.ts'
import { LogOwner, pairOf, promise, publicKeys, signedEvent } from '../kit/keylog.ts'
import type { Pair } from '../kit/people.ts'
import { type Run, withAda, withShell } from '../kit/shell.ts'

const forgers = suite('cli: thieves who forge key logs')
const guardians = suite('cli: shares of guardians')
const mine = pairOf(900_000)
const later = pairOf(900_001)

function contentOf(path: string): KeyContent {
  const content = readKeyFile(path, new Uint8Array(readFileSync(path)))
  if (isSealed(content)) throw new Error(`${path} is sealed`)
  return content
}

/** The key of a file after so many rotations, as its thief has it. */
function pairIn(path: string, rotation?: number): Pair {
  const content = contentOf(path)
  const key = content.keyAt(rotation ?? content.rotation)
  return { publicKey: publicKeyOf(key), sign: (message) => signWith(key, message) }
}

async function eventsOf(run: Run, file: string): Promise<Uint8Array[]> {
  return readKeyLogFile(file, fromBase64url((await run(`id log ${file}`)).json.log))
}

/** Whoever writes on from the end of a log and has these keys for everything. */
function writer(events: readonly Uint8Array[], key: Pair): LogOwner {
  const keys = { keys: [key], next: [key], recovery: [key] }
  return Object.assign(new LogOwner({ from: 700_000 }), { events: [...events], ...keys })
}

/** A rotation to `key`, with new recovery keys where it shows an old one. */
function rotation(log: LogOwner, key: Pair, signer: Pair, recoveryKey?: Pair): Uint8Array {
  const shown = recoveryKey === undefined ? [] : [recoveryKey]
  const renewal = { recoveryKeys: publicKeys(shown), recovery: { ...promise([later]), delaySeconds: 60 } }
  const event: KeyEvent = {
    ...{ event: 'rotation', ...log.link(), keys: publicKeys([key]), next: promise([pairOf(900_002)]), kept: [] },
    renewal: recoveryKey === undefined ? null : renewal,
  }
  return signedEvent(event, [signer, ...shown])
}

/** A recovery to the thief's key that shows `recoveryKey` and is signed by `signer` in its place. */
function recovery(log: LogOwner, recoveryKey: Pair, signer = recoveryKey): Uint8Array {
  const event: KeyEvent = {
    ...{ event: 'recovery', ...log.link(), recoveryKeys: publicKeys([recoveryKey]), keys: publicKeys([mine]) },
    ...{ threshold: 1, next: promise([later]), recovery: { ...promise([pairOf(900_003)]), delaySeconds: 60 } },
  }
  return signedEvent(event, [mine, signer])
}

forgers(
  'with the current key and all delegated keys: no rotation, no recovery, no new recovery keys, and nothing by a device',
  withAda(async (run, path) => {
    writeFileSync(path('a.txt'), 'Ada’s')
    await run('qnt seal a.txt a.qnt --keys ada.keys')
    const events = await eventsOf(run, 'ada.keys')
    const before = readFileSync(path('ada.keys.log'))
    const [current, till] = [pairIn(path('stolen.keys')), pairIn(path('till.keys'))]
    // what he would need and has not: public halves that he may have seen somewhere
    const next = { publicKey: pairIn(path('ada.keys'), 2).publicKey, sign: current.sign }
    const log = writer(events, current)
    const byTill = writer(events, till)
    const others = writer(events, mine)
    const attempts: readonly (readonly [string, Uint8Array, string])[] = [
      ['1: he rotates to a key of his own', rotation(log, mine, mine), 'key-not-committed'],
      [
        '2: he rotates to his own key and signs with the current one',
        rotation(log, mine, current),
        'key-not-committed',
      ],
      ['3: he rotates to the current key', rotation(log, current, current), 'key-not-committed'],
      ['4: he shows the next key and signs with the current one', rotation(log, next, current), 'bad-signature'],
      ['5: he shows the next key and signs with a delegated one', rotation(log, next, till), 'delegated-key'],
      ['6: he rotates to a delegated key', rotation(log, till, till), 'key-not-committed'],
      ['7: he recovers with the current key', recovery(log, current), 'key-not-committed'],
      ['8: he recovers with a delegated key', recovery(log, till), 'key-not-committed'],
      ['9: he recovers with a key of his own', recovery(log, later), 'key-not-committed'],
      ['10: he recovers with the next key', recovery(log, next, current), 'key-not-committed'],
      ['11: he puts recovery keys of his own', rotation(log, mine, current, current), 'key-not-committed'],
      ['12: the next key and his own recovery key', rotation(log, next, current, mine), 'key-not-committed'],
      ['13: a device lets another key act', byTill.delegation(mine.publicKey), 'delegated-key'],
      ['14: a device revokes', byTill.revocation(till.publicKey), 'delegated-key'],
      ['15: a device objects to nothing', byTill.veto(), 'nothing-to-veto'],
      ['16: he lets the next key act, to have it seen', log.delegation(next.publicKey), 'key-shown-early'],
      ['17: a stranger lets himself act', others.delegation(mine.publicKey), 'bad-signature'],
    ]
    for (const [name, event, code] of attempts) {
      writeFileSync(path('forged.txt'), keyLogText([...events, event]))
      for (const line of [
        'id log forged.txt',
        'id log ada.keys --take forged.txt --instead',
        'qnt verify a.qnt --owner forged.txt',
      ]) {
        assert.is((await run(line)).error, code, `${name}: ${line}`)
      }
    }
    assert.equal(readFileSync(path('ada.keys.log')), before)
  }),
)

forgers(
  'after the rotation of the owner his keys say nothing more: in the log, as a fork of it, or below a file',
  withAda(async (run, path) => {
    writeFileSync(path('a.txt'), 'not Ada’s')
    const current = pairIn(path('stolen.keys'))
    const stolen = await eventsOf(run, 'stolen.keys')
    const backDoor = writer(stolen, current).delegation(mine.publicKey)
    writeFileSync(path('theft.txt'), keyLogText([...stolen, backDoor]))
    assert.is((await run('id log ada.keys --take theft.txt')).code, 0, 'the net settled it')
    await run('id rotate ada.keys')
    const before = readFileSync(path('ada.keys.log'))
    const events = await eventsOf(run, 'ada.keys')
    writeFileSync(path('after.txt'), keyLogText(events))
    const fork = writer([...stolen, backDoor], current)
    for (let number = 0; number < 3; number++) fork.append(fork.delegation(pairOf(910_000 + number).publicKey))
    const late = writer(events, current)
    const attempts: readonly (readonly [string, readonly Uint8Array[], string])[] = [
      ['1: he lets a key act', [...events, late.delegation(later.publicKey)], 'retired-key'],
      ['2: he revokes', [...events, late.revocation(mine.publicKey)], 'retired-key'],
      [
        '3: the key that he let act lets another',
        [...events, writer(events, mine).delegation(later.publicKey)],
        'bad-signature',
      ],
      ['4: he rotates', [...events, rotation(late, mine, current)], 'key-not-committed'],
      ['5: he recovers', [...events, recovery(late, current)], 'key-not-committed'],
      ['6: he hands in the log of before', [...stolen, backDoor], 'stale-log'],
      ['7: he hands in a longer one that knows no rotation', fork.events, 'forked-log'],
    ]
    for (const [name, forged, code] of attempts) {
      writeFileSync(path('forged.txt'), keyLogText(forged))
      assert.is((await run('id log ada.keys --take forged.txt')).error, code, name)
    }
    assert.equal(readFileSync(path('ada.keys.log')), before)
    assert.equal((await run('id show ada.keys')).json.delegations, [])
    // a file of today, signed by the key of yesterday
    const { position } = (await run('id show ada.keys')).json
    for (const [name, at, code] of [
      ['8: he signs a file at the position of the new key', position, 'bad-signature'],
      ['9: he signs a file behind the end of the log', position + 1, 'unknown-owner'],
    ] as const) {
      const daily = { ...contentOf(path('stolen.keys')), position: at }
      const seed = fromBase64url(seedIn(path('stolen.keys')))
      writeFileSync(path('forged.keys'), dailyFileBytes(daily, seed), { mode: 0o600 })
      assert.is((await run('qnt seal a.txt forged.qnt --keys forged.keys')).code, 0, name)
      assert.is((await run('qnt verify forged.qnt --owner after.txt')).error, code, name)
      for (const file of ['forged.keys', 'forged.qnt']) rmSync(path(file))
    }
    // at the position of his own key nobody can tell it from older files: whoever reads it is warned
    rmSync(path('stolen.keys.log'))
    await run('qnt seal a.txt forged.qnt --keys stolen.keys')
    const verified = await run('qnt verify forged.qnt --owner after.txt')
    assert.match(verified.err, new RegExp(`signed by a key that was retired at position ${position};`))
  }),
)

guardians(
  'whatever is wrong with one share, it is named and the others do',
  withShell(async (run, path) => {
    await run('id create ada.keys --kind human')
    await run('id guard ada.keys --guardians Bo,Cy,Di,Ed,Flo --needed 3 --out .')
    const good = readFileSync(path('guardian-2.txt'))
    const lie = readShare(good.toString())
    const half = good.indexOf('\n') + 40
    const bad: readonly (readonly [string, Uint8Array | string, string, string])[] = [
      ['a flipped bit that no text has', good.map((byte, i) => (i === half ? byte ^ 0x80 : byte)), 'mistyped', 'Cy'],
      ['cut off', good.subarray(0, half), 'mistyped', 'Cy'],
      ['empty', '', 'mistyped', ''],
      ['noise', good.map((_, i) => (i * 151) & 0xff), 'mistyped', ''],
      ['a lie that checks', shareText({ ...lie, share: lie.share.map((byte) => byte ^ 1) }), 'share-broken', 'Cy'],
      ['another’s name', shareText({ ...lie, guardian: 'Bo' }), 'share-broken', 'Bo'],
    ]
    for (const [name, bytes, code, guardian] of bad) {
      writeFileSync(path('bad.txt'), bytes)
      const files = ['bad', 'guardian-1', 'guardian-4', 'guardian-5'].map((file) => `${file}.txt`).join()
      const found = await run(`id recover back.keys --shares ${files}`)
      assert.is(found.code, 0, `${name}: ${found.err}`)
      assert.equal(
        [found.json.problems.length, found.json.problems[0].code, found.json.problems[0].guardian],
        [1, code, guardian],
        name,
      )
      assert.match(found.err, /^not used: share 1, of /, name)
      assert.match(found.err, /bring its log before you do anything else/)
      assert.equal(readFileSync(path('back.keys')), readFileSync(path('ada.keys')), name)
      rmSync(path('back.keys'))
    }
  }),
)

forgers.run()
guardians.run()

/** The seed of a daily file in base64url. */
function seedIn(path: string): string {
  const content = contentOf(path)
  return content.keyAt(content.rotation).export({ format: 'jwk' }).d as string
}
