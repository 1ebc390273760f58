/** Mosquitto as a process that can be killed and started again on the same port; whoever comes is let in. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttBroker } from '../../src/drivers/mqtt-broker.ts'
import { until, within } from './within.ts'

const PATH = `${process.env['PATH']}:/usr/sbin`
const START_MS_MAX = 20_000

export class Mosquitto implements MqttBroker {
  readonly port: number
  readonly url: string
  /** Mosquitto tells nobody. */
  readonly clients = 0
  readonly #directory: string
  #child: ChildProcess | null = null

  private constructor(port: number, directory: string) {
    this.port = port
    this.url = `mqtt://127.0.0.1:${port}`
    this.#directory = directory
  }

  /** One that listens on a free port. Fails where Mosquitto is not installed. */
  static async open(): Promise<Mosquitto> {
    const port = await freePort()
    const directory = await mkdtemp(join(tmpdir(), 'webx-mosquitto-'))
    const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'set_tcp_nodelay true']
    // what a slow reader has not taken yet is kept by the default for the fast
    lines.push('max_queued_messages 0', 'max_inflight_messages 0')
    await writeFile(join(directory, 'mosquitto.conf'), `${lines.join('\n')}\n`)
    const broker = new Mosquitto(port, directory)
    await broker.start()
    return broker
  }

  async start(): Promise<void> {
    const configuration = join(this.#directory, 'mosquitto.conf')
    const child = spawn('mosquitto', ['-c', configuration], { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH } })
    process.once('exit', () => child.kill('SIGKILL'))
    let said = ''
    child.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_096)
    })
    const failed = Promise.withResolvers<never>()
    child.once('error', failed.reject)
    child.once('exit', (code) => failed.reject(new Error(`mosquitto ended with ${code}: ${said}`)))
    failed.promise.catch(() => undefined)
    await Promise.race([failed.promise, until(START_MS_MAX, () => /running/.test(said), 'a running Mosquitto')])
    this.#child = child
  }

  /** Ends it at once, with all that it kept for others. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    this.#child = null
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await within(5_000, ended)
  }

  async close(): Promise<void> {
    await this.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
