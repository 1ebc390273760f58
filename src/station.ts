/**
 * A station: a node with everything that its profile asks for around it – broker, camera, face model, sensor, tag reader, and a door for its owner's commands.
 *
 * Drivers are imported only where the profile names them.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Device } from './apps/facepay/device.ts'
import type { Terminal } from './apps/facepay/terminal.ts'
import { createNode, type WebxNode } from './boot.ts'
import { equal } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import { type ControlMethod, openControlSocket } from './drivers/control-socket.ts'
import { openKeyFile } from './drivers/key-file.ts'
import type { MqttBroker } from './drivers/mqtt-broker.ts'
import { readPassphraseFile } from './drivers/passphrase-file.ts'
import { provideFromFiles } from './drivers/wasm-files.ts'
import { type Genesis, readGenesis } from './identity/genesis.ts'
import type { Service } from './kernel/context.ts'
import type { Log, Sensor } from './kernel/ports.ts'
import type { Profile } from './kernel/profile.ts'
import type { Vault } from './kernel/vault.ts'
import { readAdmission } from './net.ts'
import { KnownIdentities } from './services/directory.ts'
import { backupMethods } from './station-backup.ts'
import { controlMethods } from './station-control.ts'
import { openCamera, openConsent, openModel, openSensor } from './station-drivers.ts'
import { keyLogMethods } from './station-keylogs.ts'
import { followKeyLog } from './station-keys.ts'
import { pingMethods } from './station-pings.ts'
import { publicMethods } from './station-public.ts'
import { rewardMethods } from './station-rewards.ts'
import { sharedMethods } from './station-shared.ts'
import { announceRoles, swarmMethods } from './station-swarm.ts'
import { tillMethods } from './station-till.ts'
import { openVault } from './station-vault.ts'

/** Name of the socket in a node's data folder. */
export const CONTROL_SOCKET = 'control.sock'
const KEY_FILE = 'node.key'

/** A running station. */
export interface Station {
  readonly node: WebxNode
  readonly broker: MqttBroker | null
  readonly terminal: Terminal | null
  readonly device: Device | null
  readonly vault: Vault
  stop(): Promise<void>
}

