/** `webx ping …` with real files, real nodes and a real broker: minted at the owner's node, passed on offline, revoked, and heard of where it is redeemed. */

import '../kit/wasm.ts'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { fromBase64url, fromHex, toHex } from '../../src/core/bytes.ts'
import { encodePing, pingMessage } from '../../src/data/ping.ts'
import { encodePresentation, readPresentation } from '../../src/data/presentation.ts'
import { encodeStatusList, isRevoked, statusMessage } from '../../src/data/statuslist.ts'
import { openControlSocket } from '../../src/drivers/control-socket.ts'
import { openKeyFile } from '../../src/drivers/key-file.ts'
import type { Keys } from '../../src/kernel/ports.ts'
import { pingMethods } from '../../src/station-pings.ts'
import { openVault } from '../../src/station-vault.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { MemoryNet } from '../kit/node.ts'
import { GRANT, TERMS } from '../kit/pings.ts'
import { commandsIn } from '../kit/shell.ts'
import { tempForProcess } from '../kit/temp.ts'
import { until } from '../kit/within.ts'

const TEMP = tempForProcess()
const test = suite('cli: pings')
const { webx, done, refusal } = commandsIn(TEMP)
const at = (name: string): string => join(TEMP, name)

let net: Testnet
let anna: WebxNode
let server: WebxNode
/** What ends before the net does, newest last. */
const closers: (() => Promise<void>)[] = []

async function json(...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await done(...args, '--json')) as Record<string, unknown>
}

/** Mints at Anna's node. */
function mint(...more: string[]): Promise<Record<string, unknown>> {
  const usual = ['--to', 'ben.holder', '--operations', 'read,verify', '--purposes', 'billing,research', '--data', '.']
  return json('ping', 'mint', 'x.qnt', ...usual, ...more)
}

const FIELDS = Array.from({ length: 10 }, (_, i) => `field${i}=value ${i}`).join(',')

test.before(async () => {
  for (const name of ['anna', 'ben', 'carol', 'eve']) {
    await done('id', 'create', `${name}.key`)
    writeFileSync(at(`${name}.inception`), String((await json('id', 'show', `${name}.key`))['inception']))
    writeFileSync(at(`${name}.holder`), await done('ping', 'holder', '--keys', `${name}.key`))
  }
  writeFileSync(at('plain'), 'what nobody else reads')
  const sealing = ['qnt', 'seal', 'plain', 'x.qnt', '--keys', 'anna.key', '--fields', FIELDS]
  await done(...sealing, '--disclosures', 'x.disclosures', '--decoys', '6')
  net = await createTestnet(1)
  anna = await net.addNode('anna', { keys: await openKeyFile(at('anna.key')) })
  server = await net.addNode('server')
  const vault = await openVault(anna, { dataDir: at('anna') })
  closers.push(() => vault.close())
  await vault.vault.keep(at('x.qnt'))
  const control = await openControlSocket({
    path: at('control.sock'),
    methods: { ...pingMethods(anna), ...vault.methods },
    counters: anna.context.counters,
  })
  closers.push(() => control.close())
})
test.after(async () => {
  for (const close of closers.reverse()) await close()
  await net?.close()
})

test('a minted ping with ten fields fits a QR code, and says what was meant', async () => {
  const opens = ['--disclosures', 'x.disclosures']
  const minted = await mint('--fields', 'all', ...opens, '--range', '0:10', '--uses', '3', '--expires', '2d')
  writeFileSync(at('x.ping'), String(minted['presentation']))
  const { ping } = readPresentation(fromBase64url(minted['presentation'] as string))
  assert.is(ping.fieldDigests.length, 16, 'ten among six decoys')
  const names = Array.from({ length: 10 }, (_, i) => `field${i}`).join(',')
  const ten = await mint('--fields', names, ...opens, '--server', toHex(server.context.keys.id))
  assert.is(readPresentation(fromBase64url(ten['presentation'] as string)).ping.fieldDigests.length, 10)
  assert.ok((ten['bytes'] as number) <= 1_100, `${ten['bytes']} bytes with ten fields opened`)
  const blank = await done(
    'ping',
    'narrow',
    String(ten['presentation']),
    '--keys',
    'ben.key',
    '--to',
    'carol.holder',
    '--fields',
    'none',
  )
  assert.ok(fromBase64url(blank.trim()).length <= 1_100, 'passed on once, none opened')
  const shown = await json('ping', 'show', 'x.ping')
  assert.equal(
    [shown['range'], shown['uses'], shown['operations'], shown['signatures']],
    ['0:10', '3', ['read', 'verify'], 'not checked'],
  )
  assert.equal((shown['fields'] as { name: string }[]).map(({ name }) => name).sort()[9], 'field9')
  assert.match(await done('ping', 'show', 'x.ping', '--issuer', 'anna.inception'), /^signatures +hold/m)
})

