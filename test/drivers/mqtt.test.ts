import '../kit/wasm.ts'
import { connect as connectSocket, createServer, Socket } from 'node:net'
import mqtt from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { hostClock, hostRandom } from '../../src/drivers/host.ts'
import type { MqttBroker } from '../../src/drivers/mqtt-broker.ts'
import { type MqttLink, openMqttLink } from '../../src/drivers/mqtt-link.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import type { LinkState } from '../../src/kernel/ports.ts'
import { BrokerKit, OPEN_POLICY, PLACE } from '../kit/broker.ts'
import { withTemp } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'

const test = suite('drivers/mqtt')
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function withKit(use: (kit: BrokerKit) => Promise<void>): () => Promise<void> {
  return () =>
    withTemp(async (directory) => {
      const kit = new BrokerKit(directory)
      try {
        await within(20_000, use(kit), 'the test')
      } finally {
        await kit.close()
      }
    })
}

/** Everything that a link receives, as `topic=text`. */
function inbox(link: MqttLink): string[] {
  const received: string[] = []
  link.onMessage((topic, bytes) => received.push(`${topic}=${Buffer.from(bytes)}`))
  return received
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

async function upLink(kit: BrokerKit, broker: MqttBroker, options = {}): Promise<MqttLink> {
  const link = await kit.link(broker.url, options)
  await link.up(5_000)
  return link
}

test(
  'messages go round, retained ones wait, and bytes are plain arrays of their own',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const [one, two] = [await upLink(kit, broker), await upLink(kit, broker)]
    assert.is(broker.clients, 2)
    const received = inbox(two)
    await one.publish('a/kept', fromText('stays'), { retain: true })
    await two.subscribe('a/#')
    await one.publish('a/b', fromText('hello'))
    await one.publish('other', fromText('not for two'))
    await until(2_000, () => received.length === 2)
    assert.equal(received, ['a/kept=stays', 'a/b=hello'])

    let last: Uint8Array | undefined
    two.onMessage((_, bytes) => {
      last = bytes
    })
    const bytes = new Uint8Array(LIMITS.envelopeBytesMax).fill(7)
    await one.publish('a/long', bytes)
    await until(2_000, () => last !== undefined)
    assert.is(last?.constructor, Uint8Array)
    assert.equal(last, bytes)
    assert.is(last?.buffer.byteLength, bytes.length)
  }),
)

test(
  'nobody has more retained topics than the own few: they leave room for others, and room comes back',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const [one, two, three] = [await upLink(kit, broker), await upLink(kit, broker), await upLink(kit, broker)]
    const most = LIMITS.brokerRetainedPerClientMax
    for (let i = 0; i <= most; i++) await one.publish(`one/${i}`, fromText('1'), { retain: true })
    await two.publish('two/0', fromText('2'), { retain: true })
    await one.publish('one/0', new Uint8Array(0), { retain: true })
    await one.publish('one/again', fromText('1'), { retain: true })
    await one.publish('one/1', fromText('newer'), { retain: true })
    await one.publish('done', fromText('1'))
    const received = inbox(three)
    await three.subscribe('two/+')
    await three.subscribe('one/+')
    await until(2_000, () => received.length > most)
    await pause(50)
    assert.is(received.length, most + 1)
    assert.not(received.includes(`one/${most}=1`))
    for (const kept of ['two/0=2', 'one/again=1', 'one/1=newer']) assert.ok(received.includes(kept), kept)
  }),
)

test(
  'however many guests come, members find room for what they retain, and a guest may say again what it has said',
  withKit(async (kit) => {
    const members = new Set<string>()
    const rankOf = (id: Uint8Array) => (members.has(toHex(id)) ? ('member' as const) : ('guest' as const))
    const broker = await kit.broker({ policy: { ...OPEN_POLICY, rankOf } })
    const most = new Uint8Array(LIMITS.envelopeBytesMax)
    const each = LIMITS.brokerRetainedPerClientMax
    const guests = LIMITS.brokerRetainedBytesMax / 2 / (each * most.length)
    let first: MqttLink | null = null
    for (let i = 0; i < guests; i++) {
      const guest = await upLink(kit, broker)
      await Promise.all(
        Array.from({ length: each }, (_, n) => guest.publish(`guest/${i}/${n}`, most, { retain: true })),
      )
      first ??= guest
    }
    const dropped = () => kit.counters.read()['broker.dropped.retained'] ?? 0
    assert.is(dropped(), 0)
    await (await upLink(kit, broker)).publish('guest/more', fromText('1'), { retain: true })
    assert.is(dropped(), 1)
    const keys = await kit.keys()
    members.add(toHex(keys.id))
    const member = await upLink(kit, broker, { signIn: kit.signIn(keys) })
    await member.publish('member', fromText('here'), { retain: true })
    await first?.publish('guest/0/0', most, { retain: true })
    assert.is(dropped(), 1)
    const late = await upLink(kit, broker, { signIn: kit.signIn(keys) })
    const received = inbox(late)
    await late.subscribe('member')
    await until(2_000, () => received.length === 1)
  }),
)

