/** Redeeming pings at another node: what is granted arrives, what is not is refused by its own code, and nothing counts twice. */

import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, fromText, toHex } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { encodeOverride, overrideMessage } from '../../src/data/dsr-override.ts'
import { blindFields, fieldDigest } from '../../src/data/metadata.ts'
import { encodePing, pingMessage } from '../../src/data/ping.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { encodePresentation, readPresentation } from '../../src/data/presentation.ts'
import { readBlock, readRedeem, readRedeemAnswer, redeemPayload } from '../../src/data/redeem-frames.ts'
import type { RedeemOrder } from '../../src/kernel/redeeming.ts'
import { commit, openingOf } from '../../src/proof/commitment.ts'
import { encodeCredential } from '../../src/proof/credential.ts'
import { encodeIssued, issuedMessage, issuedPayload } from '../../src/proof/issued.ts'
import { checkAnswer, encodeQuestion, type Question } from '../../src/proof/question.ts'
import { Spent } from '../../src/services/redemption-spent.ts'
import { group } from '../../src/wasm/group.ts'
import { makePerson, type Pair } from '../kit/people.ts'
import { pattern } from '../kit/qnt.ts'
import { type Asker, alwaysSays, presented, READ_ALL, RedeemStage, refusal } from '../kit/redeem.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { tempForProcess } from '../kit/temp.ts'
import { type Change, type Sealed, sealed, tombstoneAfter } from '../kit/vault.ts'

interface World {
  stage: RedeemStage
  holder: Asker
}

const reading = suite<World>('redemption: reading')
const refusing = suite<World>('redemption: refusals')
const counting = suite<World>('redemption: uses and repetitions')
const computing = suite<World>('redemption: computing')

const folder = tempForProcess()
let folders = 0

async function open(world: World): Promise<void> {
  const own = join(folder, String(folders++))
  await mkdir(own)
  world.stage = await RedeemStage.open(own)
  world.holder = await world.stage.asker()
}

for (const each of [reading, refusing, computing]) {
  each.before(open)
  // so much may be asked at once again
  each.before.each(({ stage }) => stage.net.pass(2_000, 1_000))
  each.after(({ stage }) => stage.close())
}
counting.before.each(open)
counting.after.each(({ stage }) => stage.close())

function kept({ stage }: World, change: Change = {}, before?: Sealed): Promise<Sealed> {
  return stage.keep(change, before)
}

function redeem({ stage, holder }: World, order: RedeemOrder, timeoutMs?: number) {
  return stage.redeem(holder, order, timeoutMs)
}

/** As `read`, of a server that does not answer. */
function readInVain(world: World, presentation: Uint8Array): Promise<string> {
  const { target } = world.stage.target()
  return codeOfAsync(() => redeem(world, { presentation, request: READ_ALL, target }, 1_500))
}

function read({ stage, holder }: World, presentation: Uint8Array, request: Partial<RedeemOrder['request']> = {}) {
  return stage.read(holder, presentation, request)
}

reading('a whole file arrives, of many blocks, and nothing but it is left', async (world) => {
  const { stage, holder } = world
  const file = await kept(world, { content: pattern(300_000) })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const { told, content } = await read(world, presented(minted))
  assert.ok(equal(content, file.content))
  assert.equal(told.content, { from: 0, bytes: 300_000, isWhole: true })
  assert.equal([told.operation, told.fileVersion, told.digest], ['read', 1, file.digest])
  assert.ok(told.statusAgeMs !== null && told.statusAgeMs < 60_000)
  assert.equal(
    (await readdir(stage.folder)).filter((name) => /fetch|draft/.test(name)),
    [],
  )
})

reading('a range arrives under a key that opens nothing else', async (world) => {
  const { stage, holder } = world
  const file = await kept(world, { content: pattern(200_000) })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder, { from: 1_000, to: 150_000 }))
  const { told, content } = await read(world, presented(minted), { from: 65_000, to: 140_000 })
  assert.ok(equal(content, file.content.subarray(65_000, 140_000)))
  assert.equal(told.content, { from: 65_000, bytes: 75_000, isWhole: false })
  assert.is(await refusal(() => read(world, presented(minted), { from: 0, to: 2_000 })), 'out-of-range ping')
})