test('it is passed on offline: less, by its holder, and never more', async () => {
  await mint('--out', 'y.ping', '--fields', 'all', '--disclosures', 'x.disclosures', '--uses', '5')
  const narrowing = ['ping', 'narrow', 'y.ping', '--to', 'carol.holder']
  const options = [
    '--operations',
    'read',
    '--purposes',
    'research',
    '--range',
    '4:',
    '--uses',
    '2',
    '--fields',
    'field1,field7',
  ]
  await done(...narrowing, '--keys', 'ben.key', ...options, '--out', 'z.ping')
  const verified = await json('ping', 'verify', 'z.ping', '--issuer', 'anna.inception')
  assert.equal(
    [verified['narrowings'], verified['range'], verified['uses'], verified['purposes'], verified['operations']],
    [1, '4:', '2', 'research', ['read']],
  )
  assert.equal((verified['fields'] as { name: string }[]).map(({ name }) => name).sort(), ['field1', 'field7'])
  assert.is(await refusal(...narrowing, '--keys', 'eve.key', '--uses', '1'), '3 wrong-holder')
  assert.is(await refusal(...narrowing, '--keys', 'ben.key', '--operations', 'read,notify'), '3 narrowing-widens')
  assert.is(await refusal(...narrowing, '--keys', 'ben.key', '--uses', '0'), '2 bad-argument')
  assert.is(await refusal(...narrowing, '--keys', 'ben.key', '--fields', 'secret'), '2 bad-argument')
  assert.is(await refusal('ping', 'narrow', 'z.ping', '--to', 'eve.holder', '--keys', 'ben.key'), '3 wrong-holder')
  const [carols] = [
    await done('ping', 'narrow', 'z.ping', '--to', 'eve.holder', '--keys', 'carol.key', '--fields', 'none'),
  ]
  assert.is((await json('ping', 'verify', carols.trim(), '--issuer', 'anna.inception'))['narrowings'], 2)
})

test('what is not the owner’s, over or changed is refused', async () => {
  assert.is(await refusal('ping', 'verify', 'x.ping', '--issuer', 'eve.inception'), '1 unknown-owner')
  assert.is(await refusal('ping', 'verify', 'x.ping'), '2 usage')
  assert.is(await refusal('ping', 'show', '/dev/zero'), '1 too-long', 'no more is read than may be')
  assert.is(await refusal('ping', 'show', '.'), '1 file-unreadable')
  const bytes = fromBase64url(readFileSync(at('x.ping'), 'utf8'))
  const changed = bytes.slice()
  changed[60] = (changed[60] as number) ^ 1
  writeFileSync(at('changed.ping'), changed)
  assert.match(
    await refusal('ping', 'verify', 'changed.ping', '--issuer', 'anna.inception'),
    /^1 (bad-|not-canonical|unknown-owner)/,
  )
  writeFileSync(at('binary.ping'), bytes)
  await done('ping', 'verify', 'binary.ping', '--issuer', 'anna.inception')
  await mint('--not-before', '2h', '--out', 'later.ping')
  assert.is(await refusal('ping', 'verify', 'later.ping', '--issuer', 'anna.inception'), '3 not-yet-valid')
  await mint('--not-before', '2020-01-01', '--expires', '2020-01-02', '--out', 'over.ping')
  assert.is(await refusal('ping', 'verify', 'over.ping', '--issuer', 'anna.inception'), '3 expired')
})