test(
  'order is kept among the messages of one sender',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const [one, two] = [await upLink(kit, broker), await upLink(kit, broker)]
    const received = inbox(two)
    await two.subscribe('n')
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => one.publish('n', fromText(String(n)))))
    await until(5_000, () => received.length === 2_000)
    assert.equal(
      received,
      Array.from({ length: 2_000 }, (_, n) => `n=${n}`),
    )
  }),
)

test(
  'an exchange takes a few milliseconds, since neither side waits to fill a packet',
  withKit(async (kit) => {
    const nagleOff = Socket.prototype.setNoDelay
    let switchedOff = 0
    Socket.prototype.setNoDelay = function (on) {
      if (on) switchedOff++
      return nagleOff.call(this, on)
    }
    try {
      const broker = await kit.broker()
      const [one, two] = [await upLink(kit, broker), await upLink(kit, broker)]
      assert.is(switchedOff, 2)
      await two.subscribe('ping')
      await one.subscribe('pong')
      let heard = 0
      two.onMessage(() => {
        if (++heard % 3 === 0) void two.publish('pong', Uint8Array.of(1))
      })
      const times: number[] = []
      for (let n = 0; n < 20; n++) {
        const start = performance.now()
        const answered = new Promise<void>((resolve) => one.onMessage(() => resolve()))
        for (let part = 0; part < 3; part++) await one.publish('ping', Uint8Array.of(part))
        await within(2_000, answered)
        times.push(performance.now() - start)
      }
      const median = times.sort((a, b) => a - b)[10] as number
      assert.ok(median < 30, `${median.toFixed(1)} ms for three messages and an answer`)
    } finally {
      Socket.prototype.setNoDelay = nagleOff
    }
  }),
)

test(
  'the will is said when a connection dies and not when it is closed',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const watcher = await upLink(kit, broker)
    const received = inbox(watcher)
    await watcher.subscribe('health/+')
    let births = 0
    const will = () => ({ topic: 'health/polite', bytes: fromText(`gone ${++births}`), retain: true })
    const polite = await upLink(kit, broker, { will })
    await polite.close()
    const rude = mqtt.connect(broker.url, {
      ...(await credentials(kit)),
      reconnectPeriod: 0,
      will: { topic: 'health/rude', payload: Buffer.from('gone'), qos: 0, retain: true },
    })
    await within(2_000, new Promise((resolve) => rude.once('connect', resolve)))
    rude.stream.destroy()
    await until(2_000, () => received.length > 0)
    await pause(50)
    assert.equal(received, ['health/rude=gone'])
    assert.is(births, 1)
    await rude.endAsync(true).catch(() => undefined)
  }),
)

test(
  'a link returns by itself when the broker does, with its subscriptions, its queue and fresh credentials',
  withKit(async (kit) => {
    const first = await kit.broker()
    const [one, two] = [await upLink(kit, first), await upLink(kit, first)]
    const states: LinkState[] = []
    two.onState((state) => states.push(state))
    const received = inbox(two)
    await two.subscribe('a')
    await first.close()
    await until(2_000, () => one.state === 'down' && two.state === 'down')
    await two.subscribe('b')
    const waiting = Promise.all([one.publish('a', fromText('1')), one.publish('b', fromText('2'))])
    const second = await kit.broker({ port: first.port })
    await two.up(5_000)
    await within(5_000, waiting, 'publishing after the return')
    await one.publish('a', fromText('3'))
    await until(2_000, () => received.includes('a=3'))
    assert.equal(states, ['down', 'up'])
    assert.is(second.clients, 2)
  }),
)

test(
  'while there is no broker a link keeps a bounded queue, says why it is down, and closes at once',
  withKit(async (kit) => {
    const broker = await kit.broker()
    await broker.close()
    const link = await kit.link(broker.url)
    assert.is(await codeOf(link.up(300)), 'broker-unreachable')
    const outcomes = Array.from({ length: LIMITS.linkQueuedMessagesMax + 5 }, () =>
      codeOf(link.publish('a', Uint8Array.of(1))),
    )
    await link.close()
    const codes = await Promise.all(outcomes)
    assert.is(codes.filter((code) => code === 'limit').length, 5)
    assert.is(codes.filter((code) => code === 'stopped').length, LIMITS.linkQueuedMessagesMax)
    assert.is(await codeOf(link.publish('a', Uint8Array.of(1))), 'stopped')
    assert.is(await codeOf(link.subscribe('a')), 'stopped')
    assert.is(await codeOf(link.up(10)), 'stopped')
    assert.is(link.state, 'closed')
  }),
)

