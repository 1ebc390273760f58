import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { TagReader, TagSighting } from '../../src/kernel/ports.ts'
import { follows, readTagEvent, TagEvents } from '../../src/services/tags.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { codeOf } from '../kit/refusal.ts'
import { until, within } from '../kit/within.ts'

/** A reader that sees what the test says. */
class Reader implements TagReader {
  readonly #sightings: TagSighting[] = []
  #wake = (): void => {}
  #broken = false

  see(tag: string, atMs: number): void {
    this.#sightings.push({ tag, atMs })
    this.#wake()
  }

  break(): void {
    this.#broken = true
    this.#wake()
  }

  #sleep(wake: () => void): void {
    this.#wake = wake
  }

  async *sightings(signal: AbortSignal): AsyncGenerator<TagSighting> {
    signal.addEventListener('abort', () => this.#wake())
    while (!signal.aborted) {
      const next = this.#sightings.shift()
      if (next) yield next
      else if (this.#broken) {
        this.#broken = false
        throw new WebxError('reader-failed', 'unplugged')
      } else await new Promise<void>((wake) => this.#sleep(wake))
    }
  }
}

const test = suite<{ net: MemoryNet; node: MemoryNode; reader: Reader; tags: TagEvents }>('tags')
test.before.each(async (context) => {
  context.net = new MemoryNet(1)
  context.node = await context.net.node()
  context.reader = new Reader()
  context.tags = new TagEvents(context.node.context, context.reader)
  await context.tags.start()
})
test.after.each(async ({ net, tags }) => {
  await tags.stop()
  await net.close()
})

function events(net: MemoryNet) {
  return net.said(TYPE.tagEvent).map(({ bytes }) => decodeEnvelope(bytes))
}

test('every sighting is a signed event that names the one before, stored before it is published', async ({
  net,
  node,
  reader,
}) => {
  const heard: string[] = []
  node.context.events.on('tag', ({ tag, atMs }) => void heard.push(`${tag} ${atMs}`))
  const early: number[] = []
  net.bus.loses = ({ topic }) => {
    if (topic === node.context.topics.tag(node.person.id)) early.push(node.store.values('tag-event').length)
    return false
  }
  reader.see('04A1', 1_000)
  reader.see('04B2', 1_001.4)
  reader.see('04A1', 2_000)
  await until(2_000, () => events(net).length === 3, 'three events')
  const chain = events(net)
  const read = chain.map(readTagEvent)
  assert.equal(
    read.map(({ number, tag, atMs }) => [number, tag, atMs]),
    [
      [1, '04A1', 1_000],
      [2, '04B2', 1_001],
      [3, '04A1', 2_000],
    ],
  )
  for (const { type, scope, body, signature } of chain) {
    assert.ok(verifySignature(node.person.publicKey, signedBytes(type, scope, body), signature))
    assert.equal(scope, net.net.genesis.netId)
  }
  assert.ok(read[0]?.previous.every((byte) => byte === 0))
  for (let i = 1; i < 3; i++) assert.ok(follows(chain[i - 1] as (typeof chain)[0], read[i] as (typeof read)[0]))
  assert.not.ok(follows(chain[0] as (typeof chain)[0], read[2] as (typeof read)[0]), 'one was left out')
  assert.equal(early, [1, 2, 3])
  assert.equal(heard, ['04A1 1000', '04B2 1001.4', '04A1 2000'])
})

test('a restart goes on with the chain', async ({ net, node, reader, tags }) => {
  for (let i = 0; i < 12; i++) reader.see(`tag ${i}`, i)
  await until(2_000, () => events(net).length === 12, 'twelve events')
  await tags.stop()
  const again = await net.node(node.person, { store: node.crash() })
  const next = new Reader()
  const later = new TagEvents(again.context, next)
  await later.start()
  next.see('after', 100)
  await until(2_000, () => events(net).length === 13, 'one more')
  await later.stop()
  const chain = events(net)
  const last = readTagEvent(chain[12] as (typeof chain)[0])
  assert.is(last.number, 13)
  assert.ok(follows(chain[11] as (typeof chain)[0], last))
})

test('a reader that fails is counted and logged each time, and asked again after a pause', async ({
  net,
  node,
  reader,
}) => {
  const failures = () => node.context.counters.read()['tags.failed.reader-failed'] ?? 0
  reader.see('04A1', 1)
  for (const round of [1, 2]) {
    reader.break()
    await until(2_000, () => failures() === round, `failure ${round}`)
    assert.is(node.log.errors.length, round)
    reader.see(`after ${round}`, round)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.is(events(net).length, round, 'not before the pause is over')
    net.clock.advance(LIMITS.tagReaderRetryMs)
    await until(2_000, () => events(net).length === round + 1, `the tag after failure ${round}`)
  }
  node.log.errors.length = 0
})

test('stopping does not wait for the pause of a reader that failed', async ({ node, reader, tags }) => {
  reader.break()
  await until(2_000, () => node.log.errors.length === 1, 'the failure')
  await within(1_000, tags.stop())
  node.log.errors.length = 0
})

test('what is no tag event is refused', async ({ net, node, reader }) => {
  reader.see('04A1', 1)
  await until(2_000, () => events(net).length === 1, 'an event')
  const [envelope] = events(net) as [ReturnType<typeof decodeEnvelope>]
  assert.is(
    codeOf(() => readTagEvent({ ...envelope, type: TYPE.order })),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readTagEvent({ ...envelope, body: envelope.body.subarray(1) })),
    'not-canonical',
  )
  assert.is(
    codeOf(() => readTagEvent(decodeEnvelope(node.person.inception))),
    'bad-shape',
  )
})

test.run()