reading(
  'a range that ends beyond a shorter version ends where that does; one that begins beyond it is refused',
  async (world) => {
    const { stage, holder } = world
    const first = await kept(world, { content: pattern(5_000) })
    const minted = await stage.mint(first.manifest.dataId, stage.grantTo(holder, { from: 100, to: 5_000 }))
    await kept(world, { content: pattern(700) }, first)
    const { told, content } = await read(world, presented(minted), { from: 100, to: 5_000 })
    assert.ok(equal(content, pattern(700).subarray(100)))
    assert.equal([told.fileVersion, told.content?.bytes], [2, 600])
    assert.is((await read(world, presented(minted), { from: 700, to: 5_000 })).content.length, 0)
    assert.is(await refusal(() => read(world, presented(minted), { from: 701, to: 5_000 })), 'out-of-range file')
  },
)

reading('what a rule redacts is left out: of a file of records only what was shown remains', async (world) => {
  const { stage, holder } = world
  const fields = ['name', 'iban', 'city'].map((name) => ({ name, value: `a ${name}` }))
  const { digests, disclosures } = blindFields(fields, 1, (length) => stage.server.node.context.random.bytes(length))
  const records = [...fields, { name: 'secret', value: 'not shown by any ping' }]
  const content = encode(records.map(({ name, value }) => [name, value]))
  const access = alwaysSays('access', { kind: 'redact', fields: [1] })
  const file = await kept(world, { content, fieldDigests: digests, runnables: [access] })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder), { fieldDigests: digests })
  const shown = readPresentation(presented(minted)).ping.fieldDigests
  const inOrder = disclosures
    .map((disclosure) => ({ disclosure, at: shown.findIndex((each) => equal(each, fieldDigest(disclosure))) }))
    .sort((a, b) => a.at - b.at)
    .map(({ disclosure }) => disclosure)
  const { told, content: left } = await read(world, presented(minted, inOrder))
  const names = (decode(left) as [string, string][]).map(([name]) => name)
  assert.equal(told.hidden, [1])
  assert.is(names.length, 2)
  assert.not.ok(names.includes('secret'))
  assert.is(await refusal(() => read(world, presented(minted, inOrder), { from: 0, to: 10 })), 'denied runnable')
})

refusing('each by its own code and rule, over the net', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const { dataId } = file.manifest
  const nowMs = stage.net.clock.nowMs()
  const ping = async (change = {}, terms = {}) =>
    presented(await stage.mint(dataId, stage.grantTo(holder, change), terms))
  const revoked = await stage.mint(dataId, stage.grantTo(holder))
  await stage.net.during(stage.server.node.issuer.revoke(revoked.ping.id))
  const other = makePerson('device')
  const cases: [string, Uint8Array, Partial<RedeemOrder['request']>?][] = [
    ['revoked ping', presented(revoked)],
    ['not-yet-valid ping', await ping({ notBeforeMs: nowMs + 1_000_000 })],
    ['expired ping', await ping({ notBeforeMs: nowMs - 10_000, expiresMs: nowMs - 1 })],
    ['wrong-purpose ping', await ping(), { purpose: 'marketing' }],
    ['operation-not-granted ping', await ping({ operations: 4 })],
    ['wrong-version file', await ping({}, { fileVersionFrom: 2 })],
    ['wrong-file file', await ping({}, { dataId: new Uint8Array(32).fill(1) })],
    ['wrong-holder ping', await ping({ holderKey: other.publicKey })],
  ]
  for (const [code, presentation, request] of cases) {
    assert.is(await refusal(() => read(world, presentation, request)), code)
    await stage.net.pass(1_000, 500)
  }
  const tampered = encodePresentation({ ping: forged(revoked.document), narrowings: [], disclosures: [] })
  assert.is(await refusal(() => read(world, tampered)), 'bad-signature ping')
  assert.is(stage.net.said(TYPE.vaultBlock).length, 0, 'nothing was handed out')
})

