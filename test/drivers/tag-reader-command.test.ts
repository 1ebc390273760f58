import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { openTagReaderCommand, TagLines } from '../../src/drivers/tag-reader-command.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import type { Clock } from '../../src/kernel/ports.ts'
import { withTemp } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'

const test = suite('drivers/tag-reader-command')

/** The host's clock with delays a hundred times shorter. */
const hurried: Clock = { ...hostClock(), after: (delayMs, action) => hostClock().after(delayMs / 100, action) }

function reader(command: readonly string[], clock: Clock = hurried) {
  const counters = createCounters()
  return { tags: openTagReaderCommand({ command, clock, counters }), counters }
}

const shell = (script: string): string[] => ['/bin/sh', '-c', script]

async function take(command: readonly string[], count: number): Promise<string[]> {
  const { tags } = reader(command)
  const controller = new AbortController()
  const seen: string[] = []
  for await (const { tag, atMs } of tags.sightings(controller.signal)) {
    assert.ok(Math.abs(atMs - Date.now()) < 10_000)
    seen.push(tag)
    if (seen.length === count) break
  }
  return seen
}

test('each line is a sighting, whatever the line ends with', async () => {
  const seen = await within(5_000, take(shell("printf '04A1\\n\\n 04B2 \\r\\n04C'; printf '3\\n'; sleep 60"), 3))
  assert.equal(seen, ['04A1', '04B2', '04C3'])
})

test('arguments are not read by a shell', async () => {
  const program = 'process.stdout.write(process.argv[1] + "\\n"); setTimeout(() => {}, 60000)'
  assert.equal(await within(5_000, take([process.execPath, '-e', program, '$(id) `id`'], 1)), ['$(id) `id`'])
})

test('a command that ends is started again', () =>
  withTemp(async (directory) => {
    const script = `echo x >> ${join(directory, 'starts')}; echo tag-$(wc -l < ${join(directory, 'starts')})`
    assert.equal(await within(5_000, take(shell(script), 3)), ['tag-1', 'tag-2', 'tag-3'])
  }))

test('a command that keeps ending without a tag has failed, with what it said last', () =>
  withTemp(async (directory) => {
    const starts = join(directory, 'starts')
    const { tags, counters } = reader(shell(`echo x >> ${starts}; echo no reader found >&2; exit 3`))
    const error = await within(5_000, first(tags.sightings(new AbortController().signal)))
    assert.is((error as { code: string }).code, 'reader-failed')
    assert.match((error as Error).message, 'ended with code 3: no reader found')
    assert.is(readFileSync(starts, 'utf8').length / 2, LIMITS.tagReaderRestartsMax + 1)
    assert.is(counters.read()['tags.restarts'], LIMITS.tagReaderRestartsMax + 1)
  }))

test('a program that is not there fails at once', async () => {
  const { tags } = reader(['/no/such/program'], hostClock())
  const error = await within(1_000, first(tags.sightings(new AbortController().signal)))
  assert.is((error as { code: string }).code, 'reader-failed')
  assert.match((error as Error).message, 'ENOENT')
  assert.throws(
    () => reader([]),
    (thrown: { code: string }) => thrown.code === 'bad-config',
  )
})

test('aborting ends the iteration, the command and its children', () =>
  withTemp(async (directory) => {
    const pidFile = join(directory, 'pid')
    const { tags } = reader(shell(`trap '' TERM; (echo $$ > ${pidFile}; sleep 60) & echo ready; wait; sleep 60`))
    const controller = new AbortController()
    const seen: string[] = []
    const done = (async () => {
      for await (const { tag } of tags.sightings(controller.signal)) seen.push(tag)
    })()
    await until(5_000, () => seen.length === 1 && existsSync(pidFile))
    controller.abort()
    await within(5_000, done)
    const group = readFileSync(pidFile, 'utf8').trim()
    await until(2_000, () => !livingGroups().has(group), 'the end of the group')
  }))

/** Process groups with a member that is not merely waiting to be collected. */
function livingGroups(): Set<string> {
  const groups = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      } catch {
        return []
      }
    })
    .filter(([state]) => state !== undefined && state !== 'Z')
  return new Set(groups.map(([, , group]) => group as string))
}

test('an aborted signal starts nothing', async () => {
  const { tags } = reader(['/no/such/program'])
  assert.equal(await first(tags.sightings(AbortSignal.abort())), undefined)
})

test('a flood is cut to the rate and counted', async () => {
  const { tags, counters } = reader(
    shell('i=0; while [ $i -lt 1000 ]; do echo t$i; i=$((i+1)); done; echo end; sleep 60'),
    {
      ...hurried,
      monotonicMs: () => 7,
    },
  )
  const controller = new AbortController()
  const seen: string[] = []
  const done = (async () => {
    for await (const { tag } of tags.sightings(controller.signal)) seen.push(tag)
  })()
  await until(5_000, () => counters.read()['tags.tooFast'] === 1_001 - LIMITS.tagsPerSecondMax)
  await until(1_000, () => seen.length === LIMITS.tagsPerSecondMax)
  controller.abort()
  await within(5_000, done)
})

test('lines are bounded before they are whole', () => {
  const counters = createCounters()
  const lines = new TagLines(counters)
  const long = 'x'.repeat(LIMITS.tagCharactersMax)
  assert.equal(lines.push(Buffer.from(`${long}\n${long}y\nok\n`)), [long, 'ok'])
  for (let n = 0; n < 1_000; n++) assert.equal(lines.push(Buffer.alloc(1_000, 'z')), [])
  assert.equal(lines.push(Buffer.from('tail\nafter\n')), ['after'])
  assert.equal(lines.push(Buffer.from('esc\u001b[2J\n')), [])
  const umlaut = Buffer.from('ä\n')
  assert.equal([...lines.push(umlaut.subarray(0, 1)), ...lines.push(umlaut.subarray(1))], ['ä'])
  assert.equal(counters.read(), { 'tags.tooLong': 1, 'tags.unreadable': 2 })
})

/** The first sighting, or the error. */
async function first(sightings: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const sighting of sightings) return sighting
  } catch (error) {
    return error
  }
  return undefined
}

test.run()
