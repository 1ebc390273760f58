/** Redeeming at its bounds: places, delegated minting keys, parts of pings, what happens while a redemption is judged, what a holder keeps and gives up. */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, fromText, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { encodeNarrowing, narrowingMessage } from '../../src/data/narrowing.ts'
import { encodePing, pingMessage } from '../../src/data/ping.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { encodePresentation, readPresentation, rightsOf } from '../../src/data/presentation.ts'
import { answerPayload, readBlock, readQuery } from '../../src/data/redeem-frames.ts'
import type { Rights } from '../../src/data/rights.ts'
import type { Delegation } from '../../src/identity/delegation.ts'
import { type KeptNotice, RedeemRefused } from '../../src/kernel/redeeming.ts'
import type { Runnables } from '../../src/kernel/vault.ts'
import type { Minted } from '../../src/services/issuer.ts'
import { KeptNotices } from '../../src/services/redeemer-notices.ts'
import { Spent } from '../../src/services/redemption-spent.ts'
import { MemoryStore } from '../kit/memory.ts'
import { makePerson, type Person } from '../kit/people.ts'
import { type Asker, alwaysSays, presented, READ_ALL, RedeemStage, RUNNABLES, refusal } from '../kit/redeem.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { tempForProcess } from '../kit/temp.ts'
import { sealed, tombstoneAfter } from '../kit/vault.ts'

interface World {
  stage: RedeemStage
  holder: Asker
  /** What happens while a runnable is asked. */
  meanwhile: () => Promise<unknown>
}

const folder = tempForProcess()
let folders = 0

const bounds = suite<World>('redemption: bounds')
bounds.before.each(async (world) => {
  const own = join(folder, String(folders++))
  await mkdir(own)
  world.meanwhile = async () => {}
  const runnables: Runnables = {
    run: async (...asked) => {
      const { meanwhile } = world
      world.meanwhile = async () => {}
      await meanwhile()
      return RUNNABLES.run(...asked)
    },
  }
  world.stage = await RedeemStage.open(own, { runnables, jurisdictions: ['DE', 'EU'] })
  world.holder = await world.stage.asker()
})
bounds.after.each(({ stage }) => stage.close())

const ALLOW = alwaysSays('access', { kind: 'allow' })

function usesOnDisk({ stage }: World, key: Uint8Array): number {
  const spent = new Spent()
  spent.restore(stage.server.node.store.afterPowerCut())
  return spent.usesOf(key)
}

bounds('a server hands out where it stands, by any name of the place, and nowhere else', async (world) => {
  const { stage, holder } = world
  const at = async (jurisdictions: readonly string[]) => {
    const file = await stage.keep({ policy: { ...FREE_POLICY, jurisdictions } })
    return stage.read(holder, presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder))))
  }
  assert.is((await at(['CH', 'EU'])).content.length, 1_000)
  assert.is(await refusal(() => at(['CH', 'US'])), 'wrong-jurisdiction policy')
})

/** Has the directory say that the owner's log delegates that key; pings signed by it. */
function delegateTo({ stage, holder }: World, person: Person, change: Partial<Delegation>) {
  const { directory, clock } = stage.server.node.context
  const state = directory.stateOf(stage.owner.id)
  assert.ok(state)
  const delegation: Delegation = {
    ...{ delegate: person.id, key: person.publicKey, scopes: ['ping.mint'], amountPerDayMax: null, usesMax: null },
    ...{ expiresMs: clock.nowMs() + 1_000_000, ...change },
  }
  directory.stateOf = () => ({ ...state, delegations: new Map([[toHex(person.publicKey), delegation]]) })
  return async (dataId: Uint8Array) => {
    const { ping } = await stage.mint(dataId, stage.grantTo(holder))
    const terms = { ...ping, grant: ping.rights }
    const document = encodePing(terms, person.sign(pingMessage(terms)))
    return encodePresentation({ ping: document, narrowings: [], disclosures: [] })
  }
}

