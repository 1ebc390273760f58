import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Envelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Later } from '../../src/kernel/later.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import type { Link, Write } from '../../src/kernel/ports.ts'
import { type Decision, type Lane, type Message, type Outgoing, Road } from '../../src/kernel/road.ts'
import { Schedule } from '../../src/kernel/schedule.ts'
import { MemoryStore, TestClock } from '../kit/memory.ts'
import { ErrorLog, keysOf } from '../kit/node.ts'
import { makePair, makePerson, type Person } from '../kit/people.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { ROOT } from '../kit/source.ts'
import { malleated, NOTHING, Speaker } from '../kit/wire.ts'
import { until, within } from '../kit/within.ts'

const NET = new Uint8Array(32).fill(7)
const TOPIC = 'webx/test/sync'
const STATEMENTS = 'webx/test/order'

/** A disk whose syncs wait until the test lets them go. */
class HeldStore extends MemoryStore {
  held = false
  broken = false
  syncs = 0
  waiting: (() => void)[] = []
  readonly #trace: string[]

  constructor(trace: string[]) {
    super()
    this.#trace = trace
  }

  override async sync(): Promise<void> {
    this.syncs++
    this.#trace.push('sync begins')
    if (this.held) await new Promise<void>((go) => this.waiting.push(go))
    if (this.broken) throw new WebxError('store-failed', 'the disk is gone')
    await super.sync()
    this.#trace.push('synced')
  }

  release(): void {
    this.held = false
    for (const go of this.waiting.splice(0)) go()
  }
}

/** A road with one lane for frames and one for statements, and a record of all that happens on it. */
class Bench {
  readonly trace: string[] = []
  readonly store = new HeldStore(this.trace)
  readonly clock = new TestClock()
  readonly counters = createCounters()
  readonly log = new ErrorLog()
  readonly halts: WebxError[] = []
  readonly own = makePerson('device')
  readonly peer = makePerson('device')
  readonly known: Person[] = [this.peer, this.own]
  readonly speaker = new Speaker(NET, this.clock, this.peer)
  readonly sent: { topic: string; bytes: Uint8Array }[] = []
  readonly road: Road
  onFrame: (message: Message) => Decision | null = () => null
  onStatement: (message: Message) => Decision | null = () => null
  authorize: (message: Message) => void = () => {}
  lets: Lane['checks'] = () => []

  constructor(RoadOf: typeof Road = Road) {
    const link: Pick<Link, 'publish'> = {
      publish: async (topic, bytes) => {
        this.trace.push(`emit ${topic}`)
        this.sent.push({ topic, bytes })
      },
    }
    this.road = new RoadOf({
      netId: NET,
      boot: 1,
      clock: this.clock,
      keys: keysOf(this.own),
      store: this.store,
      link: link as Link,
      directory: {
        keyOf: (id) => this.known.find((person) => person.id.every((byte, i) => byte === id[i]))?.publicKey ?? null,
        rankOf: () => 'guest',
        keyAt: () => null,
        stateOf: () => null,
        frozen: () => false,
      },
      counters: this.counters,
      log: this.log,
      halt: (error) => this.halts.push(error),
    })
    this.road.lay({
      types: [TYPE.need],
      authorize: (message) => this.authorize(message),
      decide: (message) => {
        this.trace.push('decide')
        return this.onFrame(message)
      },
    })
    this.road.lay({
      types: [TYPE.order],
      topicOf: () => STATEMENTS,
      checks: (message) => this.lets?.(message) ?? null,
      decide: (message) => this.onStatement(message),
    })
  }

  /** One that is in order. */
  frame(changes: Partial<Parameters<Speaker['frame']>[0]> = {}): Uint8Array {
    return this.speaker.frame({ type: TYPE.need, topic: TOPIC, payload: [1], ...changes })
  }

  receive(bytes: Uint8Array, topic = TOPIC): void {
    this.road.receive(topic, bytes)
  }

  /** Resolves when everything handed in before was judged. */
  async judged(): Promise<void> {
    await within(
      2_000,
      this.road.run(() => null),
    )
    await within(
      2_000,
      this.road.run(() => null),
    )
  }

