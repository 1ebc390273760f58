import '../kit/wasm.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64url, fromHex, toBase64url, toHex } from '../../src/core/bytes.ts'
import { decode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { clientIdOf, SignIn, type SignInPlace, TokenVerifier } from '../../src/drivers/broker-token.ts'
import { hostRandom } from '../../src/drivers/host.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import type { Clock, Keys } from '../../src/kernel/ports.ts'
import { LogOwner, pairOf } from '../kit/keylog.ts'
import type { Pair } from '../kit/people.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/broker-token')
const PLACE: SignInPlace = { broker: 'shop', netId: new Uint8Array(32).fill(4) }

/** A clock that stands still until it is set. */
function standing(nowMs: number): Clock & { set(ms: number): void } {
  let now = nowMs
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    after: () => () => undefined,
    set(ms) {
      now = ms
    },
  }
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

function withKeys(use: (keys: Keys, other: Keys) => Promise<void>): () => Promise<void> {
  return () =>
    withTemp(async (directory) => {
      await use(
        await createKeyFile(join(directory, 'a'), 'device'),
        await createKeyFile(join(directory, 'b'), 'device'),
      )
    })
}

const signInOf = (keys: Keys, clock: Clock, place = PLACE) => new SignIn({ keys, place, clock, random: hostRandom() })

test(
  'a good token hands on the identity, once',
  withKeys(async (keys) => {
    const clock = standing(1_000_000)
    const signIn = signInOf(keys, clock)
    const verifier = new TokenVerifier({ place: PLACE, clock })
    const clientId = signIn.clientId()
    const { username, password } = await signIn.credentials(clientId)
    assert.is(toHex(await verifier.verify(clientId, username, password)), toHex(keys.id))
    assert.is(await codeOf(verifier.verify(clientId, username, password)), 'replayed')
    const both = await signIn.credentials(clientId)
    const outcomes = await Promise.all(
      [1, 2].map(() => codeOf(verifier.verify(clientId, both.username, both.password))),
    )
    assert.equal(outcomes.sort(), ['nothing was thrown', 'replayed'])
  }),
)

test('a token of the first day is accepted for ever, at its time', async () => {
  const { token: vector } = JSON.parse(readFileSync(new URL('../vectors/drivers.json', import.meta.url), 'utf8'))
  const place = { broker: vector.broker, netId: fromHex(vector.netId) }
  const verifier = new TokenVerifier({ place, clock: standing(vector.atMs) })
  assert.is(toHex(await verifier.verify(vector.clientId, vector.username, vector.password)), vector.id)
})

test(
  'time, place, client and owner are each looked at',
  withKeys(async (keys, other) => {
    const clock = standing(1_000_000)
    const at = async (shiftMs: number, verifierPlace = PLACE, id?: string): Promise<string> => {
      const mine = standing(1_000_000 + shiftMs)
      const signIn = signInOf(keys, mine)
      const clientId = signIn.clientId()
      const { username, password } = await signIn.credentials(clientId)
      const verifier = new TokenVerifier({ place: verifierPlace, clock })
      return codeOf(verifier.verify(id ?? clientId, username, password))
    }
    assert.is(await at(0), 'nothing was thrown')
    assert.is(await at(-LIMITS.brokerTokenLifetimeMsMax + 1), 'nothing was thrown')
    assert.is(await at(-LIMITS.brokerTokenLifetimeMsMax), 'expired')
    assert.is(await at(LIMITS.clockSkewMsMax), 'nothing was thrown')
    assert.is(await at(LIMITS.clockSkewMsMax + 1), 'from-the-future')
    assert.is(await at(0, { ...PLACE, broker: 'market' }), 'not-allowed')
    assert.is(await at(0, { ...PLACE, netId: new Uint8Array(32) }), 'wrong-net')
    assert.is(await at(0, PLACE, 'somebody'), 'not-allowed')

    const signIn = signInOf(keys, clock)
    const stolen = clientIdOf(other.id, new Uint8Array(4))
    const forStolen = await signIn.credentials(stolen)
    const verifier = new TokenVerifier({ place: PLACE, clock })
    assert.is(await codeOf(verifier.verify(stolen, forStolen.username, forStolen.password)), 'not-allowed')
    const othersName = toBase64url(other.inception)
    assert.is(await codeOf(verifier.verify(stolen, othersName, forStolen.password)), 'bad-signature')
  }),
)

