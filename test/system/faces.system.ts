/**
 * The face model on real photographs, on both runtimes. Needs the network once: the model and the photographs are
 * fetched into the machine's cache. The part with a live camera needs ffmpeg and is skipped, visibly, without it.
 */

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { faces } from '../../bench/faces.ts'
import { commandCamera } from '../../src/drivers/camera-command.ts'
import { decodeImage, readImage } from '../../src/drivers/camera-still.ts'
import { installModel } from '../../src/drivers/face-files.ts'
import { openFaceModel } from '../../src/drivers/face-model.ts'
import { BACKENDS } from '../../src/drivers/face-runtime.ts'
import { castOf, templatesOf } from '../../src/drivers/sample-cast.ts'
import { peopleFromDirectory, samplePeople } from '../../src/drivers/sample-people.ts'
import { blank, type Image, mirror } from '../../src/face/image.ts'
import { cosine, likeness } from '../../src/face/template.ts'
import { johns } from '../kit/johns.ts'
import { defaultModel, sampleScenes } from '../kit/photos.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const test = suite('system/faces')
const manifest = await defaultModel()
const scenes = await sampleScenes()
const { payment, stranger } = manifest.thresholds

/** The picture, worked over. */
async function altered(image: Image, how: (picture: Sharp) => Sharp): Promise<Image> {
  const { width, height, rgb } = image
  return decodeImage(
    await how(sharp(rgb, { raw: { width, height, channels: 3 } }))
      .png()
      .toBuffer(),
  )
}

for (const backend of BACKENDS) {
  test(`${backend}: every face of the scenes, each like itself and unlike all others but one`, async () => {
    const model = await openFaceModel({ manifest, backend })
    assert.is(model.backend, backend)
    const counts: number[] = []
    const templates: Float32Array[] = []
    for (const path of scenes) {
      const image = await readImage(path)
      const found = await model.analyze(image)
      counts.push(found.length)
      for (const face of found) templates.push(await model.embed(image, face))
    }
    assert.equal(counts, [3, 3, 3, 4, 5, 4])
    for (const template of templates) {
      assert.is(template.length, model.templateLength)
      assert.ok(Math.abs(cosine(template, template) - 1) < 1e-5)
    }
    const pairs = templates.flatMap((one, i) => templates.slice(0, i).map((other) => cosine(one, other)))
    assert.is(pairs.length, 231)
    assert.is(pairs.filter((score) => score >= payment).length, 1)
    assert.is(pairs.filter((score) => score >= stranger).length, 1)
    await model.close()
  })

  test(`${backend}: calls may overlap, and a closed model says so`, async () => {
    const model = await openFaceModel({ manifest, backend })
    const image = await readImage(scenes[0]!)
    const [one, two] = await within(60_000, Promise.all([model.analyze(image), model.analyze(image)]))
    assert.equal(one, two)
    const late = model.embed(image, one[0]!)
    await model.close()
    assert.is((await late).length, 512)
    assert.is(await codeOfAsync(() => model.analyze(image)), 'stopped')
    await model.close()
  })

  test(`${backend}: no face where there is none`, async () => {
    const model = await openFaceModel({ manifest, backend })
    const noise = blank(320, 240)
    for (let i = 0; i < noise.rgb.length; i++) noise.rgb[i] = (i * 2_654_435_761) >>> 24
    for (const image of [blank(640, 480, 128), noise, blank(1, 1)]) assert.is((await model.analyze(image)).length, 0)
    await model.close()
  })
}

test('without a wish the native runtime is taken where it loads', async () => {
  const model = await openFaceModel({ manifest })
  assert.is(model.backend, 'onnxruntime-node')
  await model.close()
})

test('light, size and compression change little; another person changes everything; a mirror image next to nothing', async () => {
  const model = await openFaceModel({ manifest })
  const image = await readImage(scenes[5]!)
  const [own] = await templatesOf(model, [image])
  const versions = await Promise.all([
    altered(image, (picture) => picture.resize(640)),
    altered(image, (picture) => picture.modulate({ brightness: 0.45 })),
    decodeImage(await sharp(scenes[5]!).jpeg({ quality: 20 }).toBuffer()),
  ])
  for (const template of await templatesOf(model, versions)) assert.ok(cosine(own!, template) > 0.9)
  const reflection = mirror(image)
  const reflected = await model.analyze(reflection)
  const likest = Math.max(
    ...(await Promise.all(reflected.map((face) => model.embed(reflection, face)))).map((t) => cosine(own!, t)),
  )
  assert.ok(likest > 0.9)
  await model.close()
})

