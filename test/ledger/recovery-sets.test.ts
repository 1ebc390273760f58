/** Recoveries, vetoes, enforcements, renewals and what thieves settle beside them: no order of settlement makes a difference. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { toHex } from '../../src/core/bytes.ts'
import { encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { digestOf, Logs } from '../consensus/keylogs.ts'
import { world } from '../consensus/people.ts'
import { LogOwner, pairOf } from '../kit/keylog.ts'

const w = world(4)
const key = (number: number): Uint8Array => pairOf(number).publicKey

const sets = suite('what stands of a set with recoveries')

/** What may be settled side by side, and what must come before what within a lane. */
interface Play {
  readonly owner: LogOwner
  readonly steps: readonly {
    readonly name: string
    readonly apply: (logs: Logs) => void
    readonly ready: (logs: Logs) => boolean
  }[]
}

function playOf(
  owner: LogOwner,
  list: readonly (readonly [name: string, event: Uint8Array, version: number | 'enforce'])[],
): Play {
  const steps = list.map(([name, event, version]) => ({
    name,
    apply: (logs: Logs): void => {
      if (version === 'enforce') logs.enforce(owner, event)
      else logs.settle(event)
    },
    ready: (logs: Logs): boolean => {
      const known = logs.rules.keyLogs.treeOf(owner.link().id, logs)?.nodes
      if (version === 'enforce') return known?.has(toHex(digestOf(event))) ?? false
      try {
        const proposal = logs.propose(event)
        return proposal?.order.version === version
      } catch {
        // not before it is in force what it follows
        return false
      }
    },
  }))
  return { owner, steps }
}

/** A war: rotations of a thief beside a recovery, its veto, a second one that is put in force, what the new keys say, and a renewal by the old ones. */
function war(withRenewal: boolean): Play & { standing: Uint8Array[] } {
  const owner = new LogOwner({ from: 80_000 })
  const inception = [...owner.events]
  const [thief, recoverer] = [owner.copy(), owner.copy()]
  recoverer.number += 5_000
  const beside = thief.delegation(key(200))
  thief.append(beside)
  const stolen = thief.rotation()
  thief.append(stolen)
  const first = recoverer.recoveryEvent().bytes
  recoverer.append(first)
  const veto = recoverer.veto()
  recoverer.append(veto)
  const { bytes: second, recovered } = recoverer.recoveryEvent()
  recoverer.append(second)
  // old next and recovery keys, at the very place of the second recovery
  const renewal = recoverer.copy().renewal()
  Object.assign(recoverer, recovered)
  const delegation = recoverer.delegation(key(201))
  recoverer.append(delegation)
  const rotation = recoverer.rotation()
  const play = playOf(owner, [
    ['a delegation of the thief', beside, 1],
    ['a rotation of the thief', stolen, 1],
    ['a recovery', first, 1],
    ['its veto', veto, 1],
    ['a second recovery', second, 2],
    ['which is put in force', second, 'enforce'],
    ['a delegation by its keys', delegation, 2],
    ['a rotation by its keys', rotation, 1],
    ...(withRenewal ? ([['a renewal by the old keys', renewal, 1]] as const) : []),
  ])
  const shared = [...inception, first, veto, second]
  return { ...play, standing: withRenewal ? [...shared, renewal] : [...shared, delegation, rotation] }
}

for (const withRenewal of [false, true]) {
  sets(
    `members that settle in different orders come to one state, ${withRenewal ? 'with' : 'without'} a renewal`,
    () => {
      const { owner, steps, standing } = war(withRenewal)
      const states = new Set<string>()
      fc.assert(
        fc.property(fc.array(fc.nat(1_000), { minLength: steps.length, maxLength: steps.length }), (dice) => {
          const logs = new Logs(w, owner)
          const left = [...steps]
          for (const die of dice) {
            const ready = left.filter((step) => step.ready(logs))
            const step = ready[die % ready.length]
            if (!step) throw new Error(`nothing goes on before ${left.map(({ name }) => name).join(', ')}`)
            step.apply(logs)
            left.splice(left.indexOf(step), 1)
          }
          assert.equal(logs.standing(owner), standing)
          states.add(toHex(encodeState(logs.stateOf(logs.rules.keyLogs.rootOf(owner.link().id)) as ObjectState)))
        }),
        { numRuns: 30 },
      )
      assert.is(states.size, 1)
    },
  )
}

sets.run()
