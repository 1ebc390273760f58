/**
 * Anonymous check-in over a real broker, with every byte of the shoppers' connections on record: what a tap, or the broker itself, could read of who is in the shop
 * before anybody pays.
 */

import '../kit/wasm.ts'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDevice, type Device } from '../../src/apps/facepay/device.ts'
import { createTerminal } from '../../src/apps/facepay/terminal.ts'
import { createNode, type WebxNode } from '../../src/boot.ts'
import { fromText, toBase64url, toHex } from '../../src/core/bytes.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { labelOf } from '../../src/identity/xqident.ts'
import { createLog } from '../../src/kernel/observe.ts'
import type { Asset } from '../../src/ledger/asset.ts'
import { createTestnet } from '../../src/testnet.ts'
import { until } from '../kit/within.ts'
import { face, photograph, vectorModel } from './shop.ts'

const test = suite('anonymous check-in over a broker')

/** Passes bytes on between clients and a broker, and keeps them. */
class Tap {
  url = ''
  /** Both directions of each connection, in the order in which they were opened. */
  readonly connections: Buffer[][] = []
  /** What the clients alone said, likewise. */
  readonly said: Buffer[][] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(brokerUrl: string) {
    const { hostname, port } = new URL(brokerUrl)
    this.#server = createServer((client) => {
      const broker = connect({ host: hostname, port: Number(port) })
      const record: Buffer[] = []
      const said: Buffer[] = []
      this.connections.push(record)
      this.said.push(said)
      client.on('data', (chunk: Buffer) => said.push(chunk))
      for (const [from, to] of [
        [client, broker],
        [broker, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('data', (chunk: Buffer) => {
          record.push(chunk)
          to.write(chunk)
        })
        from.on('close', () => to.destroy())
        from.on('error', () => to.destroy())
      }
    })
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `mqtt://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** How much of each connection there is by now. */
  marks(): number[] {
    return this.connections.map((record) => record.length)
  }

  /** All that was said since, one buffer for each connection. */
  since(marks: readonly number[]): Buffer[] {
    return this.connections.map((record, i) => Buffer.concat(record.slice(marks[i] ?? 0)))
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

/** Every form in which an identity could be written. */
function formsOf(node: WebxNode): Uint8Array[] {
  const { id, publicKey, inception } = node.context.keys
  const texts = [toHex(id), labelOf(id), toBase64url(inception).slice(0, 60)]
  return [id, publicKey, node.wallet.account, ...texts.map(fromText)]
}

test('three shoppers come in as strangers, one pays by face, and only then has a name', async () => {
  const testnet = await createTestnet(1)
  const tap = new Tap(testnet.brokerUrl)
  const nodes: WebxNode[] = []
  const apps: { stop(): Promise<void> }[] = []
  try {
    await tap.open()
    const [asset] = testnet.organization.assets.all as [Asset]
    const [terminalKeys] = testnet.terminalKeys
    const heard: { topic: string; bytes: Uint8Array }[] = []
    const onWire = (topic: string, bytes: Uint8Array): void => void heard.push({ topic, bytes })
    const till = await testnet.addNode('till', {
      ...(terminalKeys && { keys: terminalKeys }),
      hearsVotes: true,
      onWire,
    })
    const presence = () => ({ seatsUp: till.presence.seatsUp(), quorum: till.agreed.committee.quorum })
    const own = { wallet: till.wallet, assets: till.assets, presence, model: vectorModel() }
    const terminal = createTerminal(till.context, { ...own, checkin: 'anonymous' })
    apps.push(terminal)
    await terminal.start()
    const shoppers: { node: WebxNode; device: Device }[] = []
    for (const number of [1, 2, 3]) {
      const dataDir = join(testnet.directory, `shopper-${number}`)
      const keys = await createKeyFile(join(dataDir, 'node.key'), 'human')
      const options = { genesis: testnet.genesis, keys, dataDir, brokerUrl: tap.url, log: createLog('silent') }
      const node = await createNode(options)
      nodes.push(node)
      await node.link.up(5_000)
      const { wallet, assets, openGuest } = node
      const consent = { ask: async () => false }
      const device = createDevice(node.context, { wallet, assets, consent, floorLimit: 5_000, openGuest })
      apps.push(device)
      await device.start()
      await device.enrol([photograph(number, 0)], vectorModel())
      await terminal.enrolled.add(await device.proofKeyText())
      await testnet.organization.wallet.issue(asset, 5_000, node.wallet.account)
      await until(10_000, () => node.wallet.balance(asset.id) === 5_000, 'the money')
      shoppers.push({ node, device })
    }
    const marks = tap.marks()
    const heardBefore = heard.length
    for (const { device } of shoppers) assert.is(await device.checkIn(till.context.keys.id, 600_000, 'anonymous'), 3)
    await until(10_000, () => terminal.checkins().length === 3, 'the check-ins')
    // a node goes on saying how it is, under its name, whether or not it is in a shop
    const isOfStay = ({ topic }: { topic: string }): boolean => !topic.includes('/health/')
    const record = { named: [] as Buffer[], guests: [] as Buffer[], till: Buffer.alloc(0) }
    const progress = (stage: string): void => {
      // one device is to be selected now, and nobody has paid yet
      if (stage !== 'settling') return
      const all = tap.since(marks)
      record.named.push(...tap.said.slice(0, 3).map((chunks) => Buffer.concat(chunks)))
      record.guests.push(...all.slice(3))
      const said = heard.slice(heardBefore).filter(isOfStay)
      record.till = Buffer.concat(said.flatMap(({ topic, bytes }) => [Buffer.from(topic), bytes]))
    }
    const paid = await terminal.takePayment({ amount: 420, asset: asset.id, embedding: face(2, 9), progress })
    assert.equal(paid.account, shoppers[1]?.node.wallet.account)
    assert.is(record.guests.length, 3, 'each shopper has a connection as a guest')
    const guests = terminal.checkins().map(({ id }) => id)
    for (const id of guests) {
      const isThere = (bytes: Buffer): boolean => bytes.includes(Buffer.from(id)) || bytes.includes(toHex(id))
      assert.ok(record.guests.some(isThere) && isThere(record.till), 'the record shows the guests')
      assert.not.ok(record.named.some(isThere), 'no connection by name speaks of a guest')
    }
    for (const { node } of shoppers) {
      for (const form of formsOf(node)) {
        for (const bytes of [...record.guests, record.till]) assert.is(bytes.indexOf(form), -1)
      }
    }
    await Promise.all(shoppers.map(({ device }) => device.checkOut()))
    await until(10_000, () => terminal.checkins().length === 0, 'the check-outs')
    await until(10_000, () => testnet.broker.clients === 6, 'the guests’ ends')
  } finally {
    for (const app of apps.toReversed()) await app.stop()
    for (const node of nodes) await node.stop()
    await tap.close()
    await testnet.close()
  }
})

test.run()
