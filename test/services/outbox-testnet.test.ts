/** A device that rotates in a real neighborhood: brokers, SQLite, key files and disks as they are. */

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { equal } from '../../src/core/bytes.ts'
import { createKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { rotateKeyFile } from '../../src/drivers/key-file-events.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { randomReference } from '../kit/node.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until } from '../kit/within.ts'

const test = suite<{ net: Testnet }>('key logs in a neighborhood')
test.before(async (context) => {
  context.net = await createTestnet(4)
})
test.after(({ net }) => net.close())

function pay(from: WebxNode, to: WebxNode, amount: number, timeoutMs = 10_000) {
  const [asset] = from.assets.all
  if (!asset) throw new Error('the net has no asset')
  return from.wallet.pay({ reference: randomReference(), asset: asset.id, amount, to: to.wallet.account }, timeoutMs)
}

test('the new key pays, the stolen old one pays nothing any more', async ({ net }) => {
  const { organization } = net
  const [asset] = organization.assets.all
  if (!asset) throw new Error('the net has no asset')
  const folder = join(net.directory, 'phone')
  const file = join(folder, 'node.key')
  const old = await createKeyFile(file, 'device')
  const phone = await net.addNode('phone', { keys: old })
  await organization.wallet.issue(asset, 1_000, phone.wallet.account)
  await until(10_000, () => phone.wallet.balance(asset.id) === 1_000, 'the money')
  await pay(phone, organization, 100)
  await phone.stop()
  const stolen = join(net.directory, 'thief')
  await cp(folder, stolen, { recursive: true })
  await rotateKeyFile(file, {})
  const keys = await openKeyFile(file)
  assert.is(keys.position, 1)
  const again = await net.addNode('phone', { keys })
  const { id } = keys
  const follows = ({ context }: WebxNode): boolean => equal(context.directory.keyOf(id) ?? id, keys.publicKey)
  await until(10_000, () => net.members.every(({ node }) => node !== null && follows(node)), 'the rotation')
  await pay(again, organization, 200)
  assert.is(again.wallet.balance(asset.id), 700)
  const thief = await net.addNode('thief', { keys: await openKeyFile(join(stolen, 'node.key')) })
  const code = await codeOfAsync(() => pay(thief, organization, 300, 2_500))
  assert.ok(['not-settled', 'no-quorum'].includes(code), code)
  assert.is(organization.wallet.balance(asset.id), 300)
  // the owner goes on
  await pay(again, organization, 50)
  assert.is(again.wallet.balance(asset.id), 650)
})

test.run()
