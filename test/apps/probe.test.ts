import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  openAnswer,
  prepareAnswer,
  readAnswer,
  readSelect,
  selectPayload,
  VERDICTS,
} from '../../src/apps/facepay/answer.ts'
import { EMBEDDING_LENGTH, matchProbe, probePayload, readProbe, sealProbe } from '../../src/apps/facepay/probe.ts'
import {
  challengeOf,
  encodeTerms,
  readTerms,
  referenceOf,
  TERMS_BYTES_MAX,
  type Terms,
} from '../../src/apps/facepay/terms.ts'
import { concat, fromText } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { setupReceiver, setupSender } from '../../src/core/hpke.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import { cosine, unit } from '../../src/face/template.ts'
import { codeOf } from '../kit/refusal.ts'
import { EUR, face } from './shop.ts'

const binding = { reference: new Uint8Array(32).fill(1), pseudonym: new Uint8Array(16).fill(2) }

const probes = suite('probe')

probes('the verdict is that of the cosine, on either side of the threshold, for any of the templates', () => {
  const key = ephemeralAgreement()
  const own = face(1, 0)
  const other = face(2, 0)
  let [matches, misses] = [0, 0]
  for (let share = 0; share <= 40; share++) {
    const probe = unit(own.map((value, i) => value * (share / 40) + (other[i] as number) * (1 - share / 40)))
    const truth = cosine(probe, own)
    if (Math.abs(truth - 0.47) < 0.01) continue
    const sealed = sealProbe(probe, key.publicKey, ephemeralAgreement(), binding)
    assert.is(matchProbe(sealed, key, binding, [own], 0.47), truth >= 0.47, `cosine ${truth}`)
    const among = matchProbe(sealed, key, binding, [face(8, 0), face(9, 0), own, face(10, 0), face(11, 0)], 0.47)
    assert.is(among, truth >= 0.47)
    truth >= 0.47 ? matches++ : misses++
  }
  assert.ok(matches > 10 && misses > 10)
  assert.not(matchProbe(sealProbe(own, key.publicKey, ephemeralAgreement(), binding), key, binding, [], 0.47))
})

probes('what two devices open of one face has nothing in common, and neither is the face', () => {
  const embedding = face(1, 0)
  const opened = [ephemeralAgreement(), ephemeralAgreement()].map((key) => {
    const { enc, ciphertext } = sealProbe(embedding, key.publicKey, ephemeralAgreement(), binding)
    assert.is(ciphertext.length, EMBEDDING_LENGTH + 16)
    const info = concat(fromText('webx facepay probe v1'), binding.reference, binding.pseudonym)
    const plaintext = setupReceiver(enc, key, info).open(ciphertext)
    return unit(Float32Array.from(new Int8Array(plaintext.buffer)))
  }) as [Float32Array, Float32Array]
  // three standard deviations of a random cosine in 512 dimensions are 0.13
  assert.ok(Math.abs(cosine(...opened)) < 0.2)
  for (const one of opened) assert.ok(Math.abs(cosine(one, embedding)) < 0.2)
})

probes('a probe opens only under its payment, its pseudonym and its key', () => {
  const key = ephemeralAgreement()
  const sealed = sealProbe(face(1, 0), key.publicKey, ephemeralAgreement(), binding)
  const open = (change: object, by = key) => codeOf(() => matchProbe(sealed, by, { ...binding, ...change }, [], 0.47))
  assert.is(open({ reference: new Uint8Array(32) }), 'tampered')
  assert.is(open({ pseudonym: new Uint8Array(16) }), 'tampered')
  assert.is(open({}, ephemeralAgreement()), 'tampered')
})

probes('an embedding of another size, or without direction, is refused; its key is used up all the same', () => {
  const key = ephemeralAgreement()
  const ephemeral = ephemeralAgreement()
  assert.is(
    codeOf(() => sealProbe(new Float32Array(128), key.publicKey, ephemeral, binding)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => ephemeral.agree(key.publicKey)),
    'stopped',
  )
  assert.is(
    codeOf(() => sealProbe(new Float32Array(512), key.publicKey, ephemeralAgreement(), binding)),
    'bad-argument',
  )
})

probes('a probe travels as it is, and nothing else is taken for one', () => {
  const sealed = sealProbe(face(1, 0), ephemeralAgreement().publicKey, ephemeralAgreement(), binding)
  const probe = { terms: Uint8Array.of(1), pseudonym: binding.pseudonym, answerKey: EUR, ...sealed }
  assert.equal(readProbe(decode(encode(probePayload(probe)))), probe)
  const longer = { ...probe, ciphertext: new Uint8Array(529) }
  assert.is(
    codeOf(() => readProbe(probePayload(longer))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readProbe([probePayload(probe)])),
    'bad-shape',
  )
})