refusing('a ping for another server, a challenge that is old, of another start, or was answered', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const { server } = stage
  const good = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder)))
  const elsewhere = await stage.mint(file.manifest.dataId, stage.grantTo(holder), { audience: holder.node.person.id })
  const raw = async (given: Parameters<RedeemStage['raw']>[2]) => {
    const verdict = await stage.raw(holder, server, given)
    return verdict.isGranted ? 'granted' : verdict.code
  }
  const request = READ_ALL
  assert.is(await raw({ presentation: presented(elsewhere), request }), 'wrong-audience')
  const { challenge } = await stage.challenge(holder, server)
  assert.is(await raw({ presentation: good, request, challenge }), 'granted')
  assert.is(await raw({ presentation: good, request, challenge }), 'replayed')
  await stage.net.pass(31_000, 500)
  assert.is(await raw({ presentation: good, request, challenge }), 'stale-challenge')
  assert.is(await raw({ presentation: good, request, signer: makePerson() }), 'wrong-holder')
})

refusing(
  'by the rules of the file: not certified, its policy, its runnable with its reason; the owner’s override is honored',
  async (world) => {
    const { stage, holder } = world
    const nowMs = stage.net.clock.nowMs()
    const deny = alwaysSays('access', { kind: 'deny', reason: 7 })
    const broken = { ...deny, fuel: 1 }
    const cases: [string, Change][] = [
      ['not-certified file', { tier: 'protected' }],
      ['wrong-purpose policy', { policy: { ...FREE_POLICY, purposes: ['care'] } }],
      ['wrong-jurisdiction policy', { policy: { ...FREE_POLICY, jurisdictions: ['CH'] } }],
      ['denied runnable 7', { runnables: [deny] }],
      ['out-of-fuel runnable', { runnables: [broken] }],
      ['denied runnable', { runnables: [{ ...deny, module: null }] }],
    ]
    for (const [code, change] of cases) {
      const file = await kept(world, change)
      const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder)))
      assert.is(await refusal(() => read(world, ping)), code)
      await stage.net.pass(1_000, 500)
    }
    const ending = await kept(world, { policy: { ...FREE_POLICY, retainUntilMs: nowMs + 60_000 } })
    const ping = presented(await stage.mint(ending.manifest.dataId, stage.grantTo(holder)))
    assert.is((await read(world, ping)).content.length, 1_000)
  },
)

refusing('the owner alone gets past a broken rule, by an override', async ({ stage, holder }) => {
  const owner = stage.server.node.context.keys
  const home = await stage.serve(makePerson('device'))
  const deny = alwaysSays('access', { kind: 'deny', reason: 7 })
  const author = { ...owner, deriveSecret: home.node.context.keys.deriveSecret }
  const file = await sealed(stage.folder, author, { runnables: [deny] })
  await stage.net.until(() => home.node.context.directory.keyOf(owner.id) !== null)
  await stage.net.during(home.vault.keep(file.path))
  const override = {
    dataId: file.manifest.dataId,
    moduleDigest: deny.moduleDigest,
    untilMs: stage.net.clock.nowMs() + 60_000,
  }
  const document = encodeOverride(override, owner.id, await owner.sign(overrideMessage(override, owner.id)))
  const asOwner = await stage.askOn(stage.server.node, home)
  const ask = async (asker: Asker) => {
    const minted = await stage.mint(override.dataId, stage.grantTo(asker), { audience: home.node.person.id })
    const verdict = await stage.raw(asker, home, {
      presentation: presented(minted),
      request: READ_ALL,
      override: document,
    })
    return verdict.isGranted ? 'granted' : verdict.code
  }
  assert.is(await ask(asOwner), 'granted')
  await stage.net.until(() => home.node.context.directory.keyOf(holder.node.person.id) !== null)
  assert.is(await ask(holder), 'not-allowed')
})

