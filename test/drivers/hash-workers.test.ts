/** Hashing with worker threads gives what one thread gives, whatever the length; files that change, threads that die and closing are told. */

import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { blake3 as oracle } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { type Fill, HashPool } from '../../src/drivers/hash-pool.ts'
import { createParallelHasher, HASH_THREADS, type ParallelHasher } from '../../src/drivers/hash-workers.ts'
import { blake3 } from '../../src/wasm/hash.ts'
import { within } from '../kit/within.ts'
import '../kit/wasm.ts'

const SEGMENT = 65_536
const MIB = 1_048_576
const RING = 4 * MIB
const whole = Uint8Array.from({ length: 8 * RING + 3 * MIB }, (_, i) => (i * 31 + (i >> 9)) & 255)
const MS = 20_000

interface Context {
  hasher: ParallelHasher
  folder: string
}

const test = suite<Context>('drivers/hash-workers')

test.before((context) => {
  context.hasher = createParallelHasher({ threads: 2 })
  context.folder = mkdtempSync(join(tmpdir(), 'webx-hash-'))
})

test.after(async (context) => {
  await context.hasher.close()
  rmSync(context.folder, { recursive: true })
})

test('threads and one thread agree at every edge', async ({ hasher }) => {
  assert.is(hasher.threads, 2)
  const edges = [MIB, MIB + SEGMENT, 2 * MIB, 5 * MIB, RING, RING + SEGMENT, RING + MIB, 2 * RING]
  for (const length of [0, 1, 1025, ...edges.flatMap((n) => [n - 1, n, n + 1]), whole.length]) {
    const message = whole.subarray(0, length)
    assert.is(toHex(await within(MS, hasher.hash(message))), toHex(blake3(message)), `${length} bytes`)
  }
})

test('an independent implementation agrees', async ({ hasher }) => {
  const message = whole.subarray(7, 7 + MIB + 3 * SEGMENT + 100)
  assert.is(toHex(await within(MS, hasher.hash(message))), toHex(oracle(message)))
})

test('messages wait for each other and none is mixed up', async ({ hasher }) => {
  const messages = [3, 1, 4, 1, 5, 0.5].map((mib, i) => whole.subarray(i, i + mib * MIB))
  const digests = await within(MS, Promise.all(messages.map((message) => hasher.hash(message))))
  assert.equal(
    digests.map(toHex),
    messages.map((message) => toHex(blake3(message))),
  )
})

test('the event loop goes on meanwhile', async ({ hasher }) => {
  let turns = 0
  let over = false
  const digest = hasher.hash(whole).finally(() => {
    over = true
  })
  while (!over) {
    await turn()
    turns++
  }
  assert.is(toHex(await digest), toHex(blake3(whole)))
  assert.ok(turns > 10, `${turns} turns`)
})

test('files of any length, with threads and without', async ({ hasher, folder }) => {
  const path = join(folder, 'file')
  const alone = createParallelHasher({ threads: 0 })
  assert.is(alone.threads, 0)
  for (const length of [0, 1, SEGMENT, MIB - 1, MIB, 3 * MIB + 5, RING, RING + 1, whole.length]) {
    writeFileSync(path, whole.subarray(0, length))
    const expected = toHex(blake3(whole.subarray(0, length)))
    assert.is(toHex(await within(MS, hasher.hashFile(path))), expected, `${length} bytes`)
    assert.is(toHex(await within(MS, alone.hashFile(path))), expected, `${length} bytes, one thread`)
  }
  assert.is(toHex(await alone.hash(whole)), toHex(blake3(whole)))
  await alone.close()
})

test('a file that grows or shrinks while it is read is refused', async ({ hasher, folder }) => {
  const path = join(folder, 'changing')
  let length = RING
  const changes = [
    () => appendFileSync(path, 'x'),
    () => {
      length -= SEGMENT
      truncateSync(path, Math.max(0, length))
    },
  ]
  for (const change of changes) {
    writeFileSync(path, whole.subarray(0, RING))
    let over = false
    const refused = hasher
      .hashFile(path)
      .then(() => 'hashed', codeOf)
      .finally(() => {
        over = true
      })
    while (!over) {
      await turn()
      change()
    }
    assert.is(await within(MS, refused), 'file-changed')
  }
  assert.is(toHex(await within(MS, hasher.hash(whole))), toHex(blake3(whole)), 'and the hasher goes on')
})

test('what is no file is told', async ({ hasher, folder }) => {
  assert.is(await hasher.hashFile(join(folder, 'absent')).catch(codeOf), 'file-unreadable')
  assert.is(await hasher.hashFile(folder).catch(codeOf), 'file-unreadable')
})

test('an error of the source reaches the caller, and the next message is hashed', async () => {
  const pool = new HashPool(2, HASH_THREADS)
  const broken = new Error('broken')
  let left = 5
  const fill: Fill = (into) => {
    if (left-- === 0) throw broken
    return into.length
  }
  assert.is(
    await within(
      MS,
      pool.hashFrom(fill, 4 * MIB).catch((error) => error),
    ),
    broken,
  )
  assert.is(toHex(await within(MS, pool.hash(whole))), toHex(blake3(whole)))
  await pool.close()
})

test('a thread that dies rejects the call; the next one gets new threads', async () => {
  let spawned = 0
  const pool = new HashPool(2, {
    ...HASH_THREADS,
    spawn: (start, report, fail) => {
      const thread = HASH_THREADS.spawn(start, report, fail)
      if (spawned++ > 0) return thread
      return { ...thread, go: () => void thread.end() }
    },
  })
  assert.is(await within(MS, pool.hash(whole).catch(codeOf)), 'internal')
  assert.is(toHex(await within(MS, pool.hash(whole))), toHex(blake3(whole)))
  assert.is(spawned, 4)
  await pool.close()
})

test('closing rejects what is under way and what waits, and ends the threads', async () => {
  const hasher = createParallelHasher({ threads: 2 })
  const first = hasher.hash(whole).catch(codeOf)
  const second = hasher.hash(whole).catch(codeOf)
  await turn()
  await within(MS, hasher.close())
  assert.equal(await within(MS, Promise.all([first, second])), ['stopped', 'stopped'])
  assert.is(await hasher.hash(whole).catch(codeOf), 'stopped')
  assert.is(await hasher.hash(new Uint8Array(1)).catch(codeOf), 'stopped')
})

test('idle threads do not keep a process alive', async () => {
  const script = `
    import ${JSON.stringify(urlOf('src/drivers/wasm-files.ts'))}
    import { createParallelHasher } from ${JSON.stringify(urlOf('src/drivers/hash-workers.ts'))}
    const digest = await createParallelHasher({ threads: 2 }).hash(new Uint8Array(${3 * MIB}))
    process.stdout.write(Buffer.from(digest).toString('hex'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (part) => {
    text += part
  })
  try {
    const code = await within(MS, new Promise((resolve) => child.on('close', resolve)))
    assert.is(code, 0)
    assert.is(text, toHex(blake3(new Uint8Array(3 * MIB))))
  } finally {
    child.kill()
  }
})

test('misuse is refused', () => {
  for (const threads of [-1, 1.5, 17]) {
    assert.throws(
      () => createParallelHasher({ threads }),
      (error: WebxError) => error.code === 'bad-argument',
    )
  }
})

test.run()

function codeOf(error: WebxError): string {
  return error.code
}

function urlOf(path: string): string {
  return new URL(`../../${path}`, import.meta.url).href
}
