/** `webx till …` and anonymous check-in on the command line: on a real control socket, with a till and devices of this process behind it. */

import '../kit/wasm.ts'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { openControlSocket } from '../../src/drivers/control-socket.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import type { Profile } from '../../src/kernel/profile.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { controlMethods } from '../../src/station-control.ts'
import { tillMethods } from '../../src/station-till.ts'
import { photograph, Shop, type Shopper, type Till } from '../apps/shop.ts'
import { recordingIo } from '../kit/io.ts'
import { whileTimePasses } from '../kit/memory.ts'
import { withTemp } from '../kit/temp.ts'
import { until } from '../kit/within.ts'

const test = suite('cli: tills and anonymous check-in')

type Run = (...args: string[]) => Promise<{ code: number; out: string; err: string }>

/** A station of these parts behind a socket, and its command line. */
async function serve(
  directory: string,
  parts: { shop: Shop; till?: Till; shopper?: Shopper },
): Promise<{ run: Run; close(): Promise<void> }> {
  const { shop, till, shopper } = parts
  const { context } = (till ?? shopper) as Till
  const node = { context, assets: shop.assets } as unknown as WebxNode
  const own = { terminal: till?.terminal ?? null, device: shopper?.device ?? null }
  const methods = { ...controlMethods({ node, profile: {} as Profile, ...own }), ...tillMethods(own) }
  const control = await openControlSocket({
    path: join(directory, CONTROL_SOCKET),
    methods,
    counters: createCounters(),
  })
  const run: Run = async (...args) => {
    const io = recordingIo({ workingDirectory: directory })
    const code = await whileTimePasses(shop.clock, runCommandLine([...args, '--data', directory], io), 10_000, 10)
    return { code, out: io.out(), err: io.err() }
  }
  return { run, close: () => control.close() }
}

test('two shoppers are enrolled, one checks in as one of two, and one is taken off the list', () =>
  withTemp((tillDirectory) =>
    withTemp(async (deviceDirectory) => {
      const shop = new Shop()
      const till = await shop.till(undefined, undefined, undefined, 'anonymous')
      const [anna, ben] = [await shop.shopper(), await shop.shopper()]
      await anna.device.enrol([photograph(1, 0)], shop.model)
      const owner = await serve(tillDirectory, { shop, till })
      const phone = await serve(deviceDirectory, { shop, shopper: anna })
      try {
        const text = (await phone.run('device', 'proof-key')).out.trim()
        const { text: other } = JSON.parse((await phone.run('device', 'proof-key', '--json')).out) as { text: string }
        assert.is(other.slice(0, 40), text.slice(0, 40), 'the same key, proven afresh')
        assert.is.not(other, text)
        const label = till.person.state.label
        const early = await phone.run('device', 'checkin', label, '--anonymous')
        assert.is(early.code, 3)
        assert.match(early.err, /^not-enrolled: /)
        const first = await owner.run('till', 'enrol', text, '--note', 'Anna')
        assert.is(first.code, 0, first.err)
        assert.match(first.out, /^enrolled: [0-9a-f]{64}, one of 1\nNobody can check in anonymously yet/)
        const added = await owner.run('till', 'enrol', await ben.device.proofKeyText(), '--json')
        assert.is(JSON.parse(added.out).ringSize, 2)
        const again = await owner.run('till', 'enrol', text)
        assert.is(again.code, 2)
        assert.match(again.err, 'enrolled already')
        assert.is((await owner.run('till', 'enrol', 'nonsense')).code, 2)
        const entered = await phone.run('device', 'checkin', label, '--anonymous')
        assert.is(entered.out, `checked in at ${label} for an hour, as one of 2, without saying which\n`)
        await shop.during(until(2_000, () => till.terminal.checkins().length === 1))
        const list = JSON.parse((await owner.run('till', 'enrolled', '--json')).out)
        assert.equal([list.total, list.shoppers[0].note, list.shoppers[0].ringSize], [2, 'Anna', 2])
        const { key } = JSON.parse(added.out) as { key: string }
        assert.is((await owner.run('till', 'unenrol', key)).out, 'not enrolled any more\n')
        assert.is((await owner.run('till', 'unenrol', key)).code, 2)
        assert.is((await owner.run('till', 'unenrol', 'zz')).code, 2)
        const shown = (await owner.run('till', 'enrolled')).out
        assert.match(shown, /one of 1 {2}Anna\n1 of 1 enrolled\n$/)
        assert.match((await phone.run('till', 'enrolled')).err, /^not-allowed: this node is no terminal/)
        assert.match((await owner.run('device', 'proof-key')).err, /^not-allowed: this node is no device/)
      } finally {
        await owner.close()
        await phone.close()
        await shop.close()
      }
    }),
  ))

test.run()