  count(name: string): number {
    return this.counters.read()[name] ?? 0
  }

  refusals(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.counters.read()).filter(([name]) => name.startsWith('refused.')))
  }
}

const write = (name: string): Write => ({ space: 'test', key: new TextEncoder().encode(name), value: NOTHING })
const told = (topic: string): { topic: string; bytes: Uint8Array } => ({ topic, bytes: Uint8Array.of(1) })

const order = suite('road: the order of its stages')

/** What the rule says: nothing of a turn is applied or sent before the turn is on the disk. Used on the road and on a mutant of it. */
async function nothingLeavesBeforeItIsStored(bench: Bench): Promise<void> {
  bench.onFrame = () => ({
    writes: [write('message')],
    apply: () => void bench.trace.push('apply'),
    emit: [told('webx/test/vote')],
  })
  bench.store.held = true
  bench.receive(bench.frame())
  await until(2_000, () => bench.store.waiting.length === 1, 'the sync')
  await new Promise((resume) => setTimeout(resume, 20))
  assert.equal(bench.trace, ['decide', 'sync begins'])
  bench.store.release()
  await until(2_000, () => bench.trace.length === 5, 'the end of the turn')
  assert.equal(bench.trace, ['decide', 'sync begins', 'synced', 'apply', 'emit webx/test/vote'])
}

order('nothing is applied and nothing leaves before the turn is on the disk', () =>
  nothingLeavesBeforeItIsStored(new Bench()),
)

