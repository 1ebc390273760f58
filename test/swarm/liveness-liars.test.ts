/** Members that lie about others: none of them kills anybody, hides anybody's death, or makes the rest talk without end. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import type { SwimMessage, Word } from '../../src/swarm/liveness-message.ts'
import { Net } from './liveness-net.ts'

const liars = suite('liveness: liars')

/** What each liar says to everybody, twice a second, as long as the net runs: that nobody of these can be reached. */
function accuse(net: Net, liars: readonly number[], about: readonly number[], forMs: number): void {
  for (let passedMs = 0; passedMs < forMs; passedMs += 500) {
    for (const liar of liars) {
      for (let at = 0; at < about.length; at += LIMITS.swimWordsMax) {
        const words = about.slice(at, at + LIMITS.swimWordsMax).flatMap((node) => lieAbout(net, liar, node))
        net.send(liar, null, { kind: 'news', incarnation: 1, words })
      }
    }
    net.run(500)
  }
}

/** The accusation that counts most: at the incarnation that its target tells at the moment. */
function lieAbout(net: Net, liar: number, node: number): Word[] {
  if (node === liar) return []
  return [{ about: net.name(node), accuses: true, incarnation: net.incarnations[node] as number }]
}

const dead = (net: Net): string[] =>
  net.opinions.filter(({ status }) => status === 'dead').map(({ of, about }) => `${of}:${about}`)
const everybody = Array.from({ length: 25 }, (_, i) => i)

liars('one that accuses everybody alone kills nobody, with a tenth of all messages lost', () => {
  const net = new Net({ nodes: 25, seed: 21, loss: 0.1 })
  net.run(5_000)
  const before = net.sent
  accuse(net, [7], everybody, 14_000)
  assert.equal(dead(net), [])
  assert.ok(
    net.opinions.some(({ status }) => status === 'suspect'),
    'he was heard',
  )
  const each = (net.sent - before) / 25 / 14
  // four and a half without him; everybody looks after himself and answers
  assert.ok(each < 10, `${each} messages for each node and second`)
  const mostOften = Math.max(...net.incarnations)
  assert.ok(mostOften > 5 && mostOften <= 2 + 14_000 / LIMITS.swimRefuteMsMin, `answered ${mostOften} times`)
})

liars('nor do two in one row, nor five in five rows, of anybody whom the others hear', () => {
  for (const pack of [
    [5, 9],
    [0, 6, 12, 18, 24],
  ]) {
    const net = new Net({ nodes: 25, seed: 22 })
    net.run(5_000)
    accuse(net, pack, [13, 2], 12_000)
    assert.equal(dead(net), [])
  }
})

liars('where one cannot hear him oneself, it still takes three rows', () => {
  for (const { pack, dies } of [
    { pack: [1], dies: false },
    { pack: [1, 3], dies: false },
    // with the row of node 24 these are two, and three
    { pack: [1, 6], dies: true },
    // spares have no rows
    { pack: [1, 26, 31], dies: false },
  ]) {
    const net = new Net({ nodes: 35, seed: 23 })
    // node 24 hears nothing of node 12, and its helpers neither
    net.cut = (from, to, { kind }) => (from === 12 && to === 24) || (to === 24 && kind === 'ack')
    net.run(5_000)
    for (let i = 0; i < 30; i++) {
      net.event(24, { kind: 'hint', about: net.name(12) })
      accuse(net, pack, [12], 1_000)
    }
    assert.equal([...new Set(dead(net))], dies ? ['24:12'] : [], pack.join())
  }
})

liars('an incarnation that nobody told yet makes an accusation no stronger', () => {
  const net = new Net({ nodes: 25, seed: 24 })
  net.run(5_000)
  const words = [{ about: net.name(13), accuses: true, incarnation: Number.MAX_SAFE_INTEGER }]
  for (let i = 0; i < 40; i++) {
    for (const liar of [0, 6, 18]) net.send(liar, null, { kind: 'news', incarnation: 1, words })
    net.run(500)
  }
  assert.equal(dead(net), [])
  assert.is(net.incarnations[13], 1, 'nor does it move the one accused')
  net.run(LIMITS.swimAccusationMsMax + 9_000)
  assert.equal(net.disagreements(), [], 'it lapses')
})

liars('a death is found behind doubts about everybody, and behind helpers that say he lives', () => {
  const net = new Net({ nodes: 25, seed: 25 })
  const pack = [4, 8, 16]
  net.run(5_000)
  net.crash(13)
  const sinceMs = net.nowMs
  net.watch = (from, to, message) => {
    if (message.kind !== 'request' && message.kind !== 'ping') return
    const asked = net.number(to as string)
    const lie: SwimMessage = { kind: 'ack', incarnation: 1, number: message.number, words: [] }
    if (message.kind === 'request' && pack.includes(asked)) net.send(asked, net.name(from), lie)
    // and one whom nobody has asked answers for the dead
    if (message.kind === 'ping' && asked === 13) net.send(4, net.name(from), lie)
  }
  const others = everybody.filter((node) => node !== 13)
  const seen = (): number => new Set(dead(net).filter((one) => one.endsWith(':13'))).size
  while (seen() < 24 && net.nowMs - sinceMs < 20_000) accuse(net, [4], others, 1_000)
  assert.is(seen(), 24)
  assert.ok(dead(net).every((one) => one.endsWith(':13')))
})

liars('strangers are not listened to', () => {
  const net = new Net({ nodes: 25, seed: 26 })
  net.run(2_000)
  const sent = net.sent
  const stranger = 'f'.repeat(64)
  const words = [{ about: net.name(2), accuses: true, incarnation: 1 }]
  const said: SwimMessage[] = [
    { kind: 'ping', incarnation: 1, number: 1, words },
    { kind: 'request', incarnation: 1, number: 1, target: net.name(2), words },
    { kind: 'news', incarnation: 1, words },
  ]
  for (const message of said) net.event(1, { kind: 'message', from: stranger, message })
  assert.is(net.sent, sent)
  assert.equal(net.opinions, [])
})

liars('nobody is made to ask others without end', () => {
  const net = new Net({ nodes: 25, seed: 27 })
  net.run(2_000)
  let pings = 0
  net.watch = (from, to, { kind }) => {
    if (from === 1 && kind === 'ping' && net.number(to as string) === 24) pings++
  }
  for (let number = 1; number <= 100; number++) {
    const message: SwimMessage = { kind: 'request', incarnation: 1, number, target: net.name(24), words: [] }
    net.event(1, { kind: 'message', from: net.name(2), message })
  }
  assert.is(pings, LIMITS.swimRelaysPerMemberMax)
})

liars.run()
