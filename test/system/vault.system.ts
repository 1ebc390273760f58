/**
 * Owner, server and holder as three nodes on a real broker: sealed, minted, redeemed by rule of a real runnable, revoked, re-keyed, while the network between all of them, from before the
 * ping is minted to the end, records everything, and drops, delays, doubles and replays what they say. What is not dropped are statements: whoever holds back a revocation for good, keeps
 * it from the server, which shows how old what it knows is.
 */

import '../kit/wasm.ts'
import { existsSync } from 'node:fs'
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
    const network = new HostileNetwork(uniform(seed), 0.2)
    for (const { node } of [owner, server, holder]) network.between(node)
    // every secret of 32 bytes that the server draws from here on: keys of ranges are among them
    const { random } = server.node.context
    const drawn: Uint8Array[] = []
    const { bytes: draw } = random
    random.bytes = (length) => {
      const bytes = draw(length)
      if (length === 32) drawn.push(bytes.slice())
      return bytes
    }
    let unlocked = 0
    const unlock = server.opened.vault.unlock.bind(server.opened.vault)
    server.opened.vault.unlock = (version) => {
      unlocked++
      return unlock(version)
    }
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
      content: pattern(200_000),
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
    assert.ok(equal(await byCommand(1_000, 150_000), first.content.subarray(1_000, 150_000)), 'a range')
    const before = { unlocked, drawn: drawn.length }
    assert.ok(unlocked >= 2 && drawn.length >= 1)
    const refused = await redeem('marketing').catch((error: unknown) => error)
    assert.ok(refused instanceof RedeemRefused)
    assert.equal([refused.code, refused.rule, refused.number], ['denied', 'runnable', 2])
    assert.equal({ unlocked, drawn: drawn.length }, before, 'where it denies, no key is opened or made')
    assert.not.ok(existsSync(join(folder, `out-${count - 1}`)))

    assert.ok(
      Object.values(network.done).every((times) => times > 3),
      JSON.stringify(network.done),
    )
    const counted = () => server.node.context.counters.read()
    assert.is(counted()['vault.granted'], 2)
    await network.replayAll()
    await until(10_000, () => (counted()['refused.replayed'] ?? 0) > 20, 'what is replayed is refused')
    assert.is(counted()['vault.granted'], 2)
    assert.ok(equal(await redeem(PURPOSE), first.content), 'the third of three uses')
    assert.is(await codeOfAsync(() => redeem(PURPOSE)), 'used-up')

    // revoked by the owner, heard by the server over the net; the next version has another key
    await owner.node.issuer.revoke(minted.ping.id)
    const second = await sealed(folder, author, { content: pattern(100_000) }, first)
    await server.opened.vault.keep(second.path)
    const { listId, index } = minted.ping.status as NonNullable<typeof minted.ping.status>
    const isHeard = () => ((server.node.statuses.list(keys.id, listId)?.bits[index >> 3] ?? 0) >> (index & 7)) & 1
    await until(10_000, () => isHeard() === 1, 'the revocation')
    assert.is(await codeOfAsync(() => redeem(PURPOSE)), 'revoked')
    const refusals = counted()['refused.wrong-version'] ?? 0
    await network.replayAll()
    await until(10_000, () => (counted()['refused.wrong-version'] ?? 0) > refusals, 'the list before it, once more')
    assert.is(await codeOfAsync(() => redeem(PURPOSE)), 'revoked')
    assert.is(counted()['vault.granted'], 3)
    const path = join(folder, 'never')
    const { keyEpoch, keyCommitment, root, contentBytes, chunkLog2 } = second.manifest
    const openedBy = (commitment: Uint8Array) =>
      codeOfAsync(() => {
        const old = { contentKey: first.contentKey.slice(), dataId, keyEpoch }
        return openQnt(second.path, path, async () => ({ keys: old, commitment, root, contentBytes, chunkLog2 }))
      })
    assert.is(await openedBy(keyCommitment), 'bad-key')
    assert.is(await openedBy(first.manifest.keyCommitment), 'tampered', 'also for who forges the commitment')

    const secrets: Record<string, Uint8Array> = {
      ...{ content: first.content.subarray(100_000, 100_024), 'content key': first.contentKey, 'data id': dataId },
      ...{ 'next content key': second.contentKey, 'next manifest': second.document.subarray(-40) },
      ...{ 'what was granted': first.digest, 'what was refused': fromText('access rule denies') },
      'refused purpose': fromText('marketing'),
      ...{ ping: minted.document.subarray(-40), manifest: first.document.subarray(-40), purpose: fromText(PURPOSE) },
      ...{ field: fromText('a field nobody else has'), value: fromText('a value nobody else has') },
      disclosure: disclosures[0] as Uint8Array,
    }
    for (const [i, bytes] of drawn.entries()) secrets[`drawn ${i}`] = bytes
    for (const [name, bytes] of Object.entries(secrets)) assert.not.ok(network.has(bytes), `seen: ${name}`)
    assert.ok(network.has(holder.node.context.keys.id), 'it would be found if it were there')
    random.bytes = draw
    for (const { opened } of [holder, server, owner]) await opened.close()
  })
}

test.run()
