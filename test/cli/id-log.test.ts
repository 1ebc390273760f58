/** Key logs on the command line: what an owner says with them, how they are handed on, and what thieves of files get out of it. */

import '../kit/wasm.ts'
import { copyFileSync, existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readArguments } from '../../src/cli/arguments.ts'
import { keyLogText } from '../../src/cli/key-log.ts'
import { ownerKeys } from '../../src/cli/owner.ts'
import { readKeyLog } from '../../src/identity/keylog.ts'
import { recordingIo } from '../kit/io.ts'
import { LogOwner } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'
import { withAda } from '../kit/shell.ts'
import { webvhComplaint } from '../kit/webvh-oracle.ts'

const owners = suite('cli: key logs')
const thieves = suite('cli: thieves of key files')

owners(
  'rotations, delegations and revocations stand in the log, which others verify with its age',
  withAda(async (run, path) => {
    const till = (await run('id show till.keys')).json
    const shown = (await run('id show ada.keys')).json
    assert.equal([shown.position, shown.log.position, shown.recovery.delaySeconds], [1, 2, 2 * 86_400])
    const [delegated] = shown.delegations
    assert.equal(
      [delegated.key, delegated.delegate, delegated.scopes],
      [till.publicKey, till.label, ['pay', 'qnt.open']],
    )
    assert.equal([delegated.amountPerDay, delegated.uses], [500, null])
    const out = await run('~id log ada.keys --out ada.txt')
    assert.match(out.out, /1 {2}rotation .*2 days to object/)
    assert.match(out.out, /2 {2}delegation .* may pay, qnt.open, at most 500 a day, until 20/)
    assert.is((await run('id log ada.keys --out ada.txt')).error, 'bad-argument')
    utimesSync(path('ada.txt'), new Date(), new Date(Date.now() - 3 * 86_400_000 - 1_000))
    assert.match((await run('~id log ada.txt')).out, /log up to position 2, 3 days old/)
    utimesSync(path('ada.txt'), new Date(), new Date(Date.now() + 86_400_000))
    assert.match((await run('~id log ada.txt')).out, /log up to position 2, of unknown age/)
    const revoked = await run(`id revoke ada.keys --key ${till.label} --reason stolen`)
    assert.equal([revoked.code, revoked.json.key, revoked.json.position], [0, till.publicKey, 3])
    assert.equal((await run('id show ada.keys')).json.delegations, [])
    assert.is((await run(`id revoke ada.keys --key ${till.publicKey}`)).error, 'revoked-key')
    assert.is((await run('id revoke ada.keys --key nobody')).error, 'not-delegated')
    const old = (await run('id log ada.txt')).json
    const now = (await run('id log ada.keys')).json
    assert.equal([old.position, now.position, now.events.length], [2, 3, 4])
    assert.is((await run(`id log ${now.log}`)).json.position, 3)
    assert.match((await run('~id show ada.keys')).out, /key log {5}up to position 3, new; what others said since/)
  }),
)

owners(
  'a rotation ends what it does not keep',
  withAda(async (run) => {
    await run('id create robot.keys --kind agent')
    await run('id delegate ada.keys --to robot.keys --scopes pay --expires 2099-01-31 --uses 3')
    const till = (await run('id show till.keys')).json
    const robot = (await run('id show robot.keys')).json
    const rotated = (await run(`id rotate ada.keys --keep ${robot.label}`)).json
    assert.equal([rotated.kept, rotated.ended, rotated.renewed], [[robot.publicKey], [till.publicKey], false])
    const shown = (await run('id show ada.keys')).json
    assert.equal([shown.publicKey, shown.delegations.length, shown.position], [rotated.publicKey, 1, 4])
    assert.is((await run(`id rotate ada.keys --keep ${till.label}`)).error, 'not-delegated')
  }),
)