test(
  'queued bytes are bounded too',
  withKit(async (kit) => {
    const broker = await kit.broker()
    await broker.close()
    const link = await kit.link(broker.url)
    const piece = new Uint8Array(LIMITS.envelopeBytesMax)
    const count = LIMITS.linkQueuedBytesMax / piece.length
    const outcomes = Array.from({ length: count + 1 }, () => codeOf(link.publish('a', piece)))
    assert.is(await outcomes.at(-1), 'limit')
    await link.close()
    assert.is((await Promise.all(outcomes)).filter((code) => code === 'stopped').length, count)
  }),
)

test(
  'credentials must be there, be for this broker, net, client and moment, and pass once',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const attempt = async (options: mqtt.IClientOptions): Promise<string> => {
      const client = mqtt.connect(broker.url, { reconnectPeriod: 0, connectTimeout: 3_000, ...options })
      const outcome = await within(
        4_000,
        new Promise<string>((resolve) => {
          client.once('connect', () => resolve('in'))
          client.once('error', (error) => resolve(`${(error as { code?: number }).code}`))
        }),
      )
      client.on('error', () => undefined)
      await client.endAsync(true)
      return outcome
    }
    const refusals = (): Record<string, number> => {
      const entries = Object.entries(kit.counters.read()).filter(([name]) => name.startsWith('broker.refused.'))
      return Object.fromEntries(entries.map(([name, n]) => [name.slice('broker.refused.'.length), n]))
    }
    const good = await credentials(kit)
    assert.is(await attempt(good), 'in')
    assert.is(await attempt(good), '5')
    assert.equal(refusals(), { replayed: 1 })
    assert.is(await attempt({}), '5')
    assert.is(await attempt({ ...(await credentials(kit)), clean: false }), '5')
    assert.is(await attempt({ ...(await credentials(kit)), clientId: 'another' }), '5')
    assert.equal(refusals(), { replayed: 1, 'not-allowed': 3 })
    const late = { ...kit.clock, nowMs: () => Date.now() - LIMITS.brokerTokenLifetimeMsMax - 1 }
    assert.is(await attempt(await credentials(kit, PLACE, late)), '5')
    assert.is(refusals()['expired'], 1)
    assert.is(await attempt(await credentials(kit, { ...PLACE, netId: new Uint8Array(32) })), '5')
    assert.is(refusals()['wrong-net'], 1)
    assert.is(broker.clients, 0)
  }),
)

test(
  'a link that is refused says so',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const stranger = await kit.link(broker.url, { signIn: kit.signIn(await kit.keys(), { ...PLACE, broker: 'other' }) })
    assert.is(await codeOf(stranger.up(400)), 'broker-refused')
    const secretive = await kit.link(broker.url.replace('//', '//user:secret@'))
    const error = await secretive.up(400).catch((thrown) => thrown)
    assert.is(error.code, 'broker-refused')
    assert.not.match(error.message, 'secret')
    assert.throws(() => openMqttLink({ url: 'http://x' } as never), /no broker URL/)
  }),
)

test(
  'an address that keeps failing is not listened to for the rest of the second',
  withKit(async (kit) => {
    const broker = await kit.broker({ clock: { ...kit.clock, monotonicMs: () => 5 } })
    for (let n = 0; n < LIMITS.brokerFailedSignInsPerSecondMax + 2; n++) {
      const client = mqtt.connect(broker.url, { reconnectPeriod: 0, username: 'x', password: 'y' })
      await within(4_000, new Promise((resolve) => client.once('error', resolve)))
      client.on('error', () => undefined)
      client.stream.destroy()
    }
    assert.is(kit.counters.read()['broker.refused.not-canonical'] ?? 0, 0)
    assert.is(kit.counters.read()['broker.refused.bad-shape'], LIMITS.brokerFailedSignInsPerSecondMax)
    assert.is(kit.counters.read()['broker.refused.flooding'], 2)
  }),
)