bounds('all that a delegated key mints shares the uses of its delegation, durably', async (world) => {
  const { stage, holder } = world
  const file = await stage.keep()
  const [device, other] = [makePerson('device'), makePerson('device')]
  const minted = delegateTo(world, device, { usesMax: 2 })
  const [first, second] = [await minted(file.manifest.dataId), await minted(file.manifest.dataId)]
  await stage.read(holder, first)
  await stage.read(holder, second)
  assert.is(await refusal(() => stage.read(holder, first)), 'used-up ping')
  assert.is(await refusal(() => stage.read(holder, second)), 'used-up ping')
  assert.is(usesOnDisk(world, concat(stage.owner.id, device.publicKey)), 2)
  await stage.net.pass(2_000, 1_000)
  const unbounded = delegateTo(world, other, {})
  await stage.read(holder, await unbounded(file.manifest.dataId))
  const none = delegateTo(world, other, { usesMax: 0 })
  assert.is(await refusal(async () => stage.read(holder, await none(file.manifest.dataId))), 'used-up ping')
})

bounds('a revocation, a shredding or a rotation that comes while a redemption is judged counts', async (world) => {
  const { stage, holder } = world
  const { node, vault } = stage.server
  const redeemed = async (action: (minted: Minted) => Promise<unknown>) => {
    const file = await stage.keep({ runnables: [ALLOW] })
    const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 3 }))
    world.meanwhile = () => action(minted)
    const refused = await refusal(() => stage.read(holder, presented(minted)))
    const { issuer, id } = minted.ping
    assert.is(usesOnDisk(world, concat(issuer, id)), 0, 'a refusal spends nothing')
    await stage.net.pass(1_000, 500)
    return refused
  }
  assert.is(await redeemed(({ ping }) => node.issuer.revoke(ping.id)), 'revoked ping')
  const bury = async ({ ping }: Minted) => {
    const version = vault.newest(ping.dataId)
    assert.ok(version)
    await vault.bury(await tombstoneAfter(node.context.keys, version))
  }
  assert.is(await redeemed(bury), 'shredded file')
  const { directory } = node.context
  const { stateOf } = directory
  const rotate = async () => {
    const state = directory.stateOf(stage.owner.id)
    assert.ok(state)
    directory.stateOf = () => ({ ...state, keys: [makePerson().publicKey] })
  }
  assert.is(await redeemed(rotate), 'retired-key ping')
  directory.stateOf = stateOf
  assert.is(stage.net.said(TYPE.vaultBlock).length, 0, 'nothing was handed out')
})

bounds('a version that comes while one is judged is judged itself, at the cost of one use', async (world) => {
  const { stage, holder } = world
  const file = await stage.keep({ runnables: [ALLOW] })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 3 }))
  world.meanwhile = async () => {
    const { path } = await sealed(stage.folder, stage.server.node.context.keys, { runnables: [ALLOW] }, file)
    await stage.server.vault.keep(path)
  }
  const { told } = await stage.read(holder, presented(minted))
  assert.is(told.fileVersion, 2)
  const { issuer, id } = minted.ping
  assert.is(usesOnDisk(world, concat(issuer, id)), 1)
})

/** Passes on what a holder holds to another one, within these rights. */
async function passedOn(
  { document }: Minted,
  from: { readonly asker: Asker; readonly issuerKey: Uint8Array },
  to: Asker,
  change: Partial<Rights>,
): Promise<Uint8Array> {
  const plain = encodePresentation({ ping: document, narrowings: [], disclosures: [] })
  const held = rightsOf(readPresentation(plain), from)
  const keys = { holderKey: to.node.context.keys.publicKey, agreementKey: to.agreement.publicKey }
  const next = { ...held.rights, ...keys, ...change }
  const signature = await from.asker.node.context.keys.sign(narrowingMessage(held, next))
  const narrowing = encodeNarrowing(held, next, signature)
  return encodePresentation({ ping: document, narrowings: [narrowing], disclosures: [] })
}

