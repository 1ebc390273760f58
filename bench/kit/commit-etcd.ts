/**
 * A cluster of etcd whose members are processes, on the disk and synced as they always are.
 *
 * The client is npm's etcd3 in this process, connected to the leader: what goes to another member is passed on, and takes longer.
 */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Load } from './commit-load.ts'
import { freePorts, Programs } from './programs.ts'

/** What is called of the package etcd3. */
export interface Etcd3Package {
  Etcd3: new (options: { hosts: string }) => Etcd3
}

interface Etcd3 {
  readonly maintenance: { status(): Promise<{ header: { member_id: string }; leader: string }> }
  put(key: string): { value(value: Buffer): Promise<unknown> }
  close(): void
}

/** The running cluster. */
export interface EtcdCluster {
  /** So many values of 256 bytes under way, each in a write of its own. */
  load(lanes: number): Load
  readonly programs: Programs
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const READY_MS_MAX = 600_000
const PUT_MS_MAX = 60_000
const AGAIN_MS = 50
const VALUE_BYTES = 256

/** Starts a cluster of so many members in a folder. Resolves when it has a leader. */
export async function openEtcd(api: Etcd3Package, memberCount: number, directory: string): Promise<EtcdCluster> {
  const programs = new Programs()
  try {
    const clientUrls = await startMembers(programs, memberCount, directory)
    const client = await leaderOf(api, clientUrls)
    const value = randomBytes(VALUE_BYTES)
    let count = 0
    return {
      load: (lanes) => ({
        ...{ lanes, valuesPerWrite: 1 },
        write: () => put(client, `key-${count++}`, value),
      }),
      programs,
      async close() {
        client.close()
        await programs.close()
      },
    }
  } catch (error) {
    await programs.close()
    throw error
  }
}

/** Writes; again where the cluster says that it is just choosing another leader, as a client does. */
async function put(client: Etcd3, key: string, value: Buffer): Promise<void> {
  for (const endMs = Date.now() + PUT_MS_MAX; ; ) {
    try {
      await client.put(key).value(value)
      return
    } catch (error) {
      if (Date.now() > endMs) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
}

async function startMembers(programs: Programs, memberCount: number, directory: string): Promise<string[]> {
  const ports = await freePorts(2 * memberCount)
  const url = (at: number): string => `http://${HOST}:${ports[at]}`
  const seats = Array.from({ length: memberCount }, (_, seat) => seat)
  const cluster = seats.map((seat) => `m${seat}=${url(2 * seat)}`).join()
  // etcd's own times, but for so many members on one machine: there elections would not end
  const times = memberCount > 8 ? ['--heartbeat-interval', '500', '--election-timeout', '5000'] : []
  for (const seat of seats) {
    const [peer, client] = [url(2 * seat), url(2 * seat + 1)]
    const args = [
      ...['--name', `m${seat}`, '--data-dir', join(directory, `m${seat}`)],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new', '--initial-cluster-token', 'bench'],
      ...['--logger', 'zap', '--log-level', 'panic', ...times],
    ]
    // its libraries speak of every member that is not up yet
    programs.start('etcd', args, { stdio: 'ignore' })
  }
  return seats.map((seat) => url(2 * seat + 1))
}

/** A client of the member that all of them take for the leader. */
async function leaderOf(api: Etcd3Package, urls: readonly string[]): Promise<Etcd3> {
  const clients = urls.map((hosts) => new api.Etcd3({ hosts }))
  const close = (but: Etcd3 | null): void => {
    for (const client of clients) if (client !== but) client.close()
  }
  for (const endMs = Date.now() + READY_MS_MAX; Date.now() < endMs; ) {
    const said = await Promise.all(clients.map((client) => client.maintenance.status().catch(() => null)))
    const leader = said[0]?.leader
    if (leader !== '0' && said.every((one) => one?.leader === leader)) {
      const client = clients[said.findIndex((one) => one?.header.member_id === leader)]
      if (client) {
        close(client)
        return client
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  close(null)
  throw new Error('etcd has no leader')
}
