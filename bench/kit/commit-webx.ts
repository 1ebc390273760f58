/**
 * A neighborhood of webx whose members are processes (`webx run`) and meet at a Mosquitto, with every store on the disk and synced.
 *
 * The client is a node of its own without a seat, in this process, that listens to the votes: the organization's, through which owners hand in what they sign
 * themselves. An order counts when that node has seen it SETTLED and has stored that.
 */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNode, type WebxNode } from '../../src/boot.ts'
import { orderBytes } from '../../src/consensus/order.ts'
import { hostClock, hostRandom } from '../../src/drivers/host.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { createLog } from '../../src/kernel/observe.ts'
import type { Keys } from '../../src/kernel/ports.ts'
import type { OwnOperation } from '../../src/ledger/payment.ts'
import { accountNonce, nextOrder } from '../../src/ledger/terms.ts'
import { foundNet, offerSeat } from '../../src/net.ts'
import { type Owner, Owners } from '../../test/kit/owners.ts'
import { until } from '../../test/kit/within.ts'
import type { Load } from './commit-load.ts'
import { freePorts, Programs } from './programs.ts'

/** Payments of one batch. */
export const MANY = 256

const MEMBER = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const READY_MS_MAX = 600_000
const SETTLE_MS_MAX = 180_000
const FUNDS = 1_000_000
const NOTHING = new Uint8Array(0)

/** The running neighborhood. */
export interface WebxNet {
  /** One order after the other, of one payment each. */
  readonly one: Load
  /** One owner, whose orders pay 256 accounts at once. */
  readonly many: Load
  /** As many owners as were asked for, each with an order of one payment under way. */
  readonly each: Load
  /** Bytes of an order of one payment, and of one of 256, as they travel. */
  readonly orderBytes: { readonly one: number; readonly many: number }
  readonly programs: Programs
  close(): Promise<void>
}

/** Founds and starts a neighborhood with so many seats in a folder. Resolves when it settles orders, and `payerCount` owners (at most 256) have money. */
export async function openWebx(seatCount: number, payerCount: number, directory: string): Promise<WebxNet> {
  const programs = new Programs()
  let node: WebxNode | undefined
  const close = async (): Promise<void> => {
    await node?.stop()
    await programs.close()
  }
  try {
    const brokerUrl = await startMosquitto(programs, directory)
    const keysOf = (name: string, kind: 'device' | 'organization'): Promise<Keys> =>
      createKeyFile(join(directory, name, 'node.key'), kind)
    const names = Array.from({ length: seatCount }, (_, seat) => `member-${seat}`)
    const members = await Promise.all(names.map((name) => keysOf(name, 'device')))
    const keys = await keysOf('client', 'organization')
    const terms = {
      ...{ name: 'bench', seats: await Promise.all(members.map(offerSeat)), terminals: [] },
      assets: [{ code: 'EUR', decimals: 2, cap: 2 ** 40 }],
    }
    const genesis = await foundNet(terms, keys, { clock: hostClock(), random: hostRandom() })
    const net = join(directory, 'genesis.webx')
    await writeFile(net, genesis.bytes)
    for (const name of names) {
      const data = join(directory, name)
      programs.start(process.execPath, [MEMBER, 'run', '--net', net, '--data', data, '--broker', brokerUrl], {
        env: { WEBX_LOG_LEVEL: 'error' },
      })
    }
    const dataDir = join(directory, 'client')
    const client = await createNode({ genesis, keys, dataDir, brokerUrl, log: createLog('silent'), hearsVotes: true })
    node = client
    await until(READY_MS_MAX, () => client.presence.seatsUp() === seatCount, 'the start of all members')
    return { ...(await loadsOf(client, payerCount)), programs, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function loadsOf(node: WebxNode, payerCount: number): Promise<Omit<WebxNet, 'close' | 'programs'>> {
  const owners = new Owners(node)
  const [rich] = (await owners.funded(node, 1, 2 * MANY * FUNDS)) as [Owner]
  const payers = await Promise.all(Array.from({ length: payerCount }, () => owners.open()))
  const payees = Array.from({ length: MANY }, (_, i) => payers[i]?.account ?? fresh(32))
  const [asset] = node.assets.all
  const assetId = asset?.id as Uint8Array
  const settle = async (owner: Owner, operation: OwnOperation): Promise<number> => {
    const { person, version, head } = owner
    const { neighborhood: home } = node.context.genesis
    const standing = { home, owner: person.id, keyPosition: 0, nonce: accountNonce(), version, head }
    const maxEpoch = node.agreed.committee.epoch + 1
    const order = owners.sign(person, nextOrder(standing, operation, fresh(16), maxEpoch))
    owner.version = order.version
    owner.head = order.od
    const { confirms } = await owners.settle(order, SETTLE_MS_MAX)
    if (confirms < node.agreed.committee.quorum) throw new Error(`settled by ${confirms}`)
    return orderBytes(order).length
  }
  const pay = (from: Owner, to: Uint8Array): Promise<number> => {
    const detail = { reference: fresh(32), refundOf: NOTHING, memo: NOTHING }
    return settle(from, { kind: 'pay', assetId, amount: 1, to, ...detail })
  }
  const payMany = (amount: number): Promise<number> => {
    const payments = payees.map((to) => ({ amount, to, reference: fresh(32), memo: NOTHING }))
    return settle(rich, { kind: 'pay-many', assetId, payments })
  }
  const [first] = payees as [Uint8Array]
  await payMany(FUNDS / 2)
  return {
    one: { lanes: 1, valuesPerWrite: 1, write: async () => void (await pay(rich, first)) },
    many: { lanes: 1, valuesPerWrite: MANY, write: async () => void (await payMany(1)) },
    each: {
      ...{ lanes: payerCount, valuesPerWrite: 1 },
      write: async (lane) => void (await pay(payers[lane] as Owner, payees[(lane + 1) % MANY] as Uint8Array)),
    },
    orderBytes: { one: await pay(rich, first), many: await payMany(1) },
  }
}

/** Debian's Mosquitto as it comes, without passwords; it holds messages back for a millisecond's rest unless told not to. */
async function startMosquitto(programs: Programs, directory: string): Promise<string> {
  const [port] = (await freePorts(1)) as [number]
  const configuration = join(directory, 'mosquitto.conf')
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o755)
  const settings = ['allow_anonymous true', 'set_tcp_nodelay true', 'max_queued_messages 10000', 'log_type error']
  await writeFile(configuration, [`listener ${port} 127.0.0.1`, ...settings, ''].join('\n'))
  programs.start('mosquitto', ['-c', configuration])
  for (const endMs = Date.now() + READY_MS_MAX; Date.now() < endMs; ) {
    if (await listens(port)) return `mqtt://127.0.0.1:${port}`
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('mosquitto does not listen')
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function fresh(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}
