/** An identity that is brought back in a real neighborhood: brokers, disks, key files and clocks as they are. It takes a minute, the shortest delay that there is. */

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { equal } from '../../src/core/bytes.ts'
import { createKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { rotateKeyFile } from '../../src/drivers/key-file-events.ts'
import { freshRecoveryDigest, reclaimKeyFile } from '../../src/drivers/key-file-reclaim.ts'
import { createTestnet } from '../../src/testnet.ts'
import { randomReference } from '../kit/node.ts'
import { until } from '../kit/within.ts'

const DELAY_SECONDS = 60
const test = suite('recovery by the neighborhood')

function pay(from: WebxNode, to: WebxNode, amount: number, timeoutMs = 10_000) {
  const [asset] = from.assets.all
  if (!asset) throw new Error('the net has no asset')
  return from.wallet.pay({ reference: randomReference(), asset: asset.id, amount, to: to.wallet.account }, timeoutMs)
}

test('who lost all keys but the recovery keys pays again after the delay, and the thief does not', async () => {
  const net = await createTestnet(4)
  try {
    const { organization } = net
    const [asset] = organization.assets.all
    if (!asset) throw new Error('the net has no asset')
    const at = (name: string): string => join(net.directory, name, 'node.key')
    await createKeyFile(at('phone'), 'human')
    await createKeyFile(at('safe'), 'human')
    await rotateKeyFile(at('phone'), {
      renewal: async (state) => {
        const digests = [await freshRecoveryDigest({ path: at('safe') }, state)]
        return { recovery: { digests, threshold: 1, delaySeconds: DELAY_SECONDS }, oldKey: null }
      },
    })
    const lost = await openKeyFile(at('phone'))
    const thief = await net.addNode('phone', { keys: lost })
    await organization.wallet.issue(asset, 1_000, thief.wallet.account)
    await until(10_000, () => thief.wallet.balance(asset.id) === 1_000, 'the money')
    await pay(thief, organization, 100)
    const back = await reclaimKeyFile(at('new-phone'), { log: lost.log, recoveryFile: { path: at('safe') } })
    const startMs = performance.now()
    const owner = await net.addNode('new-phone', { keys: back })
    await pay(thief, organization, 50)
    // nobody takes a question of its before that, so it learns of its money after
    await until(110_000, () => owner.wallet.balance(asset.id) === 850, 'the recovery')
    const tookMs = performance.now() - startMs
    assert.ok(tookMs > DELAY_SECONDS * 1000, `${tookMs} ms`)
    await pay(owner, organization, 300)
    for (const { node } of net.members) {
      const key = node?.context.directory.keyOf(back.id)
      assert.ok(key && equal(key, back.publicKey))
    }
    const refused = await pay(thief, organization, 1, 3_000).then(
      () => 'paid',
      (error: { code: string }) => error.code,
    )
    assert.ok(['not-settled', 'no-quorum'].includes(refused), refused)
    await until(10_000, () => owner.wallet.balance(asset.id) === 550, 'the balance')
  } finally {
    await net.close()
  }
})

test.run()
