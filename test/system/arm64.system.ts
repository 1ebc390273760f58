/**
 * All vectors of all kernels on arm64 and on this machine's processor, by one bundle and one version of Node. Needs
 * qemu's user-mode emulation with Debian's cross libraries; Node for arm64 is fetched once from npm.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../kit/source.ts'
import { arm64Node, type Command } from '../kit/targets/arm64.ts'
import { bundleVectors, complaints, KERNEL_FOLDER, summary } from '../kit/targets/judge.ts'
import type { TargetReport } from '../kit/targets/run.ts'
import { THREADS } from '../kit/targets/threads.ts'
import { tempForProcess } from '../kit/temp.ts'

const targets = suite('system: Node on two kinds of processors')
const exec = promisify(execFile)
const BUNDLE = join(tempForProcess(), 'vectors.mjs')
const SCRIPT = join(ROOT, 'test/kit/targets/node.ts')
const CASES_MIN = 50_000
const NATIVE_MS_MAX = 60_000
const EMULATED_MS_MAX = 360_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

interface Answers {
  readonly arch: string
  readonly version: string
  readonly reports: readonly TargetReport[]
}

targets('one bundle for both', () => bundleVectors(BUNDLE))

targets(`${process.arch}: every vector, both builds`, async () => {
  const { arch, reports } = await run({ file: process.execPath, args: [] }, NATIVE_MS_MAX)
  process.stdout.write(summary(arch, reports))
  assert.equal(threadsOf(reports), [THREADS, THREADS])
  assert.equal(complaints(reports, 'all', CASES_MIN), [])
})

targets('arm64: every vector, both builds, and the same answers', async () => {
  const { arch, version, reports } = await run(await arm64Node(process.version), EMULATED_MS_MAX)
  process.stdout.write(summary(arch, reports))
  assert.is(arch, 'arm64')
  assert.is(version, process.version)
  assert.equal(threadsOf(reports), [THREADS, THREADS])
  assert.equal(complaints(reports, 'all', CASES_MIN), [])
})

targets.run()

function threadsOf(reports: readonly TargetReport[]): number[] {
  return reports.map(({ threads }) => threads)
}

async function run({ file, args }: Command, timeout: number): Promise<Answers> {
  const limits = { timeout, maxBuffer: OUTPUT_BYTES_MAX }
  const { stdout } = await exec(file, [...args, SCRIPT, BUNDLE, KERNEL_FOLDER], limits)
  return JSON.parse(stdout) as Answers
}
