/** Picture files become images: upright, in color, bounded; broken ones are named. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeImage, readImage, stillCamera } from '../../src/drivers/camera-still.ts'
import { peopleFromDirectory } from '../../src/drivers/sample-people.ts'
import { blank, imageOf } from '../../src/face/image.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const test = suite('drivers/camera-still')

/** Left half red, right half blue. */
function flag(width: number, height: number) {
  const image = blank(width, height, 255, 0, 0)
  for (let i = 0; i < width * height; i++) if (i % width >= width / 2) image.rgb.set([0, 0, 255], 3 * i)
  return sharp(image.rgb, { raw: { width, height, channels: 3 } })
}

test('PNG keeps every byte, JPEG and WebP keep the look', async () => {
  const png = await decodeImage(await flag(40, 20).png().toBuffer())
  assert.equal([png.width, png.height], [40, 20])
  assert.equal([...png.rgb.subarray(0, 3), ...png.rgb.subarray(-3)], [255, 0, 0, 0, 0, 255])
  for (const bytes of [await flag(40, 20).jpeg().toBuffer(), await flag(40, 20).webp().toBuffer()]) {
    const { rgb, width } = await decodeImage(bytes)
    assert.is(width, 40)
    assert.ok(rgb[0]! > 200 && rgb[2]! < 60)
  }
})

test('gray, alpha and 16 bits become plain RGB', async () => {
  const gray = await decodeImage(await flag(8, 8).greyscale().png().toBuffer())
  assert.is(gray.rgb.length, 3 * 64)
  const transparent = {
    create: { width: 4, height: 4, channels: 4 as const, background: { r: 200, g: 100, b: 50, alpha: 0 } },
  }
  assert.is((await decodeImage(await sharp(transparent).png().toBuffer())).rgb.length, 3 * 16)
  const deep = await decodeImage(await flag(8, 8).toColourspace('rgb16').png().toBuffer())
  assert.equal([...deep.rgb.subarray(0, 3)], [255, 0, 0])
})

test('a photograph taken with the camera on its side stands upright', async () => {
  const { width, height, rgb } = await decodeImage(
    await flag(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  )
  assert.equal([width, height], [20, 40])
  assert.ok(rgb[0]! > 200 && rgb[3 * (39 * 20)]! < 60)
})

test('a large photograph is shrunk on demand', async () => {
  const { width, height } = await decodeImage(await flag(400, 200).png().toBuffer(), { sideMax: 100 })
  assert.equal([width, height], [100, 50])
})

test('files that are no photograph, cut off, huge or absent are refused by name', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'it.jpg')
    const refused = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(path, bytes)
      return codeOfAsync(() => readImage(path))
    }
    const jpeg = await flag(300, 200).jpeg().toBuffer()
    assert.is(await refused(new Uint8Array(0)), 'camera-failed')
    assert.is(await refused(new TextEncoder().encode('not a picture')), 'camera-failed')
    assert.is(await refused(jpeg.subarray(0, jpeg.length / 2)), 'camera-failed')
    assert.is(await refused(jpeg.subarray(0, 10)), 'camera-failed')
    assert.is(
      await refused(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')),
      'camera-failed',
    )
    const bomb = Uint8Array.from(await flag(8, 8).png().toBuffer())
    new DataView(bomb.buffer).setUint32(16, 60_000)
    new DataView(bomb.buffer).setUint32(20, 60_000)
    assert.is(await refused(bomb), 'camera-failed')
    assert.is(await refused(new Uint8Array(33 * 1024 * 1024)), 'limit')
    assert.is(await codeOfAsync(() => readImage(join(directory, 'absent.jpg'))), 'camera-failed')
  }))

test('a still camera shows its pictures in their order and ends', async () => {
  const pictures = [blank(2, 2, 1), blank(2, 2, 2)]
  const camera = stillCamera(pictures, { intervalMs: 1, repeat: 2, nowMs: () => 5 })
  const seen: number[][] = []
  for await (const { image, atMs, sequence } of camera.frames(new AbortController().signal)) {
    seen.push([image.rgb[0]!, atMs, sequence])
  }
  assert.equal(seen, [
    [1, 5, 1],
    [2, 5, 2],
    [1, 5, 3],
    [2, 5, 4],
  ])
  assert.equal(camera.health(), { state: 'idle', frames: 4, dropped: 0, restarts: 0, trouble: '' })
})

test('it stops when told to, by signal and by close, even while it waits', async () => {
  for (const way of ['signal', 'close'] as const) {
    const camera = stillCamera([imageOf(1, 1, new Uint8Array(3))], {
      intervalMs: 600_000,
      repeat: Number.POSITIVE_INFINITY,
    })
    const stop = new AbortController()
    const frames = camera.frames(stop.signal)[Symbol.asyncIterator]()
    assert.not((await frames.next()).done)
    const next = frames.next()
    if (way === 'signal') stop.abort()
    else await camera.close()
    assert.ok((await within(1_000, next)).done)
  }
})

test('one reader at a time; a picture that cannot be read ends it with its name', () =>
  withTemp(async (directory) => {
    const camera = stillCamera([blank(1, 1), join(directory, 'absent.jpg')], { intervalMs: 0 })
    const { signal } = new AbortController()
    const first = camera.frames(signal)[Symbol.asyncIterator]()
    await first.next()
    assert.is(await codeOfAsync(() => camera.frames(signal)[Symbol.asyncIterator]().next()), 'bad-argument')
    assert.is(await codeOfAsync(() => first.next()), 'camera-failed')
    assert.is(camera.health().state, 'failed')
    assert.match(camera.health().trouble, /absent\.jpg/)
  }))

test('people out of a directory: the first half of the photographs enrolls, the rest is for the till', () =>
  withTemp(async (directory) => {
    for (const [person, count] of [
      ['Bea', 5],
      ['Al', 2],
    ] as const) {
      mkdirSync(join(directory, person))
      for (let i = 0; i < count; i++) {
        writeFileSync(
          join(directory, person, `${i}.png`),
          await flag(20 + 2 * i, 10)
            .png()
            .toBuffer(),
        )
      }
      writeFileSync(join(directory, person, 'notes.txt'), 'not a photograph')
    }
    const people = await peopleFromDirectory(directory, readImage)
    assert.equal(
      people.map(({ name, enroll, till }) => [name, enroll.map(({ width }) => width), till.map(({ width }) => width)]),
      [
        ['Al', [20], [22]],
        ['Bea', [20, 22], [24, 26, 28]],
      ],
    )
    mkdirSync(join(directory, 'Cid'))
    writeFileSync(join(directory, 'Cid', 'only.png'), await flag(20, 10).png().toBuffer())
    const failure = await peopleFromDirectory(directory, readImage).catch((error) => error)
    assert.is(failure.code, 'bad-argument')
    assert.is(failure.message, 'Cid has 1 photographs')
    assert.is(await codeOfAsync(() => peopleFromDirectory(join(directory, 'Cid'), readImage)), 'bad-argument')
    assert.is(await codeOfAsync(() => peopleFromDirectory(join(directory, 'Nobody'), readImage)), 'bad-argument')
  }))

test.run()