test(
  'what may not be published is dropped and the connection stays; what may not be heard is refused',
  withKit(async (kit) => {
    const broker = await kit.broker({
      policy: { ...OPEN_POLICY, maySubscribe: (_, filter) => filter !== 'forbidden/#' },
    })
    const [one, two] = [await upLink(kit, broker), await upLink(kit, broker)]
    const received = inbox(two)
    assert.is(await codeOf(two.subscribe('forbidden/#')), 'not-allowed')
    assert.is(await codeOf(two.subscribe('$SYS/#')), 'not-allowed')
    await two.subscribe('forbidden/a')
    await two.subscribe('free')
    await one.publish('forbidden/a', fromText('no'))
    await one.publish('forbidden/a', fromText('no'), { retain: true })
    await one.publish('$SYS/x', fromText('no'))
    await one.publish('t'.repeat(LIMITS.topicCharactersMax + 1), fromText('no'))
    await one.publish('free', fromText('yes'))
    await until(2_000, () => received.length > 0)
    assert.equal(received, ['free=yes'])
    assert.is(one.state, 'up')
    assert.is(kit.counters.read()['broker.dropped.topic'], 4)
    assert.is(kit.counters.read()['broker.refused.subscription'], 2)
  }),
)

test(
  'subscriptions of one client are bounded',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const link = await upLink(kit, broker)
    for (let n = 0; n < LIMITS.brokerSubscriptionsPerClientMax; n++) await link.subscribe(`s/${n}`)
    await link.subscribe('s/0')
    assert.is(await codeOf(link.subscribe('one/more')), 'not-allowed')
  }),
)

test(
  'a guest is slowed to its rate and loses nothing, while others go on',
  withKit(async (kit) => {
    const guest = await kit.keys()
    const rankOf = (id: Uint8Array) => (Buffer.from(id).equals(guest.id) ? ('guest' as const) : ('member' as const))
    const broker = await kit.broker({ policy: { ...OPEN_POLICY, rankOf } })
    const slow = await upLink(kit, broker, { signIn: kit.signIn(guest) })
    const [fast, watcher] = [await upLink(kit, broker), await upLink(kit, broker)]
    const received = inbox(watcher)
    await watcher.subscribe('r/#')
    const start = performance.now()
    const burst = LIMITS.guestPublishPerSecondMax + 20
    const sent = Promise.all(Array.from({ length: burst }, (_, n) => slow.publish('r/slow', fromText(String(n)))))
    await within(1_000, Promise.all(Array.from({ length: 500 }, () => fast.publish('r/fast', fromText('x')))))
    await within(5_000, sent)
    const tookMs = performance.now() - start
    await until(2_000, () => received.length === burst + 500)
    assert.ok(tookMs > 300 && tookMs < 1_500, `${tookMs.toFixed(0)} ms`)
    assert.equal(
      received.filter((line) => line.startsWith('r/slow')),
      Array.from({ length: burst }, (_, n) => `r/slow=${n}`),
    )
    assert.is(kit.counters.read()['broker.throttled'], 20)
  }),
)

test(
  'a packet above the bound ends its connection before it is buffered',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const link = await upLink(kit, broker, {})
    const states: LinkState[] = []
    link.onState((state) => states.push(state))
    void link.publish('a', new Uint8Array(2 * LIMITS.envelopeBytesMax)).catch(() => undefined)
    await until(2_000, () => states.includes('down'))
    assert.is(kit.counters.read()['broker.oversized'], 1)
    await link.close()
  }),
)

test(
  'a subscriber that stops reading is disconnected, and nobody waits for it',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const [one, two] = [await upLink(kit, broker), await upLink(kit, broker)]
    const received = inbox(two)
    await two.subscribe('flow')
    const lazy = mqtt.connect(broker.url, { ...(await credentials(kit)), reconnectPeriod: 0 })
    await within(2_000, lazy.subscribeAsync('flow'))
    lazy.stream.unpipe()
    lazy.stream.removeAllListeners('data')
    lazy.stream.pause()
    const piece = new Uint8Array(60_000)
    let pieces = 0
    const start = performance.now()
    while (!kit.counters.read()['broker.slow'] && pieces < 2_000) {
      await one.publish('flow', piece)
      pieces++
    }
    assert.is(kit.counters.read()['broker.slow'], 1)
    assert.ok(performance.now() - start < 5_000)
    await until(2_000, () => received.length === pieces)
    assert.is(broker.clients, 2)
    assert.is(one.state, 'up')
    lazy.on('error', () => undefined)
    lazy.stream.destroy()
    lazy.end(true)
  }),
)

