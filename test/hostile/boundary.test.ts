import { suite } from 'uvu'
import { ATTACKS } from '../kit/attacks.ts'
import { Scene } from '../kit/hostile.ts'
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

test.run()
