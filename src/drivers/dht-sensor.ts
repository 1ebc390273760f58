/**
 * Port Sensor for DHT11 and DHT22, by two ways: the kernel's IIO driver, and the native add-on node-dht-sensor.
 *
 * These sensors fail often: a reading is tried three times, must lie in the range of the part, and a jump must be confirmed by a second reading. What cannot be
 * read now is answered by the last reading, marked `stale`, then `failed`; its time says how old it is. Nothing cached is ever passed off as new: the
 * add-on returns old values silently when asked within two seconds, so it is asked at most every five.
 */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Clock, Counters, Reading, Sensor } from '../kernel/ports.ts'

export interface SensorPorts {
  readonly clock: Clock
  readonly counters: Counters
}

/** As printed on the part. */
export type DhtModel = 11 | 22

export interface DhtSensorOptions extends SensorPorts {
  readonly model: DhtModel
  /** Broadcom number of the GPIO, 0 … 27: the add-on does not check it. */
  readonly pin: number
  /** Loads the add-on; `import` unless told otherwise. */
  readonly load?: () => Promise<DhtAddOn>
}

export interface IioSensorOptions extends SensorPorts {
  readonly model: DhtModel
  /** Such as `/sys/bus/iio/devices`. */
  readonly root?: string
}

/** The part of node-dht-sensor that is used. */
export interface DhtAddOn {
  read(
    model: DhtModel,
    pin: number,
    done: (error: Error | null | undefined, temperature: number, humidity: number) => void,
  ): void
}

interface Sample {
  /** Degrees Celsius. */
  readonly temperature: number
  /** Percent. */
  readonly humidity: number
}

const TRIES = 3
const BETWEEN_TRIES_MS = 2_000
const JUMP_CELSIUS = 5
/** Failed readings in a row after which a sensor counts as down. */
const FAILURES_UNTIL_DOWN = 3
const IIO_ROOT = '/sys/bus/iio/devices'
const RANGES = {
  11: { coldest: -20, hottest: 60 },
  22: { coldest: -40, hottest: 80 },
} as const

/** A DHT by node-dht-sensor. Throws `bad-config` for a pin or model that does not exist, `sensor-missing` where the add-on is not there or not built. */
export async function openDhtSensor(options: DhtSensorOptions): Promise<Sensor> {
  const { model, pin } = options
  assertModel(model)
  if (!Number.isInteger(pin) || pin < 0 || pin > 27) {
    throw new WebxError('bad-config', `pin ${pin}: the header has GPIO 0 to 27`, { hint: 'Set sensor.pin.' })
  }
  const addOn = await load(options.load ?? importAddOn)
  const sample = (): Promise<Sample> =>
    new Promise((resolve, reject) => {
      addOn.read(model, pin, (error, temperature, humidity) => {
        if (error) reject(error)
        else resolve({ temperature, humidity })
      })
    })
  return new CarefulSensor(model, sample, options)
}

/** A DHT by the kernel's driver. Throws `bad-config` for another model, `sensor-missing` where the kernel shows none. */
export async function openIioSensor(options: IioSensorOptions): Promise<Sensor> {
  assertModel(options.model)
  const folder = await findIioDevice(options.root ?? IIO_ROOT)
  const sample = async (): Promise<Sample> => ({
    temperature: await readMilli(join(folder, 'in_temp_input')),
    humidity: await readMilli(join(folder, 'in_humidityrelative_input')),
  })
  return new CarefulSensor(options.model, sample, options)
}

/** What both ways share: tries, range, jumps, age. */
class CarefulSensor implements Sensor {
  readonly #model: DhtModel
  readonly #sample: () => Promise<Sample>
  readonly #clock: Clock
  readonly #counters: Counters
  #last: Reading | null = null
  #readAtMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #reading: Promise<Reading> | null = null
  /** A sample that was not answered in time still occupies the sensor. */
  #busy = false

  constructor(model: DhtModel, sample: () => Promise<Sample>, ports: SensorPorts) {
    this.#model = model
    this.#sample = sample
    this.#clock = ports.clock
    this.#counters = ports.counters
  }

