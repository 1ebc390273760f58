/**
 * Owner, server and holder as three nodes on a real broker: sealed, minted, redeemed by rule of a real runnable, revoked, re-keyed, while the network between them records, drops, delays,
 * doubles and replays what they say.
 */

import '../kit/wasm.ts'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { compileRunnable } from '../../src/cli/dsr-compile.ts'
import { equal, fromText, toBase64url } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import { blindFields } from '../../src/data/metadata.ts'
import { encodePresentation } from '../../src/data/presentation.ts'
import { END_OF_ANY_FILE } from '../../src/data/rights.ts'
import type { RunnableEntry } from '../../src/data/runnable.ts'
import { openFetchTarget } from '../../src/drivers/qnt-fetch.ts'
import { openQnt } from '../../src/drivers/qnt-file.ts'
import { agreementHalfOf } from '../../src/drivers/qnt-holder.ts'
import { RedeemRefused } from '../../src/kernel/redeeming.ts'
import { type OpenVault, openVault } from '../../src/station-vault.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { HostileNetwork } from '../kit/hostile-link.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { sealed } from '../kit/vault.ts'
import { uniform } from '../kit/vectors.ts'
import { until } from '../kit/within.ts'

const PURPOSE = 'a-purpose-nobody-else-has'
const DAY_MS = 86_400_000

interface Party {
  readonly node: WebxNode
  readonly opened: OpenVault
}

const test = suite<{ net: Testnet }>('system: the vault')
test.before(async (world) => {
  world.net = await createTestnet(1)
})
test.after(({ net }) => net.close())

async function party(net: Testnet, name: string): Promise<Party> {
  const node = await net.addNode(name)
  return { node, opened: await openVault(node, { dataDir: join(net.directory, name) }) }
}

async function purposeAndExpiry(untilMs: number): Promise<RunnableEntry> {
  const source = fileURLToPath(new URL('../../assembly/dsr/purpose-and-expiry.ts', import.meta.url))
  const module = await compileRunnable(source)
  const params = encode([untilMs, [PURPOSE]])
  return { hook: 'access', moduleDigest: runnableDigest(module), fuel: 100_000, pages: 1, params, module }
}

