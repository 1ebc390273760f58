/** The link with a broker that is not ours: Debian's Mosquitto, with passwords. Fails where Mosquitto is not installed. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { hostClock, hostRandom } from '../../src/drivers/host.ts'
import { type MqttLink, openMqttLink } from '../../src/drivers/mqtt-link.ts'
import type { MqttLinkOptions } from '../../src/drivers/mqtt-options.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import { withTemp } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'

const test = suite('drivers/mosquitto')
const PATH = `${process.env['PATH']}:/usr/sbin`

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts a Mosquitto with one user and waits until it listens. */
async function startMosquitto(directory: string, port: number): Promise<ChildProcess> {
  const passwords = join(directory, 'passwords')
  const configuration = join(directory, 'mosquitto.conf')
  execFileSync('mosquitto_passwd', ['-b', '-c', passwords, 'till', 'p@ss:word'], { env: { PATH } })
  chmodSync(passwords, 0o644)
  chmodSync(directory, 0o755)
  writeFileSync(configuration, `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${passwords}\n`)
  const child = spawn('mosquitto', ['-c', configuration], { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH } })
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += chunk
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}: ${said}`)))
  })
  failed.catch(() => undefined)
  await Promise.race([
    failed,
    within(
      5_000,
      until(5_000, () => /running/.test(said)),
    ),
  ])
  return child
}

async function stopMosquitto(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await within(2_000, ended)
}

function open(url: string, options: Partial<MqttLinkOptions> = {}): MqttLink {
  return openMqttLink({ url, clock: hostClock(), random: hostRandom(), counters: createCounters(), ...options })
}

test('everything that the link promises holds there too, across a restart', () =>
  withTemp(async (directory) => {
    const port = await freePort()
    let mosquitto = await startMosquitto(directory, port)
    const url = `mqtt://till:${encodeURIComponent('p@ss:word')}@127.0.0.1:${port}`
    const will = { topic: 'net/health/one', bytes: fromText('gone'), retain: true }
    const links = [open(url, { will }), open(url)] as const
    const [one, two] = links
    const stranger = open(url.replace('word', 'wurst'))
    try {
      await Promise.all(links.map((link) => link.up(5_000)))
      const refused = await stranger.up(500).catch((error) => error)
      assert.is(refused.code, 'broker-refused')
      assert.not.match(refused.message, 'wurst')

      const received: string[] = []
      two.onMessage((topic, bytes) =>
        received.push(`${topic}=${bytes.length < 20 ? Buffer.from(bytes) : bytes.length}`),
      )
      await one.publish('net/kept', fromText('stays'), { retain: true })
      await two.subscribe('net/#')
      await one.publish('net/long', new Uint8Array(LIMITS.envelopeBytesMax))
      await until(2_000, () => received.length === 2)
      assert.equal(received, ['net/kept=stays', `net/long=${LIMITS.envelopeBytesMax}`])

      received.length = 0
      await Promise.all(Array.from({ length: 1_000 }, (_, n) => one.publish('net/n', fromText(`${n}`))))
      await until(5_000, () => received.length === 1_000)
      assert.equal(
        received,
        Array.from({ length: 1_000 }, (_, n) => `net/n=${n}`),
      )

      await stopMosquitto(mosquitto)
      await until(2_000, () => links.every((link) => link.state === 'down'))
      const waiting = one.publish('net/after', fromText('queued'))
      mosquitto = await startMosquitto(directory, port)
      await within(10_000, waiting, 'the queued message')
      await until(2_000, () => one.state === 'up' && two.state === 'up')
      received.length = 0
      await one.publish('net/again', fromText('heard'))
      await until(2_000, () => received.includes('net/again=heard'))
    } finally {
      await Promise.all([...links, stranger].map((link) => link.close()))
      await stopMosquitto(mosquitto)
    }
  }))

test.run()