  /** The last reading again where it is asked for sooner than the sensor can; throws `timeout` where there never was one. */
  read(): Promise<Reading> {
    const tooSoon = this.#clock.monotonicMs() - this.#readAtMs < LIMITS.sensorIntervalMsMin
    if (!this.#reading && this.#last && tooSoon) return Promise.resolve(this.#last)
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #readNow(): Promise<Reading> {
    this.#readAtMs = this.#clock.monotonicMs()
    try {
      const sample = await this.#confirmed(this.#readAtMs + LIMITS.sensorReadMsMax)
      this.#failures = 0
      this.#last = { ...sample, atMs: this.#clock.nowMs(), quality: 'ok' }
      return this.#last
    } catch (cause) {
      this.#failures++
      this.#counters.count('sensor.failed')
      if (!this.#last) {
        throw new WebxError('timeout', `the sensor gave no reading: ${(cause as Error).message}`, {
          hint: 'Check wiring, pin and model; webx doctor looks.',
          cause,
        })
      }
      this.#last = { ...this.#last, quality: this.#failures >= FAILURES_UNTIL_DOWN ? 'failed' : 'stale' }
      return this.#last
    }
  }

  /** A good sample; where it jumps away from the last reading, one that a second sample confirms. */
  async #confirmed(untilMs: number): Promise<Sample> {
    const before = this.#last
    let doubtful: Sample | null = null
    let problem: unknown
    for (let left = TRIES; left > 0; left--) {
      try {
        const sample = await this.#sampleBefore(untilMs)
        const expected: Sample | null = doubtful ?? before
        if (!expected || Math.abs(sample.temperature - expected.temperature) <= JUMP_CELSIUS) return sample
        doubtful = sample
        problem = new Error('readings jump')
        this.#counters.count('sensor.jumps')
      } catch (error) {
        problem = error
      }
      if (left === 1 || this.#clock.monotonicMs() + BETWEEN_TRIES_MS >= untilMs) break
      await new Promise<void>((resolve) => this.#clock.after(BETWEEN_TRIES_MS, resolve))
    }
    throw problem
  }

  async #sampleBefore(untilMs: number): Promise<Sample> {
    if (this.#busy) throw new Error('an earlier reading has not ended')
    this.#busy = true
    const sampling = this.#sample().finally(() => {
      this.#busy = false
    })
    let cancel = (): void => undefined
    const late = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(untilMs - this.#clock.monotonicMs(), () => reject(new Error('no answer in time')))
    })
    const { temperature, humidity } = await Promise.race([sampling, late]).finally(() => cancel())
    const { coldest, hottest } = RANGES[this.#model]
    const fits = temperature >= coldest && temperature <= hottest && humidity >= 0 && humidity <= 100
    if (!fits) throw new Error(`${temperature} °C and ${humidity} % are out of range`)
    return { temperature, humidity }
  }
}

function assertModel(model: number): void {
  if (model !== 11 && model !== 22) throw new WebxError('bad-config', `sensor model ${model}: 11 or 22 expected`)
}

async function load(from: () => Promise<DhtAddOn>): Promise<DhtAddOn> {
  try {
    return await from()
  } catch (cause) {
    throw new WebxError('sensor-missing', 'node-dht-sensor is not installed, or was not built for this machine', {
      hint: 'On the device, with g++, make and python3: npm rebuild node-dht-sensor --ignore-scripts=false, in the folder that webx doctor names. Or set sensor.kind = "iio".',
      cause,
    })
  }
}

async function importAddOn(): Promise<DhtAddOn> {
  const name = 'node-dht-sensor'
  const module = (await import(name)) as { default: DhtAddOn }
  return module.default
}

/** The folder of the first device that is a DHT, or at least gives both values (the overlay names it `dht11` for both parts). */
async function findIioDevice(root: string): Promise<string> {
  const devices = await readdir(root).catch(() => [])
  const found: { folder: string; isDht: boolean }[] = []
  for (const device of devices.filter((name) => name.startsWith('iio:device')).sort()) {
    const folder = join(root, device)
    const files = await readdir(folder)
    if (!files.includes('in_temp_input') || !files.includes('in_humidityrelative_input')) continue
    const name = files.includes('name') ? await readFile(join(folder, 'name'), 'utf8') : ''
    found.push({ folder, isDht: name.includes('dht') })
  }
  const best = found.find(({ isDht }) => isDht) ?? found[0]
  if (best) return best.folder
  throw new WebxError('sensor-missing', `the kernel shows no climate sensor under ${root}`, {
    hint: 'Add dtoverlay=dht11,gpiopin=PIN to config.txt (also for a DHT22) and restart.',
  })
}

/** A whole number of thousandths, as IIO writes it. A failed checksum or timing shows as EIO or ETIMEDOUT of the read. */
async function readMilli(file: string): Promise<number> {
  const text = (await readFile(file, 'utf8')).trim()
  if (!/^-?\d{1,9}$/.test(text)) throw new Error(`${file} says "${text.slice(0, 20)}"`)
  return Number(text) / 1000
}