refusing(
  'by who signs for the issuer: a delegated key with the scope may, a retired or frozen one may not',
  async (world) => {
    const { stage, holder } = world
    const file = await kept(world)
    const { directory, clock } = stage.server.node.context
    const state = directory.stateOf(stage.owner.id)
    assert.ok(state)
    const delegate = makePerson('device')
    const delegation = { delegate: delegate.id, key: delegate.publicKey, amountPerDayMax: null, usesMax: null }
    const expiresMs = clock.nowMs() + 1_000_000
    const delegated = (scopes: readonly string[]) => ({
      ...state,
      delegations: new Map([[toHex(delegate.publicKey), { ...delegation, scopes, expiresMs }]]),
    })
    const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
    const terms = { ...minted.ping, grant: minted.ping.rights }
    const signed = (by: Pick<Pair, 'sign'>) =>
      encodePresentation({ ping: encodePing(terms, by.sign(pingMessage(terms))), narrowings: [], disclosures: [] })
    const known = { stateOf: directory.stateOf, frozen: directory.frozen }
    directory.stateOf = () => delegated(['ping.mint'])
    assert.is((await read(world, signed(delegate))).content.length, 1_000)
    directory.stateOf = () => delegated(['pay'])
    assert.is(await refusal(() => read(world, signed(delegate))), 'bad-signature ping')
    directory.stateOf = () => ({ ...state, keys: [makePerson().publicKey] })
    assert.is(await refusal(() => read(world, presented(minted))), 'retired-key ping')
    directory.stateOf = () => ({ ...state, threshold: 2 })
    assert.is(await refusal(() => read(world, presented(minted))), 'retired-key ping')
    directory.stateOf = () => state
    directory.frozen = () => true
    assert.is(await refusal(() => read(world, presented(minted))), 'frozen ping')
    directory.stateOf = () => null
    assert.is(await refusal(() => read(world, presented(minted))), 'unknown-owner ping')
    Object.assign(directory, known)
  },
)

refusing('a version of a file that was shredded, or whose server is gone', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder)))
  await stage.net.during(stage.server.vault.bury(await tombstoneAfter(stage.server.node.context.keys, file)))
  assert.is(await refusal(() => read(world, ping)), 'shredded file')
  stage.net.bus.loses = () => true
  assert.is(await readInVain(world, ping), 'unreachable')
  stage.net.bus.loses = () => false
})

counting('uses are counted, durably, and a challenge answers once', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 2 })))
  await read(world, ping)
  await read(world, ping)
  assert.is(await refusal(() => read(world, ping)), 'used-up ping')
  const { node } = stage.server
  const again = new Spent()
  again.restore(node.store.afterPowerCut())
  const { issuer, id } = readPresentation(ping).ping
  assert.is(again.usesOf(concat(issuer, id)), 2)
  const spent = () => [...node.store.scan('vault-challenge')].length
  assert.is(spent(), 2)
  await stage.net.pass(45_000, 1_000)
  assert.is(spent(), 0, 'challenges are forgotten after their time')
})

counting('the same request again, byte for byte, gets the same answer and costs no use', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 1 })))
  let dropped = 0
  // the first two answers are lost
  stage.net.bus.loses = ({ bytes }) => decodeEnvelope(bytes).type === TYPE.vaultAnswer && dropped++ < 2
  await read(world, ping)
  const answers = stage.net.said(TYPE.vaultAnswer).map(({ bytes }) => decodeFrame(decodeEnvelope(bytes)).payload)
  assert.is(answers.length, 3)
  assert.is(new Set(answers.map((payload) => toHex(encode(payload)))).size, 1)
})

counting('two redemptions in one turn share what is left', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 1 })))
  const asked = [0, 1, 2].map(() => {
    const { target } = stage.target()
    return holder.redeemer.redeem({ presentation: ping, request: READ_ALL, target }, 20_000)
  })
  const outcomes = await stage.net.during(Promise.allSettled(asked))
  assert.equal(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected'])
  assert.is(stage.server.node.context.counters.read()['vault.refused.used-up'], 2)
})

