/** The shipped manifests hold, and a wrong one is refused with the place of the mistake. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebxError } from '../../src/core/errors.ts'
import { readModelManifest, readPackageManifest } from '../../src/drivers/face-files.ts'
import { modelManifest, NETWORKS, packageManifest } from '../../src/face/manifest.ts'
import { codeOfAsync } from '../kit/refusal.ts'

const test = suite('face/manifest')
const good = await readModelManifest()

/** The good manifest with the value at `path` replaced (undefined: taken away). */
function changed(path: string, value: unknown): unknown {
  const root = structuredClone(good) as unknown as Record<string, unknown>
  const keys = path.split('.')
  const last = keys.pop() as string
  let at = root
  for (const key of keys) at = at[key] as Record<string, unknown>
  if (value === undefined) delete at[last]
  else at[last] = value
  return root
}

function complaint(value: unknown): string {
  try {
    modelManifest(value)
  } catch (error) {
    if (error instanceof WebxError && error.code === 'bad-config') return `${error.message} ${error.hint}`
    throw error
  }
  throw new Error('the manifest was taken')
}

test('the shipped model names its networks, thresholds, license and what is not known', () => {
  assert.equal(Object.keys(good.files), [...NETWORKS])
  assert.is(good.template.length, 512)
  assert.is(good.thresholds.payment, 0.47)
  assert.match(good.license.text, /MIT/)
  assert.ok(good.license.caveats.some((caveat) => /provenance is unproven/.test(caveat)))
})

test('the shipped scenes are six', async () => {
  assert.is(Object.keys((await readPackageManifest('sample-scenes')).files).length, 6)
})

test('a manifest that was checked can be checked again', () => {
  assert.equal(modelManifest(structuredClone(good)), good)
})

const MISTAKES: readonly (readonly [path: string, value: unknown, complaint: RegExp])[] = [
  ['thresholds.paiment', 0.5, /thresholds: unknown key "paiment".*Known keys: payment/],
  ['extra', 1, /unknown key "extra"/],
  ['thresholds.payment', undefined, /thresholds\.payment: expected a value, got nothing/],
  ['thresholds.payment', 1.5, /thresholds\.payment: expected a number from 0 to 1, got 1.5/],
  ['thresholds.payment', Number.NaN, /thresholds\.payment/],
  ['thresholds.payment', '0.5', /thresholds\.payment/],
  ['thresholds.stranger', 0.6, /thresholds: expected a stranger below the payment threshold/],
  ['template.length', 512.5, /template\.length: expected a whole number/],
  ['files.detector', undefined, /files\.detector: expected a value/],
  ['files.detector.sha256', 'abc', /files\.detector\.sha256: expected text like/],
  ['files.detector.bytes', 1e12, /files\.detector\.bytes/],
  ['files', {}, /files: expected a table of files/],
  ['files', [], /files: expected a table of files/],
  ['source.package', '--help', /source\.package/],
  ['source.version', 'latest', /source\.version/],
  ['license', 'MIT', /license: expected a table/],
  ['license.caveats', 'none', /license\.caveats: expected a list/],
  ['input.embedder.channels', 'cmyk', /input\.embedder\.channels/],
  ['input.embedder.scale', 0, /input\.embedder\.scale/],
  ['name', '../up', /name: expected text like/],
]

for (const [path, value, pattern] of MISTAKES) {
  test(`refuses ${path} = ${JSON.stringify(value)}`, () => assert.match(complaint(changed(path, value)), pattern))
}

test('refuses what is no table, and a model where plain files are wanted', async () => {
  for (const value of [null, 3, 'x', []]) assert.match(complaint(value), /manifest: expected a table/)
  assert.throws(() => packageManifest(good), /unknown key "input"/)
  assert.is(await codeOfAsync(() => readModelManifest('sample-scenes')), 'bad-config')
  assert.is(await codeOfAsync(() => readModelManifest('no-such-model')), 'bad-config')
})

test.run()