owners(
  'what cannot be meant is said before anything is done',
  withAda(async (run, path) => {
    const before = readFileSync(path('ada.keys.log'))
    for (const [line, error] of [
      ['id rotate ada.keys --delay 3d', 'usage'],
      ['id rotate ada.keys --with safe.keys', 'usage'],
      ['id rotate ada.keys --recovery safe.keys', 'usage'],
      ['id rotate ada.keys --recovery nothing --with safe.keys', 'bad-argument'],
      ['id rotate ada.keys --recovery safe.keys --with till.keys', 'key-not-committed'],
      ['id rotate ada.keys --recovery ada.keys --with safe.keys', 'bad-argument'],
      ['id recovery stolen.keys --for ada.keys', 'bad-argument'],
      ['id rotate ada.keys --recovery safe.keys --with safe.keys --delay 1y', 'bad-argument'],
      ['id delegate ada.keys --to till.keys --scopes pay', 'usage'],
      ['id delegate ada.keys --to none --scopes pay --expires 1d', 'bad-argument'],
      ['id delegate ada.keys --to till.keys --scopes rotate --expires 1d', 'bad-scope'],
      ['id delegate ada.keys --to till.keys --scopes pay --expires 2020-01-01', 'bad-argument'],
      ['id delegate ada.keys --to till.keys --scopes pay --expires 1d --uses some', 'bad-argument'],
      ['id revoke ada.keys --key x --reason bored', 'bad-argument'],
      ['id veto ada.keys', 'nothing-to-veto'],
      ['id log ada.keys --take till.keys', 'wrong-identity'],
      ['id log none.keys', 'bad-argument'],
      ['id log .', 'file-unreadable'],
      ['id export ada.keys', 'usage'],
      ['id export ada.keys --as did:web', 'bad-argument'],
      ['id export ada.keys --as did:webvh --out did.jsonl', 'usage'],
      ['id reclaim new.keys --log ada.keys', 'usage'],
    ] as const) {
      assert.is((await run(line)).error, error, line)
    }
    assert.equal(readFileSync(path('ada.keys.log')), before)
    assert.not(existsSync(path('new.keys')) || existsSync(path('did.jsonl')))
  }),
)

owners(
  'the identity comes back with a key file that was put away, and its words with its log',
  withAda(async (run, path) => {
    await run('~id log ada.keys --out ada.txt')
    const ada = (await run('id show ada.keys')).json
    const reclaimed = (await run('id reclaim new.keys --log ada.txt --with safe.keys')).json
    assert.equal([reclaimed.label, reclaimed.position, reclaimed.delaySeconds], [ada.label, 3, 2 * 86_400])
    assert.match((await run('~id show new.keys')).out, /recovery {4}pending since position 3: in force 2 days after/)
    assert.is((await run('id rotate new.keys')).error, 'recovery-pending')
    const rotated = await run('id rotate new.keys --recovered')
    assert.equal([rotated.code, rotated.json.position], [0, 4])
    writeFileSync(path('words.txt'), (await run('~id words new.keys')).out)
    assert.is((await run('id recover back.keys --words words.txt')).error, 'bad-identity')
    const back = (await run(`id recover back.keys --words words.txt --log new.keys --id ${ada.label}`)).json
    assert.equal([back.id, back.position], [ada.id, 4])
    assert.equal(readFileSync(path('back.keys')), readFileSync(path('new.keys')))
    const other = (await run('id show till.keys')).json
    assert.is(
      (await run(`id recover x.keys --words words.txt --log new.keys --id ${other.label}`)).error,
      'wrong-identity',
    )
    assert.is(
      (await run('id log new.keys.log')).error,
      'recovery-pending',
      'a stranger does not believe it without witnesses',
    )
  }),
)

owners(
  'who is back renews the recovery keys, and the key file goes on',
  withAda(async (run) => {
    await run('id reclaim new.keys --log ada.keys --with safe.keys')
    await run('id create safe2.keys --kind human')
    assert.is((await run('id rotate new.keys --recovered --recovery safe2.keys --with safe.keys')).code, 0)
    const shown = (await run('id show new.keys')).json
    assert.equal([shown.position, shown.pendingRecovery], [4, null])
    assert.is((await run('id rotate new.keys')).json.position, 5)
    assert.is((await run('id reclaim x.keys --log new.keys --with safe.keys')).error, 'key-not-committed')
    assert.is((await run('id reclaim newer.keys --log new.keys --with safe2.keys')).json.position, 6)
  }),
)

owners(
  'nobody acts alone for an identity of several keys',
  withAda(async (run, path) => {
    const { events } = new LogOwner({ kind: 'organization', keys: 3, threshold: 2 })
    writeFileSync(path('firm.txt'), keyLogText(events))
    assert.is((await run('id log firm.txt')).code, 0)
    const delegate = 'id delegate ada.keys --to firm.txt --scopes pay --expires 1d'
    assert.is((await run(delegate)).error, 'unsupported-key-event')
    const given = readArguments('qnt verify', ['x.qnt', '--owner', path('firm.txt')])
    const keyOf = await ownerKeys(given, recordingIo(), null)
    const { id } = readKeyLog(events)
    assert.is(
      codeOf(() => keyOf(id, 0)),
      'unsupported-key-event',
    )
  }),
)