counting('where the disk fails nothing is handed out', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 1 })))
  await stage.challenge(holder, stage.server)
  stage.server.node.store.beforeSync = () => {
    throw new WebxError('store-failed', 'the disk is full')
  }
  assert.is(await readInVain(world, ping), 'unreachable')
  assert.is(stage.net.said(TYPE.vaultAnswer).length, 0)
})

counting('a request passed on by somebody else is not his', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder)))
  await read(world, ping)
  const thief = await stage.asker()
  const [sent] = stage.net.said(TYPE.vaultRedeem, holder.node)
  assert.ok(sent)
  const stolen = readRedeem(decodeFrame(decodeEnvelope(sent.bytes)).payload)
  await stage.send(thief, stage.server, TYPE.vaultRedeem, redeemPayload(stolen))
  const answer = await stage.heard(TYPE.vaultAnswer, thief, readRedeemAnswer, stolen.nonce)
  assert.is(answer.sealed.length, 0)
  const [block] = stage.net.said(TYPE.vaultBlock)
  assert.ok(block)
  const { ticket } = readBlock(decodeFrame(decodeEnvelope(block.bytes)).payload)
  await stage.send(thief, stage.server, TYPE.vaultFetch, [ticket, 0])
  await stage.net.until(() => stage.net.said(TYPE.vaultBlock).length >= 2)
  const blocks = stage.net
    .said(TYPE.vaultBlock)
    .map(({ bytes }) => readBlock(decodeFrame(decodeEnvelope(bytes)).payload))
  assert.is(blocks.at(-1)?.sealed.length, 0, 'a ticket is its holder’s')
})

counting('who asks too often is not answered', async ({ stage, holder }) => {
  const { server } = stage
  for (let i = 0; i < 30; i++) {
    const nonce = stage.server.node.context.random.bytes(16)
    await stage.send(holder, server, TYPE.vaultQuery, [nonce])
  }
  const refused = () => server.node.context.counters.read()['refused.flooding'] ?? 0
  await stage.net.until(() => refused() > 0)
  assert.ok(stage.net.said(TYPE.vaultChallenge).length <= 12)
})

computing('an aggregate comes back, and no record', async (world) => {
  const { stage, holder } = world
  const records = [1, 2, 3].map((i) => [new Uint8Array(32).fill(i), Uint8Array.of(0, i)])
  const rule = alwaysSays('aggregate', { kind: 'aggregate', payload: encode([3, 6]) })
  const file = await kept(world, { content: encode(records), runnables: [rule] })
  const ping = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder)))
  const aggregate = { presentation: ping, request: { ...READ_ALL, operation: 'aggregate' } } as const
  assert.equal((await redeem(world, aggregate)).payload, encode([3, 6]))
  const derive = { presentation: ping, request: { ...READ_ALL, operation: 'derive', to: 20 } } as const
  assert.equal((await redeem(world, derive)).payload, encode([3, 6]))
  const partly = { presentation: ping, request: { ...READ_ALL, operation: 'aggregate', to: 20 } } as const
  assert.is(await refusal(() => redeem(world, partly)), 'bad-shape file')
  const without = await kept(world, { content: encode(records) })
  const other = presented(await stage.mint(without.manifest.dataId, stage.grantTo(holder)))
  assert.is(await refusal(() => redeem(world, { ...aggregate, presentation: other })), 'denied runnable')
  assert.is(await refusal(() => redeem(world, { ...derive, presentation: other })), 'denied runnable')
})