probes.run()

const answers = suite('answer')

answers('every verdict travels in the same size, and only the terminal reads it', () => {
  const key = ephemeralAgreement()
  const account = new Uint8Array(32).fill(7)
  const sizes = VERDICTS.map((verdict) => {
    const payload = prepareAnswer(binding, key.publicKey, ephemeralAgreement())({ verdict, account })
    const answer = readAnswer(decode(encode(payload)))
    const said = openAnswer(answer, key)
    assert.is(said.verdict, verdict)
    assert.equal(said.account, verdict === 'no' ? new Uint8Array(32) : account)
    assert.is(
      codeOf(() => openAnswer(answer, ephemeralAgreement())),
      'tampered',
    )
    assert.is(
      codeOf(() => openAnswer({ ...answer, reference: EUR }, key)),
      'tampered',
    )
    return encode(payload).length
  })
  assert.is(new Set(sizes).size, 1)
})

answers('one that echoes another challenge, or says something unheard of, is refused', () => {
  const key = ephemeralAgreement()
  const info = concat(fromText('webx facepay answer v1'), binding.reference, binding.pseudonym)
  const codeFor = (verdict: number, challenge: Uint8Array) => {
    const { enc, seal } = setupSender(key.publicKey, ephemeralAgreement(), info)
    const ciphertext = seal(concat(Uint8Array.of(verdict), new Uint8Array(32), challenge))
    return codeOf(() => openAnswer({ ...binding, enc, ciphertext }, key))
  }
  assert.is(codeFor(1, challengeOf(EUR)), 'tampered')
  assert.is(codeFor(VERDICTS.length, challengeOf(binding.reference)), 'bad-shape')
})

answers('a crafted key is refused before there is anything to say', () => {
  assert.is(
    codeOf(() => prepareAnswer(binding, new Uint8Array(32), ephemeralAgreement())),
    'bad-key',
  )
})

answers('a selection names a payment and a pseudonym, and nothing more', () => {
  assert.equal(readSelect(decode(encode(selectPayload(binding)))), binding)
  assert.is(
    codeOf(() => readSelect([binding.reference])),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readSelect([binding.reference, binding.pseudonym, 1])),
    'bad-shape',
  )
})

answers.run()

const termsOf = suite('payment terms')
const TERMS: Terms = {
  terminalId: new Uint8Array(32).fill(1),
  merchant: new Uint8Array(32).fill(2),
  asset: new Uint8Array(32).fill(3),
  amount: 1_250,
  nonce: new Uint8Array(16).fill(4),
  expiresMs: 1_795_000_090_000,
}

termsOf('come back as they were; the largest fit their limit', () => {
  assert.equal(readTerms(encodeTerms(TERMS)), TERMS)
  const largest = { ...TERMS, amount: LIMITS.amountMax, expiresMs: Number.MAX_SAFE_INTEGER }
  const bytes = encodeTerms(largest)
  assert.ok(bytes.length <= TERMS_BYTES_MAX)
  assert.equal(readTerms(bytes), largest)
})

termsOf('each field changes the reference, and the challenge is not the reference', () => {
  const changes: Partial<Terms>[] = [
    { terminalId: EUR },
    { merchant: EUR },
    { asset: EUR },
    { amount: 1 },
    { nonce: new Uint8Array(16) },
    { expiresMs: 1 },
  ]
  const references = [{}, ...changes].map((change) => referenceOf(encodeTerms({ ...TERMS, ...change })).toString())
  assert.is(new Set(references).size, 7)
  assert.not.equal(challengeOf(referenceOf(encodeTerms(TERMS))), referenceOf(encodeTerms(TERMS)))
})

termsOf('of nothing, and of another shape, are refused', () => {
  assert.is(
    codeOf(() => readTerms(encodeTerms({ ...TERMS, amount: 0 }))),
    'bad-amount',
  )
  assert.is(
    codeOf(() => readTerms(encode([1, 2, 3]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readTerms(concat(encodeTerms(TERMS), Uint8Array.of(0)))),
    'not-canonical',
  )
  assert.is(
    codeOf(() => readTerms(new Uint8Array(TERMS_BYTES_MAX + 1))),
    'too-long',
  )
})

termsOf.run()
