/**
 * The stage of a demonstration: a net of 25 members with stores on the disk, a till with a camera, shoppers with enrolled devices and money.
 */

import { createDevice, type Device } from '../apps/facepay/device.ts'
import { createTerminal, type Terminal } from '../apps/facepay/terminal.ts'
import type { WebxNode } from '../boot.ts'
import { decodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { stillCamera } from '../drivers/camera-still.ts'
import type { Cast } from '../drivers/sample-cast.ts'
import type { Person } from '../drivers/sample-people.ts'
import { blank, type Image } from '../face/image.ts'
import type { Camera, FaceModel } from '../face/model.ts'
import type { Log } from '../kernel/ports.ts'
import type { Asset } from '../ledger/asset.ts'
import { createTestnet, type Testnet } from '../testnet.ts'
import { assertWanted, unlessAborted } from './wish.ts'

export const SEATS = 25
/** What every shopper begins with, and how much a face alone may pay, in cents. */
const PURSE = 50_00
const FLOOR = 25_00
const FUNDED_MS_MAX = 60_000

/** A shopper's device and who holds it. */
export interface Shopper {
  readonly person: Person
  readonly node: WebxNode
  readonly device: Device
  /** What the person was asked to confirm on the device. */
  readonly asked: string[]
}

export interface Stage {
  readonly testnet: Testnet
  readonly asset: Asset
  readonly till: { readonly node: WebxNode; readonly terminal: Terminal; readonly camera: TillCamera }
  readonly shoppers: readonly Shopper[]
  /** The PROBE messages that reached a shopper's device, as they were on the wire. */
  readonly probes: Map<Shopper['node'], Uint8Array[]>
  close(): Promise<void>
}

/** Sets the stage. `say` hears what is being done, with a share between 0 and 1 where it is known. Throws `stopped` once the signal aborts. */
export async function setStage(
  cast: Cast,
  model: FaceModel,
  options: {
    readonly log: Log
    readonly signal: AbortSignal
    readonly say: (text: string, share?: number) => void
  },
): Promise<Stage> {
  const { log, signal, say } = options
  const testnet = await createTestnet(SEATS, { log, onProgress: (up, all) => say(`starting ${all} nodes`, up / all) })
  try {
    const probes: Stage['probes'] = new Map()
    const till = await openTill(testnet, model)
    const shoppers: Shopper[] = []
    for (const [i, { person }] of cast.shoppers.entries()) {
      assertWanted(signal)
      say(`enrolling ${person.name}`, i / cast.shoppers.length)
      shoppers.push(await openShopper(testnet, model, person, probes))
    }
    const [asset] = testnet.organization.assets.all as [Asset]
    for (const [i, { person, node }] of shoppers.entries()) {
      say(`issuing money to ${person.name}`, i / shoppers.length)
      await unlessAborted(signal, fund(testnet, node, asset, PURSE))
    }
    for (const { device } of shoppers) await device.checkIn(till.node.context.keys.id)
    await unlessAborted(
      signal,
      until(till.node, () => till.terminal.checkins().length === shoppers.length),
    )
    const close = async (): Promise<void> => {
      await Promise.all([till.terminal.stop(), ...shoppers.map(({ device }) => device.stop())])
      await testnet.close()
    }
    return { testnet, asset, till, shoppers, probes, close }
  } catch (error) {
    await testnet.close()
    throw error
  }
}

/** Issues money to a node's account and waits until it has arrived. */
export async function fund(testnet: Testnet, node: WebxNode, asset: Asset, amount: number): Promise<void> {
  await testnet.organization.wallet.issue(asset, amount, node.wallet.account)
  await until(node, () => node.wallet.balance(asset.id) >= amount)
}

/** Waits for a condition. Throws `timeout` where it does not come true in a minute. */
async function until(node: WebxNode, condition: () => boolean): Promise<void> {
  const { clock } = node.context
  const deadline = clock.monotonicMs() + FUNDED_MS_MAX
  while (!condition()) {
    if (clock.monotonicMs() > deadline)
      throw new WebxError('timeout', `the demonstration waited ${FUNDED_MS_MAX} ms in vain`)
    await new Promise<void>((resume) => void clock.after(10, resume))
  }
}

async function openTill(testnet: Testnet, model: FaceModel): Promise<Stage['till']> {
  const [keys] = testnet.terminalKeys
  const node = await testnet.addNode('terminal-0', { ...(keys && { keys }), hearsVotes: true })
  const camera = new TillCamera()
  const presence = () => ({ seatsUp: node.presence.seatsUp(), quorum: node.agreed.committee.quorum })
  const terminal = createTerminal(node.context, { wallet: node.wallet, assets: node.assets, presence, model, camera })
  await terminal.start()
  return { node, terminal, camera }
}

async function openShopper(
  testnet: Testnet,
  model: FaceModel,
  person: Person,
  probes: Stage['probes'],
): Promise<Shopper> {
  const seen: Uint8Array[] = []
  const node = await testnet.addNode(`device-${person.name}`, {
    onWire: (topic, bytes) => {
      if (topic.includes('/to/') && decodeEnvelope(bytes).type === TYPE.probe) seen.push(bytes.slice())
    },
  })
  probes.set(node, seen)
  const asked: string[] = []
  const consent = {
    // the person of the demonstration says yes to what he or she is asked
    ask: async ({ text }: { text: string }) => asked.push(text) > 0,
  }
  const device = createDevice(node.context, { wallet: node.wallet, assets: node.assets, consent, floorLimit: FLOOR })
  await device.start()
  await device.enrol(person.enroll, model)
  return { person, node, device, asked }
}

/** The till's camera: shows whoever stands there. */
export class TillCamera implements Camera {
  #camera: Camera = stillCamera([blank(320, 240)])

  /** Puts these pictures before the camera. */
  show(pictures: readonly Image[]): void {
    this.#camera = stillCamera(pictures, { intervalMs: 40, repeat: 3 })
  }

  frames(signal: AbortSignal): ReturnType<Camera['frames']> {
    return this.#camera.frames(signal)
  }

  health(): ReturnType<Camera['health']> {
    return this.#camera.health()
  }

  close(): Promise<void> {
    return this.#camera.close()
  }
}