bounds(
  'a second holder redeems what was passed on to it, within its own uses and those of the whole',
  async (world) => {
    const { stage, holder } = world
    const file = await stage.keep()
    const second = await stage.asker()
    const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 3 }))
    const from = { asker: holder, issuerKey: stage.owner.publicKey }
    const part = await passedOn(minted, from, second, { to: 600, uses: 1 })
    const { told, content } = await stage.read(second, part, { to: 600 })
    assert.equal([told.content?.isWhole, content], [false, file.content.subarray(0, 600)])
    assert.is(await refusal(() => stage.read(second, part, { to: 600 })), 'used-up ping')
    assert.is(await refusal(() => stage.read(holder, part, { to: 600 })), 'wrong-holder ping')
    await stage.read(holder, presented(minted))
    await stage.net.pass(2_000, 1_000)
    await stage.read(holder, presented(minted))
    assert.is(await refusal(() => stage.read(holder, presented(minted))), 'used-up ping')
  },
)

bounds('whoever passes a ping on to himself over and over fills up the room of that ping alone', () => {
  const store = new MemoryStore()
  const spent = new Spent()
  let salts = 0
  const bytes = (length: number, number: number) => {
    const made = new Uint8Array(length)
    new DataView(made.buffer).setUint32(0, number)
    return made
  }
  const [ping, other] = [bytes(48, 1), bytes(48, 2)]
  const spend = (of: Uint8Array, part: number, expiresMs = 1_000) => {
    const counters = [
      { key: of, uses: 9_999, expiresMs: 2_000 },
      { key: bytes(32, part), uses: 1, expiresMs },
    ]
    store.write(spent.spend({ salt: bytes(16, ++salts), untilMs: 1, ping: of, counters }))
  }
  for (let part = 1; part < LIMITS.vaultUsesPerPingMax; part++) spend(ping, part)
  assert.is(
    codeOf(() => spend(ping, 9_000)),
    'limit',
  )
  spend(ping, 1)
  spend(other, 9_001)
  const again = new Spent()
  again.restore(store)
  assert.is(again.usesOf(bytes(32, 1)), 2)
  const counters = [{ key: bytes(32, 9_000), uses: 1, expiresMs: 1_000 }]
  assert.is(
    codeOf(() => again.spend({ salt: bytes(16, 1), untilMs: 1, ping, counters })),
    'limit',
    'after a restart',
  )
  again.sweep(1_000)
  assert.is(again.usesOf(ping), LIMITS.vaultUsesPerPingMax, 'the ping itself is not over yet')
  again.spend({ salt: bytes(16, 1), untilMs: 1, ping, counters })
  assert.is(again.usesOf(bytes(32, 9_000)), 1, 'what is over makes room')
})

bounds('a watch that takes the place of another while that one is told stays as it is', async (world) => {
  const { stage, holder } = world
  const rule = alwaysSays('notify', { kind: 'notify', payload: fromText('x') })
  const file = await stage.keep({ runnables: [rule] })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const watch = (purpose: string) => ({
    presentation: presented(minted),
    request: { ...READ_ALL, operation: 'notify', purpose } as const,
  })
  await stage.redeem(holder, watch('research'))
  let isReplaced = false
  world.meanwhile = async () => {
    await holder.redeemer.redeem(watch('billing'), 20_000)
    isReplaced = true
  }
  const { path } = await sealed(stage.folder, stage.server.node.context.keys, { runnables: [rule] }, file)
  await stage.net.during(stage.server.vault.keep(path))
  await stage.net.until(() => isReplaced)
  await stage.net.pass(200)
  const [row, ...others] = [...stage.server.node.store.scan('vault-watch')]
  assert.is(others.length, 0)
  assert.ok(Buffer.from(row?.value ?? []).includes('billing'))
})

