import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Gathering } from '../../src/services/agreement-gathering.ts'

const test = suite('services/agreement-gathering')

test('few votes are signed in every turn', () => {
  const gathering = new Gathering()
  gathering.turnBegins(100)
  assert.ok(gathering.turnEnds(130))
  gathering.signed(2, 130)
  assert.ok(gathering.turnEnds(131))
})

test('many are gathered for as long as the turn took, and no longer than 50 ms', () => {
  const gathering = new Gathering()
  gathering.turnBegins(100)
  gathering.turnBegins(105)
  assert.ok(gathering.turnEnds(120))
  gathering.signed(3, 120)
  assert.not(gathering.turnEnds(139))
  gathering.turnBegins(140)
  assert.ok(gathering.turnEnds(1_140))
  gathering.signed(256, 1_140)
  assert.not(gathering.turnEnds(1_189))
  assert.ok(gathering.turnEnds(1_190))
})

test.run()
