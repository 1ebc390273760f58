/** A newcomer as a process of its own: `webx run --admission`, and what it says of itself. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { admissionText, admit, offerSeat } from '../../src/net.ts'
import type { Testnet } from '../../src/testnet.ts'

export class Recruit {
  readonly name: string
  readonly id: Uint8Array
  readonly directory: string
  /** When its process was started last, by `performance.now`. */
  startedMs = 0
  /** When it was first in an epoch after that of the genesis, with the state that it began with, by `performance.now`; null before. */
  syncedMs: number | null = null
  readonly #command: readonly string[]
  #child: ChildProcess | null = null

  private constructor(name: string, id: Uint8Array, directory: string, command: readonly string[]) {
    this.name = name
    this.id = id
    this.directory = directory
    this.#command = command
  }

  /** A key file and the organization's word that it may apply; nothing runs yet. `command` is followed by the arguments of `webx run`. */
  static async make(testnet: Testnet, name: string, command: readonly string[]): Promise<Recruit> {
    const directory = join(testnet.directory, name)
    await mkdir(directory, { recursive: true })
    const keys = await createKeyFile(join(directory, 'node.key'), 'device')
    const { organization, genesis, brokerUrl } = testnet
    const admission = admissionText(await admit(await offerSeat(keys), organization.context.keys, genesis.netId))
    const net = join(testnet.directory, 'genesis.webx')
    const run = ['run', '--net', net, '--data', directory, '--broker', brokerUrl, '--admission', admission, '--json']
    return new Recruit(name, keys.id, directory, [...command, ...run])
  }

  get running(): boolean {
    return this.#child !== null
  }

  /** Resolves when it is connected. */
  async start(): Promise<void> {
    if (this.#child) return
    const [program, ...args] = this.#command
    this.startedMs = performance.now()
    const child = spawn(program as string, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const endWithUs = (): void => void child.kill('SIGKILL')
    process.once('exit', endWithUs)
    this.#child = child
    const connected = Promise.withResolvers<void>()
    child.once('error', connected.reject)
    child.once('exit', (code, signal) => {
      process.off('exit', endWithUs)
      if (this.#child === child) this.#child = null
      connected.reject(new Error(`${this.name} ended with ${code ?? signal} before it was connected`))
    })
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { event } = JSON.parse(line) as { event: string }
      if (event === 'connected') connected.resolve()
      if (event === 'epoch') this.syncedMs ??= performance.now()
    })
    await connected.promise
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child) return
    this.#child = null
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}
