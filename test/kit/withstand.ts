/** Throws classes of attacks at a scene, as many cases of each as wanted, and watches the process besides. */

import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { AttackClass } from './attacks.ts'
import type { Scene } from './hostile.ts'
import { shown } from './specimens.ts'

/** Runs `count` cases of a class; fast-check prints the seed and the smallest counterexample of a failure. */
export async function withstand(scene: Scene, { name, choice, build }: AttackClass, count: number): Promise<void> {
  const unhandled: unknown[] = []
  const note = (reason: unknown): number => unhandled.push(reason)
  process.on('unhandledRejection', note)
  try {
    const property = fc.asyncProperty(choice, async (chosen) => {
      const attack = build(scene, chosen)
      const wrong = await scene.outcome(attack)
      if (wrong) throw new Error(`${name}: ${wrong}; on "${attack.topic}": ${shown(attack.bytes)}`)
    })
    await fc.assert(property, { numRuns: count, endOnFailure: true }).catch((error: Error) => {
      // fast-check says which case it was, its cause says what was wrong with it
      throw new Error(`${error.message}\n${error.cause}`)
    })
    await new Promise((resume) => setImmediate(resume))
  } finally {
    process.off('unhandledRejection', note)
  }
  assert.equal(unhandled, [])
}
