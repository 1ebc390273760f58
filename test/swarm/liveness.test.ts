/** Neighborhoods that watch themselves in virtual time: who dies, who must not, how soon, and what it costs. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import { Liveness, type LivenessEffect, type LivenessEvent } from '../../src/swarm/liveness.ts'
import { surroundingsOf } from '../../src/swarm/surroundings.ts'
import { Net, percentile } from './liveness-net.ts'

const calm = suite('liveness: in calm')

calm('a neighborhood says two messages for each node and second, and nobody doubts anybody', () => {
  for (const nodes of [25, 67]) {
    const net = new Net({ nodes, seed: 1 })
    // everybody says at the start that it is there
    net.run(20_000)
    const before = net.sent
    net.run(20_000)
    const each = (net.sent - before) / nodes / 20
    assert.ok(each > 1.9 && each <= 2.1, `${each} messages`)
    assert.equal(net.opinions, [])
    const typicalMs = percentile(net.roundTripsMs, 0.5)
    assert.ok(typicalMs > 15 && typicalMs < 27, `round trips of ${typicalMs} ms, two ways of 1 to 20`)
  }
})

calm('each peer is probed once in a round, in another order each time', () => {
  const net = new Net({ nodes: 25, seed: 2 })
  const probed: number[] = []
  net.watch = (from, to, { kind }) => {
    if (from === 7 && kind === 'ping') probed.push(net.number(to as string))
  }
  net.run(32_500)
  const rounds = [0, 8, 16, 24].map((at) => probed.slice(at, at + 8))
  for (const round of rounds)
    assert.equal(
      [...round].sort((a, b) => a - b),
      [2, 5, 6, 8, 9, 12, 17, 22],
    )
  assert.is(new Set(rounds.map((round) => round.join())).size, 4)
})

calm.run()

const deaths = suite('liveness: deaths')

deaths('who crashes is dead for everybody within 12 s, whatever is lost, and nobody else is', () => {
  const cases = [
    { nodes: 4, loss: 0, seeds: 4 },
    { nodes: 25, loss: 0, seeds: 4 },
    { nodes: 25, loss: 0.1, seeds: 4 },
    { nodes: 67, loss: 0.1, seeds: 1 },
  ]
  for (const { nodes, loss, seeds } of cases) {
    const times: number[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const net = new Net({ nodes, seed, loss })
      net.run(5_000 + 137 * seed)
      const [victim, sinceMs] = [(5 * seed) % nodes, net.nowMs]
      net.crash(victim)
      const accusers = new Set<number>()
      net.watch = (from, _to, { kind, words }) => {
        if (kind === 'news' && words.some(({ accuses }) => accuses)) accusers.add(from)
      }
      net.run(20_000)
      assert.ok(loss > 0 || accusers.size <= 12, `${accusers.size} said it to everybody, where three rows do`)
      const verdicts = net.opinions.filter(({ status }) => status === 'dead')
      assert.equal([...new Set(verdicts.map(({ about }) => about))], [victim])
      assert.is(new Set(verdicts.map(({ of }) => of)).size, nodes - 1)
      times.push(...verdicts.map(({ atMs }) => atMs - sinceMs))
    }
    assert.ok(Math.min(...times) >= LIMITS.swimSuspicionMsMin, 'nobody is condemned before he could answer')
    const p95Ms = percentile(times, 0.95)
    assert.ok(p95Ms <= 12_000, `${nodes} nodes, loss ${loss}: p95 ${p95Ms} ms`)
  }
})

deaths('a third of the seats at once, a whole column among them', () => {
  const net = new Net({ nodes: 25, seed: 3 })
  net.run(10_000)
  const dead = [2, 7, 12, 17, 22, 0, 6, 24]
  for (const node of dead) net.crash(node)
  net.run(30_000)
  assert.equal(net.disagreements(), [])
  const verdicts = net.opinions.filter(({ status }) => status === 'dead')
  assert.is(verdicts.length, 8 * 17)
  assert.ok(verdicts.every(({ about }) => dead.includes(about)))
})

deaths('who comes back, with a new life, is alive for everybody within 10 s', () => {
  const net = new Net({ nodes: 25, seed: 4, loss: 0.1 })
  net.run(10_000)
  net.crash(13)
  net.run(20_000)
  assert.is(net.view(0, 13), 'dead')
  const message = { kind: 'ack', incarnation: 1, number: 0, words: [] } as const
  net.event(0, { kind: 'message', from: net.name(13), message })
  assert.is(net.view(0, 13), 'suspect', 'one word of his own is enough, for whoever hears it')
  net.restart(13, 2)
  const aliveMs = net.until(() => net.disagreements().length === 0, 10_000)
  assert.ok(aliveMs <= 10_000, `not after ${aliveMs} ms`)
})

deaths('who comes late hears of the dead, too', () => {
  const net = new Net({ nodes: 25, seed: 5 })
  net.run(5_000)
  net.crash(20)
  net.crash(3)
  net.run(60_000)
  net.restart(20, 2)
  net.run(25_000)
  assert.is(net.view(20, 3), 'dead')
})

deaths('the broker’s word starts a probe at once, and nothing more', () => {
  const net = new Net({ nodes: 25, seed: 6 })
  net.run(10_000)
  const pings: string[] = []
  net.watch = (from, to, { kind }) => {
    if (kind === 'ping') pings.push(`${from}:${net.number(to as string)}`)
  }
  // no peer of node 0, so nothing but the hint can make it ask
  net.event(0, { kind: 'hint', about: net.name(24) })
  assert.equal(pings, ['0:24'])
  for (let i = 0; i < 50; i++) net.event(0, { kind: 'hint', about: net.name(24) })
  net.event(0, { kind: 'hint', about: 'a stranger' })
  net.event(0, { kind: 'hint', about: net.name(0) })
  assert.is(pings.length, 1, 'repeated, it starts no more')
  net.run(20_000)
  assert.equal(net.opinions, [])

  net.crash(24)
  for (let node = 0; node < 24; node++) net.event(node, { kind: 'hint', about: net.name(24) })
  const sinceMs = net.nowMs
  const deadMs = net.until(() => net.disagreements().length === 0, 20_000)
  assert.ok(deadMs < 7_500, `${deadMs} ms: ${net.nowMs - sinceMs}`)
})

deaths.run()

const trouble = suite('liveness: trouble that kills nobody')

trouble('a tenth lost, and one node that stands still two seconds out of three', () => {
  const net = new Net({ nodes: 25, seed: 8, loss: 0.1 })
  net.stall(11, 3_000, 2_000)
  let health = 0
  for (let i = 0; i < 30; i++) {
    net.run(1_000)
    health = Math.max(health, (net.nodes[11] as Net['nodes'][number]).liveness.localHealth)
  }
  assert.equal(
    net.opinions.filter(({ status }) => status === 'dead'),
    [],
  )
  assert.ok(net.opinions.some(({ about, status }) => about === 11 && status === 'suspect'))
  assert.ok(health >= 3, `it notices that it is slow itself: ${health}`)
  assert.ok((net.nodes[12] as Net['nodes'][number]).liveness.localHealth <= 2)
  net.stall(11, 1, 0)
  net.run(60_000)
  assert.is((net.nodes[11] as Net['nodes'][number]).liveness.localHealth, 0, 'and when it is no more')
})

trouble('who was asleep for a minute accuses nobody when he wakes', () => {
  const net = new Net({ nodes: 25, seed: 9 })
  net.run(10_000)
  net.stall(4, 1_000_000, 70_000)
  net.run(58_000)
  assert.is(net.opinions.filter(({ about, status }) => about === 4 && status === 'dead').length, 24)
  const before = net.opinions.length
  net.run(15_000)
  assert.equal(net.disagreements(), [])
  assert.ok(net.opinions.slice(before).every(({ of, about }) => of !== 4 && about === 4))
})

trouble('two parts: the greater holds the other for dead, the one of two rows nobody, and all that heals', () => {
  const net = new Net({ nodes: 25, seed: 10, loss: 0.05 })
  net.run(10_000)
  net.partition((node) => (node < 15 ? 0 : 1))
  net.run(30_000)
  for (let about = 15; about < 25; about++) {
    for (let of = 0; of < 15; of++) {
      assert.is(net.view(of, about), 'dead')
      assert.is(net.view(about, of), 'suspect')
    }
  }
  net.partition(() => 0)
  const healedMs = net.until(() => net.disagreements().every((one) => !one.endsWith(':dead')), 20_000)
  assert.ok(healedMs <= 10_000, `${healedMs} ms`)
  net.run(20_000)
  assert.ok(net.disagreements().length <= 2, 'but for what is lost now and then')
})

trouble('two who cannot hear each other are no less alive for it', () => {
  const net = new Net({ nodes: 25, seed: 11 })
  // both ways, and not even by news
  net.cut = (from, to) => (from === 0 && to === 1) || (from === 1 && to === 0)
  net.run(60_000)
  assert.equal(net.opinions, [], 'helpers reach them')
  assert.ok(Math.max(...net.roundTripsMs) <= 40, 'and nobody takes that for a long way')
})

trouble('an accusation that was answered is over, whoever still believes it', () => {
  const net = new Net({ nodes: 25, seed: 12 })
  net.run(5_000)
  const words = [{ about: net.name(13), accuses: true, incarnation: net.incarnations[13] as number }]
  const accusation = { kind: 'news', incarnation: 1, words } as const
  net.crash(7)
  net.send(7, null, accusation)
  net.run(200)
  assert.is(net.view(0, 13), 'alive', 'answered at once')
  assert.is(net.opinions.filter(({ about, status }) => about === 13 && status === 'suspect').length, 23)
  // the same words once more, late
  net.event(0, { kind: 'message', from: net.name(8), message: accusation })
  assert.is(net.view(0, 13), 'alive')
})

trouble('who takes himself to be slow gives twice the time to answer', () => {
  const names = Array.from({ length: 25 }, (_, i) => i.toString(16).padStart(64, '0'))
  const [self, target] = [names[0] as string, names[4] as string]
  const verdict = (isSlow: boolean): [localHealth: number, afterMs: number] => {
    const surroundings = surroundingsOf(names, [])
    const liveness = new Liveness({ self, incarnation: 1, seed: 1, surroundings, nowMs: 0 })
    let nowMs = 0
    // nobody ever answers: late wake-ups make it doubt itself, punctual ones with help that says so do not
    const step = (event: LivenessEvent): readonly LivenessEffect[] => {
      const effects = liveness.step(event, nowMs)
      for (const effect of effects) {
        if (effect.kind !== 'send' || effect.message.kind !== 'request' || isSlow) continue
        const { number } = effect.message
        const message = { kind: 'nack', incarnation: 1, number, words: [] } as const
        liveness.step({ kind: 'message', from: effect.to as string, message }, nowMs)
      }
      return effects
    }
    for (let i = 0; i < 200; i++) {
      nowMs = liveness.wakeAtMs() + (isSlow ? LIMITS.swimLatenessMsMax + 1 : 0)
      step({ kind: 'tick' })
    }
    assert.is(liveness.statusOf(target), 'suspect')
    for (const accuser of [names[9], names[14]] as string[]) {
      const words = [{ about: target, accuses: true, incarnation: 1 }]
      step({ kind: 'message', from: accuser, message: { kind: 'news', incarnation: 1, words } })
    }
    const [localHealth, sinceMs] = [liveness.localHealth, nowMs]
    while (liveness.statusOf(target) !== 'dead' && nowMs - sinceMs < 20_000) {
      nowMs = liveness.wakeAtMs()
      step({ kind: 'tick' })
    }
    return [localHealth, nowMs - sinceMs]
  }
  // once it had nobody left to ask for help
  assert.equal(verdict(false), [1, LIMITS.swimSuspicionMsMin + 500])
  assert.equal(verdict(true), [LIMITS.localHealthMax, LIMITS.swimSuspicionMsMax])
})

trouble.run()
