/** Redeeming through a broker that records, drops, delays, doubles and replays everything: it learns nothing and changes nothing. */

import '../kit/wasm.ts'
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, fromText } from '../../src/core/bytes.ts'
import { blindFields } from '../../src/data/metadata.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { readPresentation } from '../../src/data/presentation.ts'
import { openQnt } from '../../src/drivers/qnt-file.ts'
import { Spent } from '../../src/services/redemption-spent.ts'
import { HostileBroker } from '../kit/hostile-broker.ts'
import { judged } from '../kit/node.ts'
import { pattern } from '../kit/qnt.ts'
import { alwaysSays, presented, READ_ALL, RedeemStage } from '../kit/redeem.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { tempForProcess } from '../kit/temp.ts'
import { sealed } from '../kit/vault.ts'
import { uniform } from '../kit/vectors.ts'

const PURPOSE = 'a-purpose-nobody-else-has'
const SEED = 11
const ROUNDS = 4

const hostile = suite<{ stage: RedeemStage; folder: string }>('hostile: redeeming')
hostile.before.each(async (world) => {
  world.folder = tempForProcess()
  world.stage = await RedeemStage.open(world.folder)
})
hostile.after.each(({ stage }) => stage.close())

hostile(
  'owner seals and mints, a holder redeems; a hostile broker learns no content, key, ping, field or purpose, and costs no use',
  async ({ stage, folder }) => {
    const holder = await stage.asker()
    const { node, vault } = stage.server
    const fields = [{ name: 'a field nobody else has', value: 'a value nobody else has' }]
    const { digests, disclosures } = blindFields(fields, 3, (length) => node.context.random.bytes(length))
    const first = await sealed(folder, node.context.keys, {
      content: pattern(200_000),
      fieldDigests: digests,
      runnables: [alwaysSays('access', { kind: 'allow' })],
      policy: { ...FREE_POLICY, purposes: [PURPOSE] },
    })
    await stage.net.during(vault.keep(first.path))
    const { dataId } = first.manifest
    const grant = stage.grantTo(holder, { uses: ROUNDS + 1, purposes: [PURPOSE] })
    const minted = await stage.mint(dataId, grant, { fieldDigests: digests })
    const presentation = presented(minted, disclosures)
    const broker = new HostileBroker(stage.net, uniform(SEED), 0.2)
    broker.begin()

    const request = { ...READ_ALL, purpose: PURPOSE }
    for (let round = 0; round < ROUNDS; round++) {
      const { path, target } = stage.target()
      const whole = round % 2 === 0
      const part = whole ? request : { ...request, from: 1_000, to: 120_000 }
      const told = await stage.net.during(holder.redeemer.redeem({ presentation, request: part, target }, 60_000))
      const content = new Uint8Array(await readFile(path))
      assert.ok(equal(content, whole ? first.content : first.content.subarray(1_000, 120_000)), `round ${round}`)
      assert.is(told.fileVersion, 1)
    }
    assert.ok(
      Object.values(broker.done).every((times) => times > 5),
      JSON.stringify(broker.done),
    )

    const secrets: Record<string, Uint8Array> = {
      content: first.content.subarray(70_000, 70_024),
      'content key': first.contentKey,
      manifest: first.document.subarray(-40),
      'what was granted': first.digest,
      ping: minted.document.subarray(-40),
      'data id': dataId,
      field: fromText('a field nobody else has'),
      value: fromText('a value nobody else has'),
      disclosure: disclosures[0] as Uint8Array,
      purpose: fromText(PURPOSE),
    }
    for (const [name, bytes] of Object.entries(secrets))
      assert.not.ok(broker.has(bytes), `the broker has seen the ${name}`)
    assert.ok(broker.has(holder.node.person.id), 'it would be found if it were there')

    // everything again: nothing is counted, nothing new is granted
    broker.end()
    const { issuer, id } = readPresentation(presentation).ping
    const uses = () => {
      const spent = new Spent()
      spent.restore(node.store.afterPowerCut())
      return spent.usesOf(concat(issuer, id))
    }
    assert.is(uses(), ROUNDS)
    const before = node.context.counters.read()
    assert.ok((await broker.replayAll()) > 20)
    await stage.net.pass(200)
    await judged(node)
    const after = node.context.counters.read()
    assert.ok((after['refused.replayed'] ?? 0) > (before['refused.replayed'] ?? 0))
    assert.is(after['vault.granted'], before['vault.granted'])
    assert.is(uses(), ROUNDS)

    // revoked and re-keyed: no new version is to be had, and the old key opens none
    await stage.net.during(node.issuer.revoke(minted.ping.id))
    const second = await sealed(folder, node.context.keys, { content: pattern(300_000) }, first)
    await stage.net.during(vault.keep(second.path))
    const { path, target } = stage.target()
    const again = () => stage.net.during(holder.redeemer.redeem({ presentation, request, target }, 20_000))
    assert.is(await codeOfAsync(again), 'revoked')
    const { keyEpoch, keyCommitment, root, contentBytes, chunkLog2 } = second.manifest
    const keys = { contentKey: first.contentKey.slice(), dataId, keyEpoch }
    const unlock = async () => ({ keys, commitment: keyCommitment, root, contentBytes, chunkLog2 })
    assert.is(await codeOfAsync(() => openQnt(second.path, path, unlock)), 'bad-key')
    const claimed = async () => ({ ...(await unlock()), commitment: first.manifest.keyCommitment })
    assert.is(await codeOfAsync(() => openQnt(second.path, path, claimed)), 'tampered')
    assert.is(uses(), ROUNDS)
  },
)

hostile('what was recorded is worth nothing to a server that started anew', async ({ stage, folder }) => {
  const holder = await stage.asker()
  const { node, vault, redemptions, copies } = stage.server
  const file = await sealed(folder, node.context.keys)
  await stage.net.during(vault.keep(file.path))
  const presentation = presented(await stage.mint(file.manifest.dataId, stage.grantTo(holder, { uses: 5 })))
  const broker = new HostileBroker(stage.net, uniform(SEED), 0)
  broker.begin()
  const { target } = stage.target()
  await stage.net.during(holder.redeemer.redeem({ presentation, request: READ_ALL, target }, 20_000))
  broker.end()
  await stage.net.during(redemptions.stop())
  await stage.net.during(vault.stop())
  const anew = await stage.serve(stage.owner, node.crash(), copies)
  await stage.net.until(() => anew.node.context.directory.keyOf(holder.node.person.id) !== null)
  await broker.replayAll()
  await stage.net.pass(200)
  await judged(anew.node)
  assert.is(anew.node.context.counters.read()['vault.granted'] ?? 0, 0)
  const spent = new Spent()
  spent.restore(anew.node.store.afterPowerCut())
  const { issuer, id } = readPresentation(presentation).ping
  assert.is(spent.usesOf(concat(issuer, id)), 1)
  const next = stage.target()
  await stage.net.during(holder.redeemer.redeem({ presentation, request: READ_ALL, target: next.target }, 20_000))
  assert.ok(equal(new Uint8Array(await readFile(next.path)), file.content))
})

hostile.run()
