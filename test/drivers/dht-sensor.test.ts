import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import { type DhtAddOn, openDhtSensor, openIioSensor } from '../../src/drivers/dht-sensor.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import type { Clock } from '../../src/kernel/ports.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const test = suite('drivers/dht-sensor')

/** A clock whose delays pass as soon as everything else has been done, and which can be moved by hand. */
class LeapingClock implements Clock {
  now = 1_000_000
  nowMs(): number {
    return this.now
  }
  monotonicMs(): number {
    return this.now
  }
  after(delayMs: number, action: () => void): () => void {
    const timer = setTimeout(() => {
      this.now += delayMs
      action()
    }, delayMs / 40)
    return () => clearTimeout(timer)
  }
}

async function errorOf(attempt: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  return attempt.then(
    () => assert.unreachable('nothing was thrown') as never,
    (error) => error,
  )
}

/** A device folder as the kernel writes it. */
function device(root: string, number: number, files: Record<string, string>): string {
  const folder = join(root, `iio:device${number}`)
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const DHT = { name: 'dht11@4\n', in_temp_input: '21500\n', in_humidityrelative_input: '43200\n' }

test('the kernel’s tree is read in thousandths, and a DHT is preferred', () =>
  withTemp(async (root) => {
    device(root, 0, { name: 'ads1015\n', in_voltage0_raw: '3\n' })
    device(root, 1, { name: 'sht3x\n', in_temp_input: '1000\n', in_humidityrelative_input: '1000\n' })
    const folder = device(root, 2, DHT)
    const clock = new LeapingClock()
    const sensor = await openIioSensor({ model: 22, root, clock, counters: createCounters() })
    assert.equal(await sensor.read(), { temperature: 21.5, humidity: 43.2, atMs: 1_000_000, quality: 'ok' })
    writeFileSync(join(folder, 'in_temp_input'), '-3100\n')
    assert.is((await sensor.read()).temperature, 21.5)
    clock.now += LIMITS.sensorIntervalMsMin
    assert.is((await within(2_000, sensor.read())).temperature, -3.1)
  }))

test('a machine without a sensor says what to do', () =>
  withTemp(async (root) => {
    const ports = { clock: new LeapingClock(), counters: createCounters() }
    for (const place of [root, join(root, 'none')]) {
      const error = await errorOf(openIioSensor({ model: 22, root: place, ...ports }))
      assert.is(error.code, 'sensor-missing')
      assert.match(error.hint, 'dtoverlay')
    }
    device(root, 0, { name: 'dht11\n', in_temp_input: '1\n' })
    assert.is((await errorOf(openIioSensor({ model: 22, root, ...ports }))).code, 'sensor-missing')
  }))

test('a sensor that cannot be read answers with its last reading, marked as what it is', () =>
  withTemp(async (root) => {
    const folder = device(root, 0, DHT)
    const clock = new LeapingClock()
    const counters = createCounters()
    const sensor = await openIioSensor({ model: 11, root, clock, counters })
    const first = await sensor.read()
    rmSync(join(folder, 'in_temp_input'))
    const qualities: string[] = []
    for (let n = 0; n < 4; n++) {
      clock.now += LIMITS.sensorIntervalMsMin
      const reading = await within(2_000, sensor.read())
      assert.is(reading.atMs, first.atMs)
      assert.is(reading.temperature, first.temperature)
      qualities.push(reading.quality)
    }
    assert.equal(qualities, ['stale', 'stale', 'failed', 'failed'])
    assert.is(counters.read()['sensor.failed'], 4)
    writeFileSync(join(folder, 'in_temp_input'), '22000\n')
    clock.now += LIMITS.sensorIntervalMsMin
    assert.is((await sensor.read()).quality, 'ok')
  }))

test('what is out of range or no number is no reading', () =>
  withTemp(async (root) => {
    for (const [at, wrong] of ['81000', '-41000', '21.5', 'nan', '', '99999999999'].entries()) {
      const place = join(root, String(at))
      device(place, 0, { ...DHT, in_temp_input: wrong })
      const sensor = await openIioSensor({
        model: 22,
        root: place,
        clock: new LeapingClock(),
        counters: createCounters(),
      })
      assert.is((await errorOf(within(2_000, sensor.read()))).code, 'timeout', wrong)
    }
    device(root, 7, { ...DHT, in_humidityrelative_input: '100100' })
    const damp = await openIioSensor({ model: 22, root, clock: new LeapingClock(), counters: createCounters() })
    assert.is((await errorOf(within(2_000, damp.read()))).code, 'timeout')
  }))

/** An add-on that answers from a list. */
function addOn(answers: (number | Error | 'silence')[]): DhtAddOn & { readonly asked: [number, number][] } {
  const asked: [number, number][] = []
  return {
    asked,
    read(model, pin, done) {
      asked.push([model, pin])
      const answer = answers.shift() ?? 'silence'
      if (answer === 'silence') return
      if (answer instanceof Error) setImmediate(done, answer, 0, 0)
      else setImmediate(done, null, answer, 50)
    },
  }
}

async function sensorOf(answers: (number | Error | 'silence')[]) {
  const clock = new LeapingClock()
  const counters = createCounters()
  const chip = addOn(answers)
  const sensor = await openDhtSensor({ model: 22, pin: 4, clock, counters, load: async () => chip })
  return { sensor, clock, counters, chip }
}

test('a failed try is repeated; one jump is doubted, two that agree are believed', async () => {
  const { sensor, clock, counters, chip } = await sensorOf([new Error('checksum'), 20, 30, 20.1, 30, 31, 5, 40, 60])
  const next = async () => {
    clock.now += LIMITS.sensorIntervalMsMin
    return within(2_000, sensor.read())
  }
  assert.is((await next()).temperature, 20)
  assert.equal(chip.asked, [
    [22, 4],
    [22, 4],
  ])
  const doubted = await next()
  assert.is(doubted.quality, 'stale')
  assert.is(doubted.temperature, 20)
  assert.equal(counters.read(), { 'sensor.failed': 1, 'sensor.jumps': 3 })
})

test('a jump that a second reading confirms is believed', async () => {
  const { sensor, clock } = await sensorOf([20, 30, 31])
  assert.is((await sensor.read()).temperature, 20)
  clock.now += LIMITS.sensorIntervalMsMin
  assert.equal(await within(2_000, sensor.read()), { temperature: 31, humidity: 50, atMs: clock.now, quality: 'ok' })
})

test('an add-on that never answers costs the time limit, and is not asked twice at once', async () => {
  const { sensor, clock, chip } = await sensorOf(['silence'])
  const before = clock.now
  const both = [sensor.read(), sensor.read()]
  for (const one of both) assert.is((await errorOf(within(5_000, one))).code, 'timeout')
  assert.ok(clock.now - before <= LIMITS.sensorReadMsMax + 10)
  assert.is((await errorOf(within(5_000, sensor.read()))).code, 'timeout')
  assert.is(chip.asked.length, 1)
})

test('pins and models that do not exist never reach the add-on', async () => {
  const ports = { clock: new LeapingClock(), counters: createCounters() }
  const chip = addOn([])
  const load = async () => chip
  for (const pin of [-1, 28, 32, 1.5, Number.NaN]) {
    assert.is((await errorOf(openDhtSensor({ model: 22, pin, ...ports, load }))).code, 'bad-config')
  }
  assert.is((await errorOf(openDhtSensor({ model: 12 as 11, pin: 4, ...ports, load }))).code, 'bad-config')
  assert.is(chip.asked.length, 0)
})

test('a missing add-on is a clear error with the way to build it', async () => {
  const error = await errorOf(
    openDhtSensor({
      model: 22,
      pin: 4,
      clock: new LeapingClock(),
      counters: createCounters(),
      load: () => Promise.reject(new Error('Cannot find module')),
    }),
  )
  assert.is(error.code, 'sensor-missing')
  assert.match(error.hint, 'npm rebuild node-dht-sensor')
})

test.run()