order('a mutant that sends before it stores is caught by that test', async () => {
  const source = await readFile(join(ROOT, 'src/kernel/road.ts'), 'utf8')
  const store = '      await this.#store(decisions)\n'
  const emit = source.match(/^ {4}for \(const decision of decisions\) for .*await this\.#emit\(outgoing\)\n/m)?.[0]
  assert.ok(emit && source.split(store).length === 2, 'the mutation must find its place in the road')
  const mutated = source.replace(emit, '').replace(store, `  ${emit}${store}`)
  const absolute = mutated.replaceAll(/from '(\.\.?\/[^']+)'/g, (_, path: string) => {
    return `from '${new URL(path, pathToFileURL(join(ROOT, 'src/kernel/road.ts'))).href}'`
  })
  const directory = await mkdtemp(join(tmpdir(), 'webx-mutant-'))
  try {
    const file = join(directory, 'road.ts')
    await writeFile(file, absolute)
    const mutant = (await import(pathToFileURL(file).href)) as { Road: typeof Road }
    let caught = false
    await nothingLeavesBeforeItIsStored(new Bench(mutant.Road)).catch((error: unknown) => {
      caught = error instanceof assert.Assertion
    })
    assert.ok(caught, 'the mutant has passed')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

order('what is sent keeps its order: messages, then tasks, then the end of the turn', async () => {
  const bench = new Bench()
  let at = 0
  bench.onFrame = () => ({ emit: [told(`message ${at}`), told(`message ${at++} again`)] })
  bench.road.atEndOfTurn(async () => (bench.sent.length === 0 && at > 1 ? { emit: [told('end')] } : null))
  await bench.judged()
  bench.store.held = true
  // a turn that is held, so that the next one takes all of the following together
  const held = bench.road.run(() => ({ writes: [write('held')] }))
  await until(2_000, () => bench.store.waiting.length === 1)
  bench.receive(bench.frame())
  bench.receive(bench.frame())
  const task = bench.road.run(() => ({ emit: [told('task')] }))
  bench.store.release()
  await Promise.all([held, task])
  await until(2_000, () => bench.sent.length === 6)
  assert.equal(
    bench.sent.map(({ topic }) => topic),
    ['message 0', 'message 0 again', 'message 1', 'message 1 again', 'task', 'end'],
  )
})

order('everything of a turn is one commit, the end of the turn included', async () => {
  const bench = new Bench()
  bench.onFrame = () => ({ writes: [write('message')] })
  bench.road.atEndOfTurn(async () => ({ writes: [write('end')] }))
  bench.store.held = true
  bench.receive(bench.frame())
  await until(2_000, () => bench.store.waiting.length === 1)
  assert.is(bench.store.syncs, 1)
  assert.equal([...bench.store.scan('test')].length, 2)
  assert.is(bench.store.values('test').length, 0)
  bench.store.release()
  await until(2_000, () => bench.store.values('test').length === 2)
})

order('a turn without writes does not trouble the disk', async () => {
  const bench = new Bench()
  bench.onFrame = () => ({ emit: [told('webx/test/answer')] })
  bench.receive(bench.frame())
  await bench.judged()
  assert.is(bench.store.syncs, 0)
  assert.is(bench.sent.length, 1)
})

order('what may wait is stored with the next commit, and before anything leaves', async () => {
  const bench = new Bench()
  bench.onFrame = () => ({ writes: [write('heard')], mayWait: true })
  bench.receive(bench.frame())
  await bench.judged()
  assert.is(bench.store.syncs, 0)
  assert.equal([...bench.store.scan('test')].length, 1)
  assert.is(bench.store.values('test').length, 0)
  bench.trace.length = 0
  await bench.road.run(() => ({ emit: [told('webx/test/answer')] }))
  await until(2_000, () => bench.sent.length === 1)
  assert.equal(bench.trace, ['sync begins', 'synced', 'emit webx/test/answer'])
  assert.is(bench.store.values('test').length, 1)
  bench.clock.advance(LIMITS.writesWaitMsMax)
  await bench.judged()
  assert.is(bench.store.syncs, 1, 'nothing waits any more')
})

order('what promises nothing is applied at once; what is sent with it, or after it, takes it to the disk', async () => {
  const bench = new Bench()
  let applied = 0
  let emit: Outgoing[] = []
  bench.onFrame = () => ({ writes: [write(`settled ${applied}`)], apply: () => applied++, emit, mayWait: true })
  bench.receive(bench.frame())
  await bench.judged()
  assert.is(applied, 1)
  assert.is(bench.store.syncs, 0)
  await bench.road.run(() => ({ writes: [write('vote')], emit: [told('webx/test/vote')] }))
  await until(2_000, () => bench.sent.length === 1)
  assert.equal(bench.trace.slice(-3), ['sync begins', 'synced', 'emit webx/test/vote'])
  assert.is(bench.store.values('test').length, 2)
  emit = [told('webx/test/proof')]
  bench.receive(bench.frame())
  await until(2_000, () => bench.sent.length === 2)
  assert.equal(bench.trace.slice(-3), ['sync begins', 'synced', 'emit webx/test/proof'])
})

order('what may wait does so only for a while, and together with what may not not at all', async () => {
  const bench = new Bench()
  bench.onFrame = () => ({ writes: [write('heard')], mayWait: true })
  bench.receive(bench.frame())
  await bench.judged()
  bench.clock.advance(LIMITS.writesWaitMsMax - 1)
  await bench.judged()
  assert.is(bench.store.syncs, 0)
  bench.clock.advance(1)
  await until(2_000, () => bench.store.syncs === 1)
  bench.road.atEndOfTurn(async () => ({ writes: [write('vote')] }))
  bench.receive(bench.frame())
  await until(2_000, () => bench.store.values('test').length === 2)
})

order('what somebody else says in the same turn is not said again', async () => {
  const bench = new Bench()
  const { clock, counters, log, road } = bench
  const later = new Later({ schedule: new Schedule(clock, log), road, counters })
  bench.onFrame = () => {
    later.cancel('one')
    return null
  }
  later.publish('one', 100, () => told('one'))
  later.publish('other', 100, () => told('other'))
  // a turn that is held, so that the message waits in the inbox when the time has come
  bench.store.held = true
  const held = road.run(() => ({ writes: [write('held')] }))
  await until(2_000, () => bench.store.waiting.length === 1)
  bench.receive(bench.frame())
  clock.advance(100)
  bench.store.release()
  await held
  await until(2_000, () => bench.sent.length === 1)
  await bench.judged()
  assert.equal(
    bench.sent.map(({ topic }) => topic),
    ['other'],
  )
})

const failing = suite('road: what fails')

failing('a failing disk closes the road: nothing is sent, who waits is told, halt comes once', async () => {
  const bench = new Bench()
  bench.onFrame = () => ({ writes: [write('vote')], apply: () => bench.trace.push('apply'), emit: [told('vote')] })
  bench.store.held = true
  bench.receive(bench.frame())
  await until(2_000, () => bench.store.waiting.length === 1)
  const waiting = bench.road.run(() => ({ writes: [write('task')], emit: [told('task')] }))
  const refused = codeOfAsync(() => waiting)
  bench.store.broken = true
  bench.store.release()
  assert.is(await within(2_000, refused), 'store-failed')
  assert.is(await codeOfAsync(() => bench.road.run(() => null)), 'store-failed')
  bench.receive(bench.frame())
  await new Promise((resume) => setTimeout(resume, 20))
  assert.equal(bench.sent, [])
  assert.not.ok(bench.trace.includes('apply'))
  assert.equal(
    bench.halts.map(({ code }) => code),
    ['store-failed'],
  )
  assert.is(bench.count('received'), 1, 'a closed road takes nothing in')
})

failing('a task that shares a turn with a failing commit is told so', async () => {
  const bench = new Bench()
  bench.store.broken = true
  assert.is(await codeOfAsync(() => bench.road.run(() => ({ writes: [write('task')] }))), 'store-failed')
  assert.is(bench.halts.length, 1)
})

failing('an error of a task reaches its caller only', async () => {
  const bench = new Bench()
  bench.onFrame = () => ({ emit: [told('message')] })
  bench.receive(bench.frame())
  const bad = bench.road.run(() => {
    throw new WebxError('bad-argument', 'not like this')
  })
  const good = bench.road.run(() => ({ emit: [told('task')] }))
  assert.is(await codeOfAsync(() => bad), 'bad-argument')
  await within(2_000, good)
  await until(2_000, () => bench.sent.length === 2)
  assert.equal(bench.refusals(), {})
  assert.is(bench.halts.length, 0)
})

failing(
  'what cannot be applied fails its task and is counted; what was stored is still sent, and the road stays open',
  async () => {
    const bench = new Bench()
    const apply = (): void => {
      throw new Error('a bug of ours')
    }
    const task = bench.road.run(() => ({ apply, emit: [told('task')] }))
    const outcome = task.then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    )
    assert.is(await within(2_000, outcome), 'a bug of ours')
    await until(2_000, () => bench.sent.length === 1)
    assert.is(bench.halts.length, 0)
    assert.is(bench.counters.read()['broken.apply'], 1)
  },
)