/** Starts all that a profile asks for. Throws `bad-config`, `key-file-missing`, and what the parts throw; what was started by then is stopped. */
export async function openStation(profile: Profile, log: Log): Promise<Station> {
  provideFromFiles()
  const genesis = readGenesis(await readGenesisFile(profile.net.genesis))
  const { file, passphraseFile } = profile.keys
  const sealed = passphraseFile === '' ? {} : { passphrase: await readPassphraseFile(passphraseFile) }
  const keyFile = file || join(profile.data.dir, KEY_FILE)
  const keys = await openKeyFile(keyFile, sealed)
  const admission = profile.net.admission === '' ? null : readAdmission(profile.net.admission)
  if (profile.roles.includes('member') && !admission) assertSeated(genesis, keys.id)
  const closers: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    const known = new KnownIdentities(genesis)
    const broker = profile.broker.embedded ? await openOwnBroker(profile, genesis, log, known) : null
    if (broker) closers.push(() => broker.close())
    const isTerminal = profile.roles.includes('terminal')
    const node = await createNode({
      genesis,
      keys,
      log,
      dataDir: profile.data.dir,
      brokerUrl: broker?.url ?? profile.broker.url,
      hearsVotes: isTerminal,
      epochs: { epochMs: profile.epochs.seconds * 1_000, changeMs: profile.epochs.changeSeconds * 1_000 },
      admission,
    })
    closers.push(() => node.stop())
    if (broker) (await import('./broker.ts')).followMembers(known, node)
    const unfollow = followKeyLog(keyFile, node.context, node.orders)
    closers.push(async () => unfollow())
    const silence = announceRoles(node)
    closers.push(async () => silence())
    const opened = { closers, node, profile }
    const terminal = isTerminal ? await openTill(opened) : null
    const device = profile.roles.includes('device') ? await openPurse(opened) : null
    if (profile.roles.includes('tag-reader')) await openReader(opened)
    if (profile.sensor.kind !== 'none') await readClimate(opened)
    const { jurisdictions } = profile.vault
    const kept = await openVault(node, { dataDir: profile.data.dir, jurisdictions })
    closers.push(() => kept.close())
    const answered = controlMethods({ node, profile, terminal, device })
    const copied = await backupMethods(node, profile.data.dir)
    const methods: Readonly<Record<string, ControlMethod>> = {
      ...answered,
      ...tillMethods({ terminal, device }),
      ...kept.methods,
      ...pingMethods(node),
      ...keyLogMethods(node),
      ...publicMethods(node),
      ...sharedMethods(node),
      ...swarmMethods(node),
      ...rewardMethods(node),
      ...copied,
    }
    const path = join(profile.data.dir, CONTROL_SOCKET)
    const control = await openControlSocket({ path, methods, counters: node.context.counters })
    closers.push(() => control.close())
    return { node, broker, terminal, device, vault: kept.vault, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Opened {
  readonly closers: (() => Promise<void>)[]
  readonly node: WebxNode
  readonly profile: Profile
}

/** Who is told to vote and never could would look like a member that is down. Throws `bad-config`. */
function assertSeated(genesis: Genesis, id: Uint8Array): void {
  if (genesis.homes.some(({ memberStates }) => memberStates.some((state) => equal(state.id, id)))) return
  throw new WebxError('bad-config', `roles has "member", and this identity has no seat in the net ${genesis.name}`, {
    hint: 'Name what the node is for in roles: terminal, device or tag-reader; WEBX_ROLES=device does for an issuer.',
  })
}

async function readGenesisFile(path: string): Promise<Uint8Array> {
  if (path === '') {
    throw new WebxError('bad-config', 'no genesis is named', { hint: 'Say --net FILE, or set net.genesis.' })
  }
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new WebxError('bad-config', `the genesis ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function openOwnBroker(
  profile: Profile,
  genesis: Genesis,
  log: Log,
  known: KnownIdentities,
): Promise<MqttBroker> {
  const { openNetBroker } = await import('./broker.ts')
  return openNetBroker(genesis, profile.broker, log, known)
}

async function openTill({ closers, node, profile }: Opened): Promise<Terminal> {
  const model = await openModel(profile)
  closers.push(() => model.close())
  const camera = await openCamera(profile)
  if (camera) closers.push(() => camera.close())
  const { createTerminal } = await import('./apps/facepay/terminal.ts')
  const { wallet, assets } = node
  const presence = () => ({ seatsUp: node.presence.seatsUp(), quorum: node.agreed.committee.quorum })
  const terminal = createTerminal(node.context, {
    ...{ wallet, assets, presence, model, checkin: profile.terminal.checkin },
    ...(camera && { camera }),
  })
  await begin(closers, terminal)
  return terminal
}

async function openPurse({ closers, node, profile }: Opened): Promise<Device> {
  const { createDevice } = await import('./apps/facepay/device.ts')
  const { wallet, assets } = node
  const consent = await openConsent(profile)
  const device = createDevice(node.context, {
    ...{ wallet, assets, consent, floorLimit: profile.payments.floorLimit },
    openGuest: node.openGuest,
  })
  await begin(closers, device)
  return device
}

async function openReader({ closers, node, profile }: Opened): Promise<void> {
  const { openTagReaderCommand } = await import('./drivers/tag-reader-command.ts')
  const { TagEvents } = await import('./services/tags.ts')
  const { clock, counters } = node.context
  const reader = openTagReaderCommand({ command: profile.tags.command, clock, counters })
  await begin(closers, new TagEvents(node.context, reader))
}

/** Readings ride on the node's health. A sensor that is not there stops nothing: logged once until it works, counted and tried again each time. */
async function readClimate({ closers, node, profile }: Opened): Promise<void> {
  const { schedule, log, counters } = node.context
  let sensor: Sensor | null = null
  let isDown = false
  const read = async (): Promise<void> => {
    try {
      sensor ??= await openSensor(profile, node.context)
      node.presence.setReading(await sensor.read())
      isDown = false
    } catch (error) {
      counters.count('sensor.unread')
      if (!isDown) log.warn({ error }, 'the climate sensor gives no reading; the node runs on and tries again')
      isDown = true
    }
  }
  await read()
  const cancel = schedule.every(profile.sensor.intervalMs, 'sensor', read)
  closers.push(async () => cancel())
}

async function begin(closers: (() => Promise<void>)[], service: Service): Promise<void> {
  closers.push(() => service.stop())
  await service.start()
}