for (const seed of [1, 2]) {
  test(`owner, server, holder and a hostile network, seed ${seed}`, async ({ net }) => {
    const [owner, server, holder] = await Promise.all(
      ['owner', 'server', 'holder'].map((name) => party(net, `${name}-${seed}`)),
    )
    assert.ok(owner && server && holder)
    const folder = join(net.directory, `files-${seed}`)
    await mkdir(folder)
    const { keys } = owner.node.context
    for (const { node } of [server, holder]) {
      await until(10_000, () => node.context.directory.keyOf(keys.id) !== null, 'the owner is known')
    }
    await until(10_000, () => server.node.context.directory.keyOf(holder.node.context.keys.id) !== null, 'the holder')

    // the owner seals to the server, under a real rule
    const author = {
      ...{ id: keys.id, position: keys.position, sign: (message: Uint8Array) => keys.sign(message) },
      deriveSecret: (context: string) => server.node.context.keys.deriveSecret(context),
    }
    const fields = [{ name: 'a field nobody else has', value: 'a value nobody else has' }]
    const { digests, disclosures } = blindFields(fields, 3, (length) => owner.node.context.random.bytes(length))
    const nowMs = Date.now()
    const first = await sealed(folder, author, {
      content: pattern(500_000),
      fieldDigests: digests,
      runnables: [await purposeAndExpiry(nowMs + DAY_MS)],
    })
    await server.opened.vault.keep(first.path)
    const { dataId } = first.manifest
    const grant = {
      ...{ holderKey: holder.node.context.keys.publicKey, operations: 1, from: 0, to: END_OF_ANY_FILE },
      agreementKey: (await agreementHalfOf(holder.node.context.keys)).publicKey,
      ...{ purposes: [PURPOSE, 'marketing'], notBeforeMs: nowMs - 60_000, expiresMs: nowMs + DAY_MS, uses: 3 },
    }
    const terms = { dataId, fileVersionFrom: 1, audience: server.node.context.keys.id, grant }
    const minted = await owner.node.issuer.mint({ ...terms, fieldDigests: digests, locators: [] })
    const presentation = encodePresentation({ ping: minted.document, narrowings: [], disclosures })

    const network = new HostileNetwork(uniform(seed), 0.2)
    for (const { node } of [server, holder]) network.between(node)
    let count = 0
    const redeem = async (purpose: string, from = 0, to = END_OF_ANY_FILE): Promise<Uint8Array> => {
      const path = join(folder, `out-${count++}`)
      const request = { operation: 'read', from, to, purpose } as const
      const order = { presentation, request, target: () => openFetchTarget(path) }
      await holder.opened.redeeming.redeem(order, 60_000)
      return new Uint8Array(await readFile(path))
    }

    /** As `webx ping redeem` asks it of the node. */
    const byCommand = async (from: number, to: number): Promise<Uint8Array> => {
      const target = join(folder, `out-${count++}`)
      const given = { presentation: toBase64url(presentation), operation: 'read', from, to, purpose: PURPOSE, target }
      const call = { params: given, signal: new AbortController().signal, progress: () => {} }
      const told = (await holder.opened.methods['redeem']?.(call)) as Record<string, unknown>
      assert.equal([told['operation'], told['version'], told['bytes']], ['read', 1, to - from])
      return new Uint8Array(await readFile(target))
    }

    assert.ok(equal(await redeem(PURPOSE), first.content), 'the whole file')
    assert.ok(equal(await byCommand(1_000, 400_000), first.content.subarray(1_000, 400_000)), 'a range')
    const refused = await redeem('marketing').catch((error: unknown) => error)
    assert.ok(refused instanceof RedeemRefused)
    assert.equal([refused.code, refused.rule, refused.number], ['denied', 'runnable', 2])

    assert.ok(
      Object.values(network.done).every((times) => times > 5),
      JSON.stringify(network.done),
    )
    const secrets: Record<string, Uint8Array> = {
      ...{ content: first.content.subarray(300_000, 300_024), 'content key': first.contentKey, 'data id': dataId },
      ...{ ping: minted.document.subarray(-40), manifest: first.document.subarray(-40), purpose: fromText(PURPOSE) },
      ...{ field: fromText('a field nobody else has'), value: fromText('a value nobody else has') },
      disclosure: disclosures[0] as Uint8Array,
    }
    for (const [name, bytes] of Object.entries(secrets)) assert.not.ok(network.has(bytes), `seen: ${name}`)

    const counted = () => server.node.context.counters.read()
    assert.is(counted()['vault.granted'], 2)
    await network.replayAll()
    await until(10_000, () => (counted()['refused.replayed'] ?? 0) > 20, 'what is replayed is refused')
    assert.is(counted()['vault.granted'], 2)
    assert.ok(equal(await redeem(PURPOSE), first.content), 'the third of three uses')
    assert.is(await codeOfAsync(() => redeem(PURPOSE)), 'used-up')

    // revoked by the owner, heard by the server over the net; the next version has another key
    const again = await owner.node.issuer.mint({ ...terms, fieldDigests: [], locators: [] })
    await owner.node.issuer.revoke(again.ping.id)
    const second = await sealed(folder, author, { content: pattern(100_000) }, first)
    await server.opened.vault.keep(second.path)
    const { listId, index } = again.ping.status as NonNullable<typeof again.ping.status>
    const isHeard = () => ((server.node.statuses.list(keys.id, listId)?.bits[index >> 3] ?? 0) >> (index & 7)) & 1
    await until(10_000, () => isHeard() === 1, 'the revocation')
    const revoked = encodePresentation({ ping: again.document, narrowings: [], disclosures: [] })
    const request = { operation: 'read', from: 0, to: END_OF_ANY_FILE, purpose: PURPOSE } as const
    const path = join(folder, 'never')
    const order = { presentation: revoked, request, target: () => openFetchTarget(path) }
    assert.is(await codeOfAsync(() => holder.opened.redeeming.redeem(order, 20_000)), 'revoked')
    const { keyEpoch, keyCommitment, root, contentBytes, chunkLog2 } = second.manifest
    const old = { contentKey: first.contentKey.slice(), dataId, keyEpoch }
    const unlock = async () => ({ keys: old, commitment: keyCommitment, root, contentBytes, chunkLog2 })
    assert.is(await codeOfAsync(() => openQnt(second.path, path, unlock)), 'bad-key')
    for (const { opened } of [holder, server, owner]) await opened.close()
  })
}

test.run()
