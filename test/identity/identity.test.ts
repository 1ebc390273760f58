import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, fromHex, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { inceptionBody, keyDigest, keyEventBytes, NO_SCOPE, readInception } from '../../src/identity/keylog.ts'
import { labelOf } from '../../src/identity/xqident.ts'
import { makeNet, makePair, makePerson } from '../kit/people.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const test = suite('identity')

test('an inception event proves its own identity', () => {
  const person = makePerson('agent')
  const state = readInception(person.inception)
  assert.equal(state.id, person.id)
  assert.is(state.kind, 'agent')
  assert.is(state.position, 0)
  assert.match(state.label, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('the label is a UUIDv8 of the first 122 bits', () => {
  const id = fromHex(`${'ff'.repeat(16)}${'00'.repeat(16)}`)
  assert.is(labelOf(id), 'ffffffff-ffff-8fff-bfff-ffffffffffff')
})

test('the event commits to a key that it does not show', () => {
  const next = makePair()
  const pair = makePair()
  const body = inceptionBody({ kind: 'human', key: pair.publicKey, nextKey: next.publicKey, salt: new Uint8Array(16) })
  const state = readInception(keyEventBytes(body, pair.sign(signedBytes(TYPE.keyEvent, NO_SCOPE, body))))
  assert.equal(state.nextKeyDigests, [keyDigest(next.publicKey)])
  assert.not.ok(toHex(body).includes(toHex(next.publicKey)))
})

test('any changed byte of an inception event is refused or is another identity without a valid signature', () => {
  const person = makePerson()
  for (let at = 0; at < person.inception.length; at++) {
    const damaged = person.inception.slice()
    damaged[at] = (damaged[at] as number) ^ 1
    const code = codeOf(() => readInception(damaged))
    assert.ok(
      [
        'bad-signature',
        'not-canonical',
        'bad-shape',
        'bad-version',
        'bad-identity',
        'bad-key',
        'unsupported-key-event',
      ].includes(code),
      code,
    )
  }
})

test('an event signed by somebody else, and events of the future, are refused by name', () => {
  const pair = makePair()
  const body = inceptionBody({
    kind: 'human',
    key: pair.publicKey,
    nextKey: makePair().publicKey,
    salt: new Uint8Array(16),
  })
  const message = signedBytes(TYPE.keyEvent, NO_SCOPE, body)
  assert.is(
    codeOf(() => readInception(keyEventBytes(body, makePair().sign(message)))),
    'bad-signature',
  )
  const rotation = encode([1, 1, new Uint8Array(32)])
  assert.is(
    codeOf(() => readInception(keyEventBytes(rotation, new Uint8Array(64)))),
    'unsupported-key-event',
  )
})

test('a genesis is anchored in its bytes', () => {
  const { genesis, organization, members } = makeNet(4)
  const again = readGenesis(genesis.bytes)
  assert.equal(again.netId, genesis.netId)
  assert.is(again.seats.length, 4)
  assert.equal(
    again.memberStates.map((state) => state.id),
    members.map(({ person }) => person.id),
  )
  assert.equal(again.organizationState.id, organization.id)
})

test('a genesis that anyone else signed, or that names a seat twice, is refused', () => {
  const { genesis, organization } = makeNet(4)
  const envelope = decodeEnvelope(genesis.bytes)
  const forged = genesisFile(envelope.body, makePair().sign(genesisSignedBytes(envelope.body)))
  assert.is(
    codeOf(() => readGenesis(forged)),
    'bad-signature',
  )
  const [first] = genesis.seats as [(typeof genesis.seats)[number]]
  const twice = genesisBody({ ...genesis, seats: [first, first] })
  assert.is(
    codeOf(() => readGenesis(genesisFile(twice, organization.sign(genesisSignedBytes(twice))))),
    'bad-shape',
  )
  const none = genesisBody({ ...genesis, seats: [] })
  assert.is(
    codeOf(() => readGenesis(genesisFile(none, organization.sign(genesisSignedBytes(none))))),
    'bad-shape',
  )
})

test('a genesis signature does not pass for anything else', () => {
  const { genesis } = makeNet(1)
  const envelope = decodeEnvelope(genesis.bytes)
  assert.not.ok(equal(genesisSignedBytes(envelope.body), signedBytes(TYPE.keyEvent, NO_SCOPE, envelope.body)))
  const asKeyEvent = encodeEnvelope({ ...envelope, type: TYPE.keyEvent })
  assert.is(
    codeOf(() => readInception(asKeyEvent)),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readInception(concat(genesis.bytes))),
    'bad-identity',
  )
})

test.run()