bounds('so many blocks are read at once and no more; the rest is asked for again', async (world) => {
  const { stage, holder } = world
  const { server } = stage
  const file = await stage.keep()
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const verdict = await stage.raw(holder, server, { presentation: presented(minted), request: READ_ALL })
  assert.ok(verdict.isGranted && verdict.body.kind === 'file')
  const { ticket } = verdict.body
  const { promise: slow, resolve } = Promise.withResolvers<Uint8Array>()
  let reads = 0
  server.vault.readSealed = () => {
    reads++
    return slow
  }
  const busy = () => server.node.context.counters.read()['vault.busy'] ?? 0
  for (let i = 0; i < LIMITS.vaultBlocksReadMax + 10; i++)
    await stage.send(holder, server, TYPE.vaultFetch, [ticket, 0])
  await stage.net.until(() => reads + busy() >= LIMITS.vaultBlocksReadMax + 10)
  const atOnce = [reads, busy()]
  resolve(new Uint8Array(10))
  assert.equal(atOnce, [LIMITS.vaultBlocksReadMax, 10])
  await stage.net.pass(100)
  await stage.send(holder, server, TYPE.vaultFetch, [ticket, 0])
  await stage.net.until(() => reads > LIMITS.vaultBlocksReadMax)
})

bounds('a ticket that ends while a block of it is read hands out nothing, under no wiped key either', async (world) => {
  const { stage, holder } = world
  const { server } = stage
  const file = await stage.keep()
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const grant = async () => {
    const verdict = await stage.raw(holder, server, { presentation: presented(minted), request: READ_ALL })
    assert.ok(verdict.isGranted && verdict.body.kind === 'file')
    await stage.net.pass(500, 100)
    return verdict.body.ticket
  }
  const ticket = await grant()
  const { promise: slow, resolve } = Promise.withResolvers<Uint8Array>()
  let reads = 0
  server.vault.readSealed = () => {
    reads++
    return slow
  }
  await stage.send(holder, server, TYPE.vaultFetch, [ticket, 0])
  await stage.net.until(() => reads === 1)
  for (let i = 0; i < LIMITS.vaultTicketsPerHolderMax; i++) await grant()
  resolve(file.document)
  await stage.net.until(() => stage.net.said(TYPE.vaultBlock).length === 1)
  const [block] = stage.net.said(TYPE.vaultBlock)
  assert.ok(block)
  assert.is(readBlock(decodeFrame(decodeEnvelope(block.bytes)).payload).sealed.length, 0)
})

bounds('what is read at once for ranges has a bound, however many ask', async (world) => {
  const { stage, holder } = world
  const { server } = stage
  const bytes = LIMITS.qntRangeBytesMax
  const file = await stage.keep({ content: new Uint8Array(bytes + 1) })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const { promise: slow, resolve } = Promise.withResolvers<Uint8Array>()
  server.vault.readContent = () => slow
  const raw = () =>
    stage.raw(holder, server, { presentation: presented(minted), request: { ...READ_ALL, from: 1, to: bytes + 1 } })
  const most = LIMITS.vaultRangesBytesMax / bytes
  const asked = Array.from({ length: most }, raw)
  await stage.net.pass(500)
  const last = await raw()
  resolve(new Uint8Array(10))
  assert.is(last.isGranted ? 'granted' : last.code, 'limit')
  assert.ok((await stage.net.during(Promise.all(asked))).every(({ isGranted }) => isGranted))
  const after = await raw()
  assert.ok(after.isGranted, 'there is room again')
})

bounds('a server that passes off an older version is not believed', async (world) => {
  const { stage, holder } = world
  const { vault } = stage.server
  const first = await stage.keep()
  const old = vault.newest(first.manifest.dataId)
  assert.ok(old)
  const minted = await stage.mint(first.manifest.dataId, stage.grantTo(holder), { fileVersionFrom: 2 })
  const says = (fileVersion: number) => {
    vault.newest = () => ({ ...old, manifest: { ...old.manifest, fileVersion } })
    return codeOfAsync(() => stage.read(holder, presented(minted)))
  }
  assert.is(await says(2), 'wrong-file', 'the owner has signed another number')
  vault.newest = () => {
    let asked = 0
    const version = () => (asked++ < 1 ? 2 : 1)
    return {
      ...old,
      manifest: {
        ...old.manifest,
        get fileVersion() {
          return version()
        },
      },
    }
  }
  const error = await stage.read(holder, presented(minted)).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof WebxError && !(error instanceof RedeemRefused), 'it is the holder that refuses')
  assert.is(error.code, 'wrong-version')
})