failing('a frame that grew too long is not sent, and the road stays open', async () => {
  const bench = new Bench()
  const payload = new Uint8Array(LIMITS.envelopeBytesMax)
  await bench.road.run(() => ({ emit: [{ topic: TOPIC, type: TYPE.need, payload, lifetimeMs: 1_000 }, told('next')] }))
  await until(2_000, () => bench.sent.length === 1)
  assert.is(bench.count('unsent.too-long'), 1)
  assert.is(bench.halts.length, 0)
})

failing('a stopped road fails what waits and takes nothing more', async () => {
  const bench = new Bench()
  bench.store.held = true
  const first = bench.road.run(() => ({ writes: [write('first')] }))
  await until(2_000, () => bench.store.waiting.length === 1)
  const second = codeOfAsync(() => bench.road.run(() => null))
  const stopped = bench.road.stop()
  bench.store.release()
  await within(2_000, stopped)
  await first
  assert.is(await second, 'stopped')
  assert.is(await codeOfAsync(() => bench.road.run(() => null)), 'stopped')
  assert.is(bench.halts.length, 0)
})

failing('two lanes for one type are our own mistake', () => {
  const bench = new Bench()
  assert.is(
    codeOf(() => bench.road.lay({ types: [TYPE.need], decide: () => null })),
    'internal',
  )
})

