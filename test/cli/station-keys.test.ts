/** A running node and the log beside its key file: what its owner says there reaches the neighborhood without a restart. */

import '../kit/wasm.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { rotateKeyFile } from '../../src/drivers/key-file-events.ts'
import { createLog } from '../../src/kernel/observe.ts'
import { Schedule } from '../../src/kernel/schedule.ts'
import { followKeyLog } from '../../src/station-keys.ts'
import { TestClock } from '../kit/memory.ts'
import { withTemp } from '../kit/temp.ts'
import { until } from '../kit/within.ts'

const test = suite('station: the key log')

test('a rotation is handed in once, and what cannot be read stops nothing', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'node.key')
    await createKeyFile(path, 'device')
    const keys = await openKeyFile(path)
    const clock = new TestClock()
    const published: number[] = []
    const context = { schedule: new Schedule(clock, createLog('silent')), log: createLog('silent'), keys }
    const unfollow = followKeyLog(path, context, {
      publishKeyLog: (events) => void published.push(events.length),
    })
    /** Lets some seconds of the node pass, and the disk answer. */
    const pass = async (isDone: () => boolean): Promise<void> => {
      const deadline = Date.now() + 300
      await until(
        2_000,
        () => {
          clock.advance(5_000)
          return isDone() || Date.now() > deadline
        },
        'the log',
      )
    }
    await pass(() => published.length > 0)
    assert.equal(published, [])
    await rotateKeyFile(path)
    await pass(() => published.length > 0)
    await pass(() => published.length > 1)
    assert.equal(published, [2])
    writeFileSync(`${path}.log`, 'nonsense', { mode: 0o600 })
    await pass(() => published.length > 1)
    assert.equal(published, [2])
    unfollow()
  }))

test.run()