owners(
  'a recovery that nobody wanted is vetoed, and the next recovery keys are promised from another machine',
  withAda(async (run) => {
    await run('id reclaim thief.keys --log ada.keys --with safe.keys')
    const vetoed = await run('id veto ada.keys --log thief.keys')
    assert.equal([vetoed.code, vetoed.json.position], [0, 4])
    await run('id create safe2.keys --kind human')
    const { digest } = (await run('id recovery safe2.keys --for ada.keys')).json
    assert.match(digest, /^[0-9a-f]{64}$/)
    const rotated = await run(`id rotate ada.keys --recovery ${digest} --with safe.keys --delay 12h`)
    assert.equal([rotated.code, rotated.json.renewed], [0, true])
    assert.equal((await run('id show ada.keys')).json.recovery, {
      digests: [digest],
      threshold: 1,
      delaySeconds: 43_200,
    })
    assert.is((await run('id reclaim y.keys --log ada.keys --with safe.keys')).error, 'key-not-committed')
    assert.is((await run('id reclaim z.keys --log ada.keys --with safe2.keys')).code, 0)
  }),
)

owners(
  'did:key is that of today, and a did:webvh goes on through rotations',
  withAda(async (run, path) => {
    const made = (await run('id export ada.keys --as did:webvh --domain example.org --out did.jsonl')).json
    await run('id rotate ada.keys')
    await run('id rotate ada.keys')
    const more = (await run('id export ada.keys --as did:webvh --out did.jsonl')).json
    assert.equal([more.did, more.versions, more.added], [made.did, 3, 2])
    const text = readFileSync(path('did.jsonl'), 'utf8')
    assert.is(webvhComplaint(text), '')
    assert.is((await run('id export ada.keys --as did:webvh --out did.jsonl')).json.added, 0)
    assert.is(readFileSync(path('did.jsonl'), 'utf8'), text)
    const { did } = (await run('id export ada.keys --as did:key')).json
    assert.ok(text.split('\n')[2]?.includes(did))
    assert.is((await run('id export till.keys --as did:webvh --out did.jsonl')).error, 'wrong-identity')
    assert.is((await run('id export stolen.keys --as did:webvh --domain example.org --out x.jsonl')).error, 'no-root')
    await run('id reclaim new.keys --log ada.keys --with safe.keys')
    assert.is((await run('id export new.keys --as did:webvh --out did.jsonl')).error, 'key-not-committed')
    writeFileSync(path('did.jsonl'), text.replace('example.org', 'example.com'))
    assert.is((await run('id export ada.keys --as did:webvh --out did.jsonl')).error, 'tampered')
  }),
)

owners(
  'files of an owner who rotated verify with the log, at every position of it',
  withAda(async (run, path) => {
    writeFileSync(path('a.txt'), 'before')
    await run('qnt seal a.txt a.qnt --keys ada.keys')
    await run('~id log ada.keys --out old.txt')
    await run('id rotate ada.keys')
    await run('qnt seal a.txt b.qnt --keys ada.keys')
    await run('~id log ada.keys --out new.txt')
    const inception = (await run('id show ada.keys')).json.inception
    assert.is((await run(`qnt verify a.qnt --owner ${inception}`)).error, 'unknown-owner')
    assert.is((await run('qnt verify a.qnt --owner old.txt')).code, 0)
    const stale = await run('qnt verify b.qnt --owner old.txt')
    assert.is(stale.error, 'unknown-owner')
    assert.match(stale.err, /log that is known here ends at position 2: ask the owner for a newer one/)
    for (const name of ['a', 'b']) {
      const verified = await run(`qnt verify ${name}.qnt --owner new.txt`)
      assert.is(verified.code, 0, name)
      assert.match(verified.err, /key log up to position 3, new; what came later is not known here/)
      assert.is(/by a key that was retired at position 3/.test(verified.err), name === 'a')
    }
    assert.is((await run('qnt verify b.qnt --owner ada.keys')).code, 0)
    assert.is((await run('qnt open a.qnt a2.txt --keys ada.keys')).code, 0)
    assert.is((await run('qnt verify a.qnt --owner till.keys')).error, 'unknown-owner')
    for (const name of ['a.txt', 'a.qnt'])
      assert.is((await run(`qnt verify a.qnt --owner ${name}`)).error, 'bad-argument')
  }),
)