test(
  'scanners and garbage do not disturb the broker',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const knock = (bytes: Uint8Array, patienceMs = 30): Promise<void> =>
      new Promise((resolve) => {
        const socket = connectSocket(broker.port, '127.0.0.1', () => socket.write(bytes))
        socket.on('error', () => undefined)
        socket.once('close', () => resolve())
        setTimeout(() => socket.destroy(), patienceMs)
      })
    const connectPacket = Buffer.from('101800044d5154540402003c000c', 'hex')
    await Promise.all([
      knock(new Uint8Array(0)),
      knock(fromText('GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
      knock(Buffer.from('16030100ff010000fb', 'hex')),
      knock(Buffer.from('10ffffffffff', 'hex')),
      knock(Buffer.from('1000', 'hex')),
      knock(Buffer.from('c000', 'hex')),
      knock(connectPacket),
      knock(Buffer.concat([connectPacket, Buffer.from('webx-12345678')])),
    ])
    let seed = 12345
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 8) % below
    }
    for (let round = 0; round < 15; round++) {
      const knocks = Array.from({ length: 20 }, () => {
        const garbage = Uint8Array.from({ length: 1 + random(120) }, () => random(256))
        const declared = Math.min(garbage.length - 2, 127)
        if (round % 2 === 1 && declared > 0) garbage.set([(1 + random(14)) << 4, declared])
        return knock(garbage, 10)
      })
      await Promise.all(knocks)
    }
    const link = await upLink(kit, broker)
    const received = inbox(link)
    await link.subscribe('alive')
    await link.publish('alive', fromText('yes'))
    await until(2_000, () => received.length === 1)
  }),
)

test(
  'a signed-in client that sends garbage is dropped alone',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const link = await upLink(kit, broker)
    for (const garbage of ['f0ff', '3000', '3205000161', '8202', '82060001000423', '320700010000', '62020001']) {
      const client = mqtt.connect(broker.url, { ...(await credentials(kit)), reconnectPeriod: 0 })
      await within(2_000, new Promise((resolve) => client.once('connect', resolve)))
      client.on('error', () => undefined)
      client.stream.write(Buffer.from(garbage, 'hex'))
      await pause(10)
      await client.endAsync(true)
    }
    const received = inbox(link)
    await link.subscribe('alive')
    await link.publish('alive', fromText('yes'))
    await until(2_000, () => received.length === 1)
  }),
)

test(
  'a taken port is a clear error, and close frees everything',
  withKit(async (kit) => {
    const broker = await kit.broker()
    const error = await kit.broker({ port: broker.port }).catch((thrown) => thrown)
    assert.is(error.code, 'bad-config')
    assert.match(error.hint, 'another port')
    const idle = connectSocket(broker.port, '127.0.0.1')
    const ended = new Promise((resolve) => idle.once('close', resolve))
    idle.on('error', () => undefined)
    await within(1_000, new Promise((resolve) => idle.once('connect', resolve)))
    await within(2_000, broker.close())
    await within(1_000, ended)
    const server = createServer().listen(broker.port, '127.0.0.1')
    await within(1_000, new Promise((resolve) => server.once('listening', resolve)))
    await new Promise((resolve) => server.close(resolve))
  }),
)

test('a stored copy that comes after the message that deleted it is dropped, and the next word is heard', async () => {
  const publish = (flags: number, topic: string, text: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x30 | flags, 2 + topic.length + text.length, 0, topic.length]),
      Buffer.from(topic + text),
    ])
  const RETAIN = 1
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x20, 2, 0, 0]))
      socket.once('data', (subscribe) => {
        socket.write(Buffer.from([0x90, 3, subscribe[2] as number, subscribe[3] as number, 0]))
        socket.write(publish(RETAIN, 'b', 'there'))
        socket.write(publish(0, 'a', ''))
        socket.write(publish(RETAIN, 'a', 'old'))
        socket.write(publish(0, 'a', 'back'))
        socket.write(publish(RETAIN, 'a', 'kept'))
      })
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const counters = createCounters()
  const { port } = server.address() as { port: number }
  const link = openMqttLink({ url: `mqtt://127.0.0.1:${port}`, clock: hostClock(), random: hostRandom(), counters })
  try {
    const received = inbox(link)
    await link.subscribe('#')
    await link.up(5_000)
    await until(2_000, () => received.length >= 4)
    assert.equal(received, ['b=there', 'a=', 'a=back', 'a=kept'])
    assert.is(counters.read()['link.staleCopy'], 1)
  } finally {
    await link.close()
    server.close()
  }
})

async function credentials(kit: BrokerKit, place = PLACE, clock = kit.clock) {
  const signIn = kit.signIn(await kit.keys(), place, clock)
  const clientId = signIn.clientId()
  return { clientId, ...(await signIn.credentials(clientId)) }
}

test.run()