test(
  'every byte of the password is under a signature, or read',
  withKeys(async (keys) => {
    const clock = standing(1_000_000)
    const signIn = signInOf(keys, clock)
    const clientId = signIn.clientId()
    const { username, password } = await signIn.credentials(clientId)
    const bytes = fromBase64url(password)
    const verifier = new TokenVerifier({ place: PLACE, clock })
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at] = (changed[at] as number) ^ 1
      const code = await codeOf(verifier.verify(clientId, username, toBase64url(changed)))
      assert.ok(code !== 'nothing was thrown' && !code.includes('Error'), `byte ${at}: ${code}`)
    }
    for (const odd of ['', '!', '=', 'A'.repeat(100_000), toBase64url(new Uint8Array(40))]) {
      const code = await codeOf(verifier.verify(clientId, username, odd))
      assert.ok(['bad-shape', 'not-canonical', 'too-long'].includes(code), `${odd.slice(0, 10)}: ${code}`)
    }
    assert.is(await codeOf(verifier.verify(clientId, username, password)), 'nothing was thrown')
  }),
)

test(
  'the identity signs once a day, the transport key every time',
  withKeys(async (keys) => {
    let signed = 0
    const counting: Keys = Object.create(keys, {
      id: { value: keys.id },
      inception: { value: keys.inception },
      sign: {
        value: (message: Uint8Array) => {
          signed++
          return keys.sign(message)
        },
      },
    })
    const clock = standing(1_000_000)
    const signIn = signInOf(counting, clock)
    const verifier = new TokenVerifier({ place: PLACE, clock })
    const clientId = signIn.clientId()
    const transportKeys = new Set<string>()
    const connect = async (): Promise<void> => {
      const { username, password } = await signIn.credentials(clientId)
      const [[transportKey]] = decode(fromBase64url(password)) as [[Uint8Array]]
      transportKeys.add(toHex(transportKey))
      await verifier.verify(clientId, username, password)
    }
    for (let n = 0; n < 5; n++) await connect()
    assert.is(signed, 1)
    clock.set(1_000_000 + LIMITS.brokerDelegationMsMax - LIMITS.brokerTokenLifetimeMsMax)
    await connect()
    assert.is(signed, 1)
    clock.set(1_000_000 + LIMITS.brokerDelegationMsMax - LIMITS.brokerTokenLifetimeMsMax + 1)
    await connect()
    assert.is(signed, 2)
    assert.is(transportKeys.size, 2)
  }),
)

test('who has rotated shows the key log, and the key before gets nobody in with it', async () => {
  const owner = new LogOwner({ recovery: false })
  const [old] = owner.keys as [Pair]
  const rotated = owner.append(owner.rotation()).append(owner.delegation(pairOf(3).publicKey))
  const keysOf = ([pair]: readonly Pair[], events = rotated.events): Keys => ({
    ...{ id: owner.link().id, publicKey: (pair as Pair).publicKey, inception: owner.events[0] as Uint8Array },
    ...{ position: 1, log: events, sign: async (message: Uint8Array) => (pair as Pair).sign(message) },
    epochSigner: () => Promise.reject(new Error('not here')),
    vrf: { publicKey: new Uint8Array(32), prove: () => Promise.reject(new Error('not here')) },
    deriveSecret: () => Promise.reject(new Error('not here')),
    ephemeral: () => {
      throw new Error('not here')
    },
  })
  const clock = standing(1_000_000)
  const verifier = new TokenVerifier({ place: PLACE, clock })
  const signedIn = async (keys: Keys): Promise<string> => {
    const signIn = signInOf(keys, clock)
    const clientId = signIn.clientId()
    const { username, password } = await signIn.credentials(clientId)
    return toHex(await verifier.verify(clientId, username, password))
  }
  assert.is(await signedIn(keysOf(owner.keys)), toHex(owner.link().id))
  assert.is(await codeOf(signedIn(keysOf([old]))), 'bad-signature')
  assert.is(await codeOf(signedIn(keysOf(owner.keys, owner.events.slice(1)))), 'bad-identity')
  const long = new LogOwner({ recovery: false, from: 7_000 })
  for (let i = 0; i < 100; i++) long.append(long.delegation(pairOf(10_000 + i).publicKey))
  const flooded = { ...keysOf(long.keys, long.events), id: long.link().id, position: 100 }
  assert.is(await codeOf(signedIn(flooded)), 'too-long')
  // whoever was brought back must reach the neighborhood before it can put the recovery in force
  const reclaimed = new LogOwner({ from: 8_000 })
  const { bytes, recovered } = reclaimed.recoveryEvent()
  const back = { ...keysOf(recovered.keys, [...reclaimed.events, bytes]), id: reclaimed.link().id, position: 1 }
  assert.is(await signedIn(back), toHex(reclaimed.link().id))
  const [first] = reclaimed.keys as [Pair]
  const sign = async (message: Uint8Array) => first.sign(message)
  assert.is(await codeOf(signedIn({ ...back, publicKey: first.publicKey, sign })), 'bad-signature')
})

test.run()