thieves(
  'who has a daily file cannot rotate, recover, show words, or make further files',
  withAda(async (run, path) => {
    assert.is((await run('id rotate stolen.keys')).error, 'no-root')
    assert.is((await run('id rotate stolen.keys --recovery till.keys --with till.keys')).error, 'no-root')
    assert.is((await run('id words stolen.keys')).error, 'no-root')
    assert.is((await run('id guard stolen.keys --guardians A,B --needed 2')).error, 'no-root')
    assert.is((await run('id daily stolen.keys more.keys')).error, 'no-root')
    assert.is((await run('id reclaim x.keys --log stolen.keys --with stolen.keys')).error, 'no-root')
    assert.is((await run('id reclaim x.keys --log stolen.keys --with till.keys')).error, 'key-not-committed')
    assert.is((await run('id recovery stolen.keys --for till.keys')).error, 'no-root')
    assert.not(existsSync(path('more.keys')) || existsSync(path('x.keys')))
  }),
)

thieves(
  'what he delegates with it does not outlive the rotation of the owner, and then he delegates nothing',
  withAda(async (run, path) => {
    await run('id create back-door.keys')
    assert.is((await run('id delegate stolen.keys --to back-door.keys --scopes pay --expires 30d')).code, 0)
    await run('~id log stolen.keys --out theft.txt')
    assert.is((await run('id log ada.keys --take theft.txt')).code, 0, 'the net settled it')
    assert.is((await run('id show ada.keys')).json.delegations.length, 2)
    await run('id rotate ada.keys')
    await run('~id log ada.keys --out after.txt')
    assert.equal((await run('id log after.txt')).json.events.at(-1).kept, [])
    assert.equal((await run('id show ada.keys')).json.delegations, [])
    assert.is((await run('id log stolen.keys --take after.txt')).error, 'retired-key')
    copyFileSync(path('ada.keys.log'), path('stolen.keys.log'))
    for (const line of [
      'id delegate stolen.keys --to back-door.keys --scopes pay --expires 30d',
      'id veto stolen.keys',
      'id revoke stolen.keys --key 00',
      'qnt recipient --keys stolen.keys',
    ]) {
      assert.is((await run(line)).error, 'retired-key', line)
    }
    const forked = await run('id log ada.keys --take theft.txt')
    assert.is(forked.error, 'stale-log')
  }),
)

thieves(
  'who has the key file of a device that acts has nothing of the owner',
  withAda(async (run, path) => {
    copyFileSync(path('ada.keys.log'), path('till.keys.log'))
    for (const verb of [
      'rotate till.keys',
      'veto till.keys',
      'show till.keys',
      'log till.keys',
      'daily till.keys x.keys',
    ]) {
      assert.is((await run(`id ${verb}`)).error, 'key-file-broken', verb)
    }
    assert.is((await run('id log till.keys --take ada.keys')).error, 'key-file-broken')
    assert.not(existsSync(path('x.keys')))
  }),
)

thieves(
  'who has the whole key file rotates, but cannot touch the recovery keys, and loses to them',
  withAda(async (run, path) => {
    copyFileSync(path('ada.keys'), path('copy.keys'))
    copyFileSync(path('ada.keys.log'), path('copy.keys.log'))
    await run('id create mine.keys --kind human')
    assert.is((await run('id rotate copy.keys --recovery mine.keys')).error, 'usage')
    assert.is((await run('id rotate copy.keys --recovery mine.keys --with mine.keys')).error, 'key-not-committed')
    assert.is((await run('id rotate copy.keys')).code, 0)
    assert.is((await run('id log ada.keys --take copy.keys')).code, 0, 'the net settled it')
    await run('id reclaim back.keys --log ada.keys --with safe.keys')
    await run('id veto copy.keys --log back.keys')
    const second = (await run('id reclaim back2.keys --log copy.keys --with safe.keys')).json
    assert.is(second.position, 6)
    assert.is((await run('id veto copy.keys --log back2.keys')).error, 'recovery-final')
    assert.is((await run('id rotate copy.keys')).error, 'recovery-pending')
    assert.is((await run('id rotate back2.keys --recovered')).code, 0)
    assert.is((await run('id log copy.keys --take back2.keys')).error, 'retired-key')
  }),
)

owners.run()
thieves.run()