test('poor pictures are refused by name', async () => {
  const model = await openFaceModel({ manifest })
  const image = await readImage(scenes[5]!)
  const inProfile = (await model.analyze(await readImage(scenes[1]!))).find(({ box }) => box.left < 500)
  assert.is(inProfile?.refusal, 'face-turned')
  const blurred = await model.analyze(await altered(image, (picture) => picture.blur(8)))
  assert.ok(blurred.length > 0 && blurred.every(({ refusal }) => refusal === 'face-unsharp'))
  const small = await model.analyze(await altered(image, (picture) => picture.resize(320)))
  assert.ok(small.length > 0 && small.every(({ refusal }) => refusal === 'face-small'))
  await model.close()
})

test('the sample scenes give shoppers, strangers, and one person in two photographs; always the same ones', async () => {
  const model = await openFaceModel({ manifest })
  const people = await samplePeople(model, scenes, readImage)
  assert.is(people.length, 20)
  const cast = await castOf(model, people, { shoppers: 4, strangers: 3 })
  assert.equal(
    cast.shoppers.map(({ person }) => person.name),
    ['Ada', 'Bela', 'Cleo', 'Dora'],
  )
  assert.is(new Set(cast.strangers.map(({ person }) => person.name)).size, 3)
  for (const { own } of cast.shoppers) assert.ok(own >= payment + 0.1)
  for (const { nearest } of cast.strangers) assert.ok(nearest < stranger)
  assert.is(cast.again?.shopper, 'Cleo')
  assert.ok(Math.abs((cast.again?.own ?? 0) - 0.63) < 0.05)
  const enrolled = await templatesOf(
    model,
    cast.shoppers.flatMap(({ person }) => person.enroll),
  )
  for (const { person } of cast.strangers) {
    for (const probe of await templatesOf(model, person.till)) assert.ok(likeness(probe, enrolled) < stranger)
  }
  assert.is(await codeOfAsync(() => castOf(model, people, { shoppers: 4, strangers: 30 })), 'bad-argument')
  await model.close()
})

test('photographs of different days: nobody passes for another, few are missed, the runtimes agree', async () => {
  const report = await faces(await johns())
  assert.equal(report.pairs, { genuine: 275, impostor: 1_210 })
  assert.is(report.atThreshold.fmr, 0)
  assert.ok(report.atThreshold.fnmr <= 0.1)
  assert.ok(report.eer <= 0.005)
  assert.ok(report.fnmrAtFmr1e2 <= 0.01)
  assert.ok(report.backendCosineMin >= 0.9999)
})

test('people out of one’s own directory play their parts as well', async () => {
  const model = await openFaceModel({ manifest })
  const cast = await castOf(model, await peopleFromDirectory(await johns(), readImage), { shoppers: 3, strangers: 2 })
  for (const { own } of cast.shoppers) assert.ok(own >= payment + 0.1)
  for (const { nearest } of cast.strangers) assert.ok(nearest < stranger)
  assert.is(cast.again, null)
  await model.close()
})

test('a damaged network is refused before it is loaded', () =>
  withTemp(async (cacheDir) => {
    const { paths } = await installModel(manifest)
    const directory = join(cacheDir, 'models', `${manifest.name}-${manifest.source.version}`)
    mkdirSync(directory, { recursive: true })
    for (const [name, path] of Object.entries(paths)) copyFileSync(path, join(directory, `${name}.onnx`))
    const bytes = readFileSync(join(directory, 'embedder.onnx'))
    bytes[1_000_000]! ^= 1
    writeFileSync(join(directory, 'embedder.onnx'), bytes)
    assert.is(await codeOfAsync(() => openFaceModel({ manifest, cacheDir })), 'model-damaged')
  }))

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

;(hasFfmpeg ? test : test.skip)('ffmpeg as the camera: frames of a photograph, and the faces in them', async () => {
  const command = [
    'ffmpeg',
    '-nostdin',
    '-loglevel',
    'error',
    '-re',
    '-loop',
    '1',
    '-framerate',
    '10',
    '-i',
    scenes[5]!,
  ]
  const raw = ['-vf', 'scale=640:512', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']
  const camera = commandCamera({ command: [...command, ...raw], width: 640, height: 512 })
  const model = await openFaceModel({ manifest })
  const watch = async (): Promise<number> => {
    let seen = 0
    for await (const { image } of camera.frames(new AbortController().signal)) {
      assert.is((await model.analyze(image)).length, 4)
      if (++seen === 5) break
    }
    return seen
  }
  assert.is(await within(30_000, watch()), 5)
  assert.is(camera.health().restarts, 0)
  await model.close()
})

;(hasFfmpeg ? test : test.skip)('ffmpeg that cannot open its camera is quoted', async () => {
  const command = ['ffmpeg', '-nostdin', '-loglevel', 'error', '-i', '/no/such/device', '-f', 'rawvideo', '-']
  const camera = commandCamera({ command, width: 640, height: 480, backoffMs: 1, restartsMax: 1 })
  const first = camera.frames(new AbortController().signal)[Symbol.asyncIterator]().next()
  const failure = await within(
    20_000,
    first.catch((error) => error),
  )
  assert.is(failure.code, 'camera-failed')
  assert.match(failure.message, /No such file or directory/)
})

test.run()