const refusing = suite('road: what it refuses')

refusing('every stage by its own code, once each', async () => {
  const bench = new Bench()
  const { clock, speaker } = bench
  const honest = bench.frame()
  const nowMs = clock.nowMs()
  const cases: Record<string, Uint8Array> = {
    'too-long': new Uint8Array(LIMITS.envelopeBytesMax + 1),
    'not-canonical': honest.subarray(0, honest.length - 1),
    'bad-version': honest.map((byte, i) => (i === 1 ? 2 : byte)),
    'unknown-type': bench.frame({ type: TYPE.probe }),
    'wrong-net': bench.frame({ scope: new Uint8Array(32) }),
    'wrong-topic': bench.frame({ topic: 'webx/test/other' }),
    'unknown-sender': bench.frame({ sender: new Uint8Array(32) }),
    expired: bench.frame({ sentMs: nowMs - 1_000, expiresMs: nowMs }),
    'from-the-future': bench.frame({ sentMs: nowMs + LIMITS.clockSkewMsMax + 1 }),
    'bad-shape': bench.frame({ expiresMs: nowMs + LIMITS.frameLifetimeMsMax + 1 }),
    'bad-signature': bench.frame({ signer: makePair() }),
  }
  for (const [code, bytes] of Object.entries(cases)) {
    bench.receive(bytes)
    await bench.judged()
    assert.is(bench.count(`refused.${code}`), 1, code)
  }
  assert.equal(
    Object.keys(bench.refusals()).sort(),
    Object.keys(cases)
      .sort()
      .map((code) => `refused.${code}`),
  )
  assert.not.ok(bench.trace.includes('decide'))
  bench.receive(honest)
  await bench.judged()
  assert.is(bench.trace.filter((stage) => stage === 'decide').length, 1)
  assert.ok(speaker.sequence > 1)
  assert.equal(bench.log.errors, [])
})

refusing('what a lane refuses is counted by its code; its own bugs are logged, and the turn goes on', async () => {
  const bench = new Bench()
  let at = 0
  bench.authorize = () => {
    if (at === 0) throw new WebxError('not-allowed', 'not you')
  }
  bench.onFrame = () => {
    if (at === 1) throw new WebxError('bad-shape', 'not this')
    if (at === 2) throw new TypeError('a bug')
    return { emit: [told('answer')] }
  }
  for (; at < 4; at++) {
    bench.receive(bench.frame())
    await bench.judged()
  }
  assert.equal(bench.refusals(), { 'refused.bad-shape': 1, 'refused.internal': 1, 'refused.not-allowed': 1 })
  assert.is(bench.log.errors.length, 1)
  assert.is(bench.sent.length, 1)
})

refusing('a frame passes once, also where its double comes in the same turn', async () => {
  const bench = new Bench()
  const frame = bench.frame()
  bench.store.held = true
  const held = bench.road.run(() => ({ writes: [write('held')] }))
  await until(2_000, () => bench.store.waiting.length === 1)
  bench.receive(frame)
  bench.receive(frame.slice())
  bench.store.release()
  await held
  await bench.judged()
  assert.is(bench.trace.filter((stage) => stage === 'decide').length, 1)
  assert.is(bench.count('refused.replayed'), 1)
  bench.receive(frame)
  await bench.judged()
  assert.is(bench.count('refused.replayed'), 2)
})

refusing('replays of an earlier boot and from before the window', async () => {
  const bench = new Bench()
  const old = bench.frame()
  for (let i = 0; i < LIMITS.replayWindowFrames; i++) bench.receive(bench.frame())
  await bench.judged()
  bench.receive(old)
  bench.receive(bench.frame({ boot: 9_999_999_999, sequence: 1_000_000 }))
  await bench.judged()
  assert.is(bench.count('refused.replayed'), 2)
  bench.receive(bench.frame({ boot: 10_000_000_001, sequence: 1 }))
  await bench.judged()
  assert.equal(bench.refusals(), { 'refused.replayed': 2 })
})