computing('a credential answers the question it is asked, and says nothing where it cannot say yes', async (world) => {
  const { stage, holder } = world
  const issuer = makePerson('organization')
  const { id: subject } = stage.owner
  const nowMs = stage.net.clock.nowMs()
  const chance = (length: number) => stage.server.node.context.random.bytes(length)
  const opening = openingOf(group(), 726_000n, chance)
  const issued = issuedPayload({
    ...{ issuer: issuer.id, subject, what: 'birthday', commitment: commit(group(), opening) },
    ...{ issuedAtMs: nowMs - 1_000, expiresAtMs: nowMs + 1_000_000 },
  })
  const document = encodeIssued(issued, issuer.sign(issuedMessage(issued)))
  const file = await kept(world, { content: encodeCredential(document, opening) })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const question: Question = {
    ...{ audience: holder.node.person.id, nonce: chance(16), purpose: 'research', ping: minted.ping.id },
    ...{ what: 'birthday', relation: 'at most', bound: 726_001n, bits: 16 },
  }
  const ask = (change: Partial<Question>) =>
    redeem(world, {
      presentation: presented(minted),
      request: { ...READ_ALL, operation: 'verify' },
      question: encodeQuestion({ ...question, ...change }),
    })
  const { answer } = await ask({})
  assert.ok(answer)
  const expected = { issuer: issuer.id, issuerKey: issuer.publicKey, subject, nowMs }
  assert.is(checkAnswer(group(), question, answer, expected).what, 'birthday')
  assert.is(await refusal(() => ask({ bound: 725_999n })), 'denied file')
  await stage.net.pass(1_000, 500)
  assert.is(await refusal(() => ask({ purpose: 'billing' })), 'wrong-claim ping')
  assert.is(await refusal(() => ask({ audience: subject })), 'wrong-claim ping')
  assert.is(await refusal(() => ask({ ping: chance(16) })), 'wrong-claim ping')
})

computing('whoever watches is told of each new version once, until the ping ends', async (world) => {
  const { stage, holder } = world
  const rule = alwaysSays('notify', { kind: 'notify', payload: fromText('read it') })
  let file = await kept(world, { runnables: [rule] })
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const heard: [number, string][] = []
  holder.redeemer.onNotice(({ fileVersion, payload }) => heard.push([fileVersion, Buffer.from(payload).toString()]))
  const watch = { presentation: presented(minted), request: { ...READ_ALL, operation: 'notify' } } as const
  assert.ok((await redeem(world, watch)).untilMs)
  file = await kept(world, { runnables: [rule] }, file)
  await stage.net.until(() => heard.length === 1)
  file = await kept(world, { runnables: [alwaysSays('notify', { kind: 'allow' })] }, file)
  file = await kept(world, { runnables: [] }, file)
  await stage.net.until(() => heard.length === 2)
  await stage.net.pass(200)
  assert.equal(heard, [
    [2, 'read it'],
    [4, ''],
  ])
  const [notice] = stage.net.said(TYPE.vaultNotice)
  assert.ok(notice)
  assert.not.ok(Buffer.from(notice.bytes).includes('read it'))
  const { payload } = decodeFrame(decodeEnvelope(notice.bytes))
  const stranger = await stage.asker()
  await stage.send(stranger, { ...stage.server, node: holder.node }, TYPE.vaultNotice, payload)
  await stage.net.until(() => (holder.node.context.counters.read()['refused.not-allowed'] ?? 0) === 1)
  await stage.net.during(stage.server.node.issuer.revoke(minted.ping.id))
  await kept(world, { runnables: [rule] }, file)
  await stage.net.pass(200)
  assert.is(heard.length, 2)
})

counting('a server that ended before it told of a version tells of it when it is back', async (world) => {
  const { stage, holder } = world
  const file = await kept(world)
  const minted = await stage.mint(file.manifest.dataId, stage.grantTo(holder))
  const heard: number[] = []
  holder.redeemer.onNotice(({ fileVersion }) => heard.push(fileVersion))
  await redeem(world, { presentation: presented(minted), request: { ...READ_ALL, operation: 'notify' } })
  await stage.net.during(stage.server.redemptions.stop())
  await kept(world, {}, file)
  await stage.net.during(stage.server.vault.stop())
  const copies = stage.server.copies
  stage.server = await stage.serve(stage.owner, stage.server.node.crash(), copies)
  await stage.net.until(() => heard.length === 1)
  await stage.net.pass(200)
  assert.equal(heard, [2])
})

/** A document whose signature is another. */
function forged(document: Uint8Array): Uint8Array {
  const bytes = document.slice()
  const last = bytes.length - 40
  bytes[last] = (bytes[last] as number) ^ 1
  return bytes
}

reading.run()
refusing.run()
counting.run()
computing.run()