bounds('notices are kept for the owner of the holder’s node, also over a restart', async (world) => {
  const { stage, holder } = world
  const rule = alwaysSays('notify', { kind: 'notify', payload: fromText('read it') })
  const file = await stage.keep({ runnables: [rule] })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  await stage.redeem(holder, { presentation: presented(minted), request: { ...READ_ALL, operation: 'notify' } })
  const second = await stage.keep({ runnables: [rule] }, file)
  await stage.net.until(() => [...holder.redeemer.notices()].length === 1)
  const [notice] = [...holder.redeemer.notices()] as [KeptNotice]
  assert.equal([notice.number, notice.fileVersion, toHex(notice.digest)], [1, 2, toHex(second.digest)])
  assert.ok(equal(notice.server, stage.owner.id) && equal(notice.dataId, file.manifest.dataId))
  assert.equal(notice.payload, fromText('read it'))
  const { person } = holder.node
  const again = await stage.askOn(await stage.net.node(person, { store: holder.node.crash() }))
  assert.equal([...again.redeemer.notices()], [notice])
})

bounds('of notices the last are kept: so many in all, and fewer of one file', () => {
  const store = new MemoryStore()
  const notices = new KeptNotices()
  const keep = (file: number, fileVersion: number) => {
    const [server, dataId, digest] = [1, file, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    store.write(notices.keep({ heardMs: 1, server, dataId, fileVersion, digest, payload: new Uint8Array(0) }))
  }
  keep(0, 1)
  for (let version = 1; version <= LIMITS.vaultNoticesPerFileMax + 3; version++) keep(1, version)
  const versions = (file: number) =>
    [...notices.all()].filter(({ dataId }) => dataId[0] === file).map((each) => each.fileVersion)
  assert.equal(versions(0), [1], 'another file’s stays')
  assert.equal([versions(1).length, versions(1)[0]], [LIMITS.vaultNoticesPerFileMax, 4])
  for (let file = 2; file < 250; file++) for (let version = 1; version < 4; version++) keep(file, version)
  assert.is([...notices.all()].length, LIMITS.vaultNoticesMax)
  const again = new KeptNotices()
  again.restore(store)
  assert.equal([...again.all()], [...notices.all()])
})

bounds('a holder that gives up, or stops, is answered at once; an answer of another kind is none', async (world) => {
  const { stage, holder } = world
  const file = await stage.keep()
  const presentation = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder)))
  const order = { presentation, request: READ_ALL, target: stage.target().target }
  const { node } = stage.server
  let isOdd = false
  stage.net.bus.loses = ({ bytes }) => {
    if (isOdd || decodeEnvelope(bytes).type !== TYPE.vaultQuery) return false
    isOdd = true
    const nonce = readQuery(decodeFrame(decodeEnvelope(bytes)).payload)
    const payload = answerPayload({ nonce, salt: new Uint8Array(16), sealed: new Uint8Array(16) })
    const { road, topics } = node.context
    const topic = topics.to(holder.node.person.id)
    void road.run(() => ({ emit: [{ topic, type: TYPE.vaultAnswer, payload, lifetimeMs: 30_000 }] }))
    return true
  }
  assert.is((await stage.redeem(holder, order)).fileVersion, 1)
  assert.ok(isOdd)
  stage.net.bus.loses = () => true
  const leaving = new AbortController()
  const left = codeOfAsync(() => holder.redeemer.redeem({ ...order, signal: leaving.signal }, 60_000))
  const stopped = codeOfAsync(() => holder.redeemer.redeem(order, 60_000))
  leaving.abort()
  assert.is(await left, 'stopped')
  await holder.redeemer.stop()
  assert.is(await stopped, 'stopped')
  assert.is(await codeOfAsync(() => holder.redeemer.redeem(order, 60_000)), 'stopped')
})

bounds.run()