refusing('a forged frame does not use up the number of the honest one', async () => {
  const bench = new Bench()
  const sequence = 5
  bench.receive(bench.frame({ sequence, signer: makePair() }))
  bench.receive(bench.frame({ sequence }))
  await bench.judged()
  assert.equal(bench.refusals(), { 'refused.bad-signature': 1 })
  assert.is(bench.trace.filter((stage) => stage === 'decide').length, 1)
})

refusing('frames of its own, but not those of an earlier boot', async () => {
  const bench = new Bench()
  const own = new Speaker(NET, bench.clock, bench.own)
  const terms = { type: TYPE.need, topic: TOPIC, payload: [1] }
  bench.receive(own.frame({ ...terms, boot: 1 }))
  await bench.judged()
  assert.not.ok(bench.trace.includes('decide'))
  assert.equal(bench.refusals(), {})
  bench.receive(own.frame({ ...terms, boot: 0 }))
  await bench.judged()
  assert.ok(bench.trace.includes('decide'))
})

refusing('a statement on a topic that does not follow from it, and with a check that fails', async () => {
  const bench = new Bench()
  const statement: Envelope = {
    type: TYPE.order,
    scope: NET,
    body: Uint8Array.of(0x80),
    signature: NOTHING,
    attachment: NOTHING,
  }
  const decided: Message[] = []
  bench.onStatement = (message) => {
    decided.push(message)
    return null
  }
  bench.receive(encodeEnvelope(statement), TOPIC)
  await bench.judged()
  assert.equal(bench.refusals(), { 'refused.wrong-topic': 1 })
  bench.receive(encodeEnvelope(statement), STATEMENTS)
  await bench.judged()
  assert.is(decided.length, 1)
  const message = Uint8Array.of(1, 2, 3)
  const good = { key: bench.peer.publicKey, message, signature: bench.peer.sign(message) }
  bench.lets = () => [good, { ...good, message: Uint8Array.of(1) }]
  bench.receive(encodeEnvelope(statement), STATEMENTS)
  await bench.judged()
  assert.is(bench.count('refused.bad-signature'), 1)
  bench.lets = () => [good, good]
  bench.receive(encodeEnvelope(statement), STATEMENTS)
  await bench.judged()
  bench.lets = () => null
  bench.receive(encodeEnvelope(statement), STATEMENTS)
  await bench.judged()
  assert.is(decided.length, 2)
})

refusing('a key that breaks the rule, and signatures that somebody else has changed', async () => {
  const bench = new Bench()
  const smallOrder = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))
  const crook = { ...makePerson('device'), publicKey: smallOrder }
  bench.known.push(crook)
  bench.receive(bench.frame({ sender: crook.id }))
  await bench.judged()
  assert.is(bench.count('refused.bad-signature'), 1)
  for (let i = 0; i < 3; i++) {
    const envelope = bench.speaker.envelope({ type: TYPE.need, topic: TOPIC, payload: [i] })
    bench.receive(encodeEnvelope({ ...envelope, signature: malleated(envelope.signature) }))
  }
  await bench.judged()
  assert.is(bench.count('refused.bad-signature'), 4)
  assert.is(bench.trace.filter((stage) => stage === 'decide').length, 0)
})

refusing('more than the inbox holds', async () => {
  const bench = new Bench()
  bench.store.held = true
  const held = bench.road.run(() => ({ writes: [write('held')] }))
  await until(2_000, () => bench.store.waiting.length === 1)
  const junk = Uint8Array.of(0x87, 1, 0, 0x18, 65)
  for (let i = 0; i < 3 * LIMITS.inboxMessagesMax; i++) bench.receive(junk)
  assert.is(bench.count('inbox.full.frames'), 2 * LIMITS.inboxMessagesMax)
  bench.store.release()
  await held
  await until(5_000, () => bench.count('refused.not-canonical') === LIMITS.inboxMessagesMax, 'the backlog')
  bench.receive(bench.frame())
  await bench.judged()
  assert.ok(bench.trace.includes('decide'))
})

order.run()
failing.run()
refusing.run()
