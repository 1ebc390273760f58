import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ATTACKS } from '../kit/attacks.ts'
import { Scene } from '../kit/hostile.ts'
import { withstand } from '../kit/withstand.ts'

const CASES_MIN = 10_000
const CASES_PER_CLASS = 250
/** What a hostile message must have been refused for at least once, or the classes do not reach every stage. */
const CODES = [
  ...[
    'too-long',
    'not-canonical',
    'bad-version',
    'bad-shape',
    'unknown-type',
    'wrong-topic',
    'wrong-net',
    'wrong-epoch',
  ],
  ...[
    'bad-signature',
    'bad-key',
    'bad-identity',
    'unsupported-key-event',
    'unknown-sender',
    'expired',
    'from-the-future',
  ],
  ...['replayed', 'tampered', 'bad-certificate', 'not-allowed', 'bad-amount'],
]

for (const seatCount of [4, 25]) {
  const test = suite<{ scene: Scene; cases: number }>(`hostile input, net of ${seatCount}`)
  test.before(async (context) => {
    context.scene = await Scene.open(seatCount)
    context.cases = 0
  })
  test.after(({ scene }) => scene.close())

  for (const attacks of ATTACKS) {
    test(attacks.name, async (context) => {
      // lies are many kinds in one class
      const count = attacks.name === 'lies' ? 4 * CASES_PER_CLASS : CASES_PER_CLASS
      await withstand(context.scene, attacks, count)
      context.cases += count
    })
  }

  test('every stage has refused something, and enough was thrown at them', ({ scene, cases }) => {
    assert.ok(2 * cases >= CASES_MIN, `${cases} cases`)
    const seen = [scene.member, scene.till, scene.device].flatMap(({ context }) => Object.keys(context.counters.read()))
    assert.equal(
      CODES.filter((code) => !seen.includes(`refused.${code}`)),
      [],
    )
  })
  test.run()
}
