import { createHash, randomBytes } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex } from '../../src/core/bytes.ts'
import { signedBytes, TYPE } from '../../src/core/envelope.ts'
import { inceptionBody, keyEventBytes, NO_SCOPE, readInception } from '../../src/identity/keylog.ts'
import { Scene } from '../kit/hostile.ts'
import { judged } from '../kit/node.ts'
import { makePair, type Person } from '../kit/people.ts'

const test = suite<{ scene: Scene }>('signatures that divide libraries')
test.before.each(async (context) => {
  context.scene = await Scene.open(4)
})
test.after.each(({ scene }) => scene.close())

const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const TORSION_8 = Point.fromBytes(fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'))

/** Somebody who adds torsion to the nonce point of every signature: valid by the cofactored equation only. */
function crook(): Person {
  const a = 1n + (BigInt(`0x${randomBytes(31).toString('hex')}`) % (ORDER - 1n))
  const publicKey = Point.BASE.multiply(a).toBytes()
  const signWith = (times: bigint) => (message: Uint8Array) => {
    const r = 1n + (BigInt(`0x${randomBytes(31).toString('hex')}`) % (ORDER - 1n))
    const torsion = times === 0n ? Point.ZERO : TORSION_8.multiply(times)
    const nonce = Point.BASE.multiply(r).add(torsion).toBytes()
    const digest = createHash('sha512')
      .update(concat(nonce, publicKey, message))
      .digest()
    const challenge = digest.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) % ORDER
    const s = (r + challenge * a) % ORDER
    return concat(
      nonce,
      Uint8Array.from({ length: 32 }, (_, i) => Number((s >> BigInt(8 * i)) & 255n)),
    )
  }
  const body = inceptionBody({ kind: 'human', key: publicKey, nextKey: makePair().publicKey, salt: randomBytes(16) })
  const inception = keyEventBytes(body, signWith(0n)(signedBytes(TYPE.keyEvent, NO_SCOPE, body)))
  const state = readInception(inception)
  return { publicKey, sign: signWith(3n), inception, state, id: state.id }
}

test('are judged alike by every node, however many there are', async ({ scene }) => {
  const person = crook()
  const { topics } = scene
  const nodes = [scene.member, scene.till, scene.device]
  for (const node of nodes) node.context.road.receive(topics.identity(person.id), person.inception)
  for (const node of nodes) await judged(node)
  const speaker = scene.speaker(person)
  const topic = topics.sync
  const say = async (): Promise<void> => {
    const bytes = speaker.frame({ type: TYPE.need, topic, payload: [new Uint8Array(32), 1] })
    for (const node of nodes) node.context.road.receive(topic, bytes)
    for (const node of nodes) await judged(node)
  }
  const refusals = () => nodes.map((node) => node.context.counters.read()['refused.bad-signature'] ?? 0)
  for (let i = 0; i < 20; i++) await say()
  assert.equal(refusals(), [0, 0, 0])
})

test.run()
