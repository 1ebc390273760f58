import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ATTACKS } from '../kit/attacks.ts'
import { Scene } from '../kit/hostile.ts'
import { LIE_NAMES, liar } from '../kit/lies.ts'
import { withstand } from '../kit/withstand.ts'

const CASES_PER_CLASS = 24

const test = suite<{ scene: Scene }>('hostile input, in short')
test.before(async (context) => {
  context.scene = await Scene.open(4)
})
test.after(({ scene }) => scene.close())

for (const attacks of ATTACKS) {
  test(attacks.name, ({ scene }) => withstand(scene, attacks, CASES_PER_CLASS))
}

test('every lie there is', async ({ scene }) => {
  for (const [n, name] of LIE_NAMES.entries()) {
    const wrong = await scene.outcome(liar(name)(scene, { n, m: n }))
    assert.is(wrong, '', name)
  }
})

test.run()
