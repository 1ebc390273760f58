/** All vectors of all kernels in headless Chromium, in a page that has shared memory. Needs Debian's chromium. */

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleVectors, complaints, KERNEL_FOLDER, summary } from '../kit/targets/judge.ts'
import { type OpenPage, openPage } from '../kit/targets/page.ts'
import type { TargetReport } from '../kit/targets/run.ts'
import { THREADS } from '../kit/targets/threads.ts'
import { tempForProcess } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const browser = suite('system: a browser')
const TEMP = tempForProcess()
const BUNDLE = join(TEMP, 'vectors.mjs')
const CASES_MIN = 50_000
const VECTORS_MS_MAX = 120_000

/** What the page runs: kernels by fetch, threads as Workers. */
const ASK = `(async () => {
  const { answers } = await import('/vectors.mjs')
  const read = async (file) => new Uint8Array(await (await fetch('/' + file)).arrayBuffer())
  const spawn = (start, report, fail) => {
    const worker = new Worker('/thread.mjs', { type: 'module' })
    worker.onmessage = ({ data }) => report(data)
    worker.onerror = ({ message }) => fail(new Error(message))
    worker.postMessage(start)
    return { go: () => worker.postMessage(null), hold() {}, end: async () => worker.terminate() }
  }
  const copy = (into, part) => into.set(part)
  return answers(read, { spawn, copy, pause: () => new Promise((resolve) => setTimeout(resolve)) })
})()`

/** What a Worker runs: first it is told where to start, then, each time, to take its share. */
const THREAD = `import { createShare } from '/vectors.mjs'
let share
onmessage = ({ data }) => {
  if (data === null) share()
  else share = createShare(data, (group) => postMessage(group))
}`

/** Opened by whichever test is first; a hook that fails would fail no test. */
let opened: Promise<OpenPage> | undefined

browser.after(async () => {
  await (await opened?.catch(() => undefined))?.close()
})

browser('the page is isolated, so that its memory can be shared', async () => {
  const { page } = await openOnce()
  assert.is(await page.evaluate('crossOriginIsolated'), true)
  assert.is(await page.evaluate('new SharedArrayBuffer(8).byteLength'), 8)
})

browser('every vector, both builds, and the same answers as everywhere', async () => {
  const { page, version } = await openOnce()
  const asked = page.evaluate<TargetReport[]>(ASK)
  const reports = await within(VECTORS_MS_MAX, asked, 'the page')
  process.stdout.write(summary(`Chromium ${version}`, reports))
  assert.equal(
    reports.map(({ threads }) => threads),
    [THREADS, THREADS],
  )
  assert.equal(complaints(reports, 'all', CASES_MIN), [])
})

browser.run()

function openOnce(): Promise<OpenPage> {
  opened ??= open()
  return opened
}

async function open(): Promise<OpenPage> {
  await bundleVectors(BUNDLE)
  const kernels = readdirSync(KERNEL_FOLDER).filter((file) => file.endsWith('.wasm'))
  const files = new Map(kernels.map((file) => [file, join(KERNEL_FOLDER, file)]))
  writeFileSync(join(TEMP, 'thread.mjs'), THREAD)
  return openPage(files.set('vectors.mjs', BUNDLE).set('thread.mjs', join(TEMP, 'thread.mjs')))
}