test('offline, too, nothing counts that a key signed which acts no more, and no list of a time to come', async () => {
  await done('id', 'create', 'dora.key')
  const old = await openKeyFile(at('dora.key'))
  const nowMs = Date.now()
  const LIST = TERMS.id
  const list = async (keys: Keys, name: string, issuedMs = nowMs, listId = LIST) => {
    const terms = {
      issuer: keys.id,
      issuerPosition: keys.position,
      listId,
      sequence: 1,
      issuedMs,
      bits: new Uint8Array(1),
    }
    writeFileSync(at(name), encodeStatusList(terms, await keys.sign(statusMessage(terms))))
  }
  const ping = async (keys: Keys, name: string) => {
    const grant = { ...GRANT, notBeforeMs: 0, expiresMs: nowMs + 3_600_000 }
    const status = { listId: LIST, index: 0 }
    const terms = { ...TERMS, issuer: keys.id, issuerPosition: keys.position, grant, status }
    const document = encodePing(terms, await keys.sign(pingMessage(terms)))
    writeFileSync(at(name), encodePresentation({ ping: document, narrowings: [], disclosures: [] }))
  }
  await ping(old, 'old.ping')
  await list(old, 'old.status')
  const verify = (name: string, ...more: string[]) => ['ping', 'verify', name, '--issuer', 'dora.key.log', ...more]
  assert.is((await webx('id', 'rotate', 'dora.key')).code, 0)
  const keys = await openKeyFile(at('dora.key'))
  await ping(keys, 'new.ping')
  await list(keys, 'new.status')
  await list(keys, 'ahead.status', nowMs + 3_600_000)
  await done(...verify('new.ping', '--status', 'new.status'))
  assert.is(await refusal(...verify('new.ping', '--status', 'old.status')), '1 retired-key')
  assert.is(await refusal(...verify('new.ping', '--status', 'ahead.status')), '1 from-the-future')
  await list(keys, 'other.status', nowMs, new Uint8Array(16))
  assert.is(await refusal(...verify('new.ping', '--status', 'other.status')), '3 status-unknown')
  assert.is(await refusal(...verify('old.ping')), '1 retired-key')
})

test('what a stranger wrote moves no cursor and begins no line', async () => {
  const purposes = ['x\n\u001b[2Ksignatures      hold']
  const ping = encodePing({ ...TERMS, grant: { ...GRANT, purposes } }, new Uint8Array(64))
  writeFileSync(at('odd.ping'), encodePresentation({ ping, narrowings: [], disclosures: [] }))
  const shown = await done('ping', 'show', 'odd.ping')
  assert.not.match(shown, /^signatures +hold/m)
  assert.not(shown.includes('\u001b'))
  assert.match(shown, /^purposes +x/m)
  assert.is((await json('ping', 'show', 'odd.ping'))['purposes'], purposes[0])
})

test('minting says what is missing and refuses what nobody would take', async () => {
  const plain = ['ping', 'mint', 'x.qnt', '--data', '.', '--to', 'ben.holder']
  assert.is(await refusal(...plain, '--purposes', 'x'), '2 usage')
  assert.is(await refusal(...plain, '--operations', 'read'), '2 usage')
  assert.is(await refusal(...plain, '--operations', 'raed', '--purposes', 'x'), '2 bad-argument')
  assert.is(await refusal(...plain, '--operations', 'read', '--purposes', 'x', '--range', '9:1'), '2 bad-argument')
  assert.is(await refusal(...plain, '--operations', 'read', '--purposes', 'x', '--fields', 'all'), '2 usage')
  assert.is(await refusal(...plain, '--operations', 'read', '--purposes', 'x', '--uses', '0'), '2 bad-argument')
  assert.is(await refusal(...plain, '--operations', 'read', '--purposes', 'x', '--out', 'x.ping'), '2 bad-argument')
  await done('qnt', 'seal', 'plain', 'eve.qnt', '--keys', 'eve.key')
  const eves = [
    'ping',
    'mint',
    'eve.qnt',
    '--data',
    '.',
    '--to',
    'ben.holder',
    '--operations',
    'read',
    '--purposes',
    'x',
  ]
  assert.is(await refusal(...eves), '3 wrong-owner')
})

test('revoked at the owner’s node, it is revoked where it is redeemed, and by the list in a file', async () => {
  const minted = await mint('--server', toHex(server.context.keys.id), '--out', 'r.ping')
  const { ping } = readPresentation(fromBase64url(minted['presentation'] as string))
  const { listId, index } = ping.status as NonNullable<typeof ping.status>
  await server.statuses.follow(ping.issuer, listId)
  const before = server.statuses.list(ping.issuer, listId)
  assert.ok(before && !isRevoked(before, index))
  writeFileSync(at('before.status'), String(minted['statusList']))
  const fresh = await json('ping', 'verify', 'r.ping', '--issuer', 'anna.inception', '--status', 'before.status')
  assert.ok((fresh['statusAgeMs'] as number) >= 0)
  const revoked = await json('ping', 'revoke', 'r.ping', '--data', '.')
  await until(5_000, () => isRevoked(server.statuses.list(ping.issuer, listId) ?? before, index), 'the revocation')
  writeFileSync(at('after.status'), String(revoked['statusList']))
  const verify = ['ping', 'verify', 'r.ping', '--issuer', 'anna.inception', '--status']
  assert.is(await refusal(...verify, 'after.status'), '3 revoked')
  const listed = (await json('ping', 'list', '--data', '.'))['pings'] as { id: string; revokedMs: number | null }[]
  assert.equal(
    listed.filter(({ revokedMs }) => revokedMs !== null).map(({ id }) => id),
    [minted['id']],
  )
  assert.match(await done('ping', 'list', '--data', '.'), new RegExp(`^${minted['id']}  revoked`, 'm'))
  assert.is(await refusal('ping', 'revoke', toHex(fromHex('00'.repeat(16))), '--data', '.'), '2 bad-argument')
})

test('a holder redeems at the owner’s node through his own, until it is revoked', async () => {
  const ben = await net.addNode('ben', { keys: await openKeyFile(at('ben.key')) })
  const bens = await openVault(ben, { dataDir: at('ben') })
  closers.push(() => bens.close())
  const { counters } = ben.context
  const door = await openControlSocket({ path: at('ben/control.sock'), methods: bens.methods, counters })
  closers.push(() => door.close())
  await mint('--out', 'd.ping')
  const redeem = ['ping', 'redeem', 'd.ping', '--data', 'ben', '--purpose']
  const read = await json(...redeem, 'billing', 'd.txt')
  assert.equal([read['operation'], read['version'], read['bytes']], ['read', 1, 22])
  assert.is(readFileSync(at('d.txt'), 'utf8'), 'what nobody else reads')
  await done(...redeem, 'billing', 'part.txt', '--range', '5:11')
  assert.is(readFileSync(at('part.txt'), 'utf8'), 'nobody')
  assert.is(await refusal(...redeem, 'fun', 'e.txt'), '3 wrong-purpose')
  assert.is(await refusal(...redeem, 'billing', 'e.txt', '--operation', 'notify'), '3 operation-not-granted')
  assert.is(await refusal(...redeem, 'billing'), '2 usage')
  assert.is(await refusal(...redeem, 'billing', 'd.txt'), '2 bad-argument')
  await done('ping', 'revoke', 'd.ping', '--data', '.')
  assert.is(await refusal(...redeem, 'billing', 'e.txt'), '3 revoked')
  assert.not(existsSync(at('e.txt')))
})

test('long lists of pings come in pieces', async () => {
  const memory = new MemoryNet(1)
  const node = await memory.node()
  for (let i = 0; i < 70; i++) {
    await node.issuer.mint({
      ...TERMS,
      dataId: TERMS.dataId,
      fileVersionFrom: 1,
      audience: node.person.id,
      grant: GRANT,
    })
  }
  const methods = pingMethods(node as unknown as WebxNode)
  const ask = async (after: string) => {
    const answer = await methods['pings']?.({
      params: { after },
      signal: new AbortController().signal,
      progress: () => {},
    })
    return answer as { pings: { id: string }[]; more: boolean }
  }
  const first = await ask('')
  assert.equal([first.pings.length, first.more], [64, true])
  const rest = await ask(first.pings.at(-1)?.id as string)
  assert.equal([rest.pings.length, rest.more], [6, false])
  assert.is(new Set([...first.pings, ...rest.pings].map(({ id }) => id)).size, 70)
  await memory.close()
})

test.run()
