/** The command camera with real child processes: frames, drops, silence, restarts, and that nothing stays behind. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CommandCameraOptions, commandCamera } from '../../src/drivers/camera-command.ts'
import type { Frame } from '../../src/face/model.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'

const test = suite('drivers/camera-command')
const [WIDTH, HEIGHT] = [32, 16]

/** A camera whose command is this JavaScript; `frame(n)` writes a frame of bytes n, `say(text)` complains. */
function scripted(script: string, more: Partial<CommandCameraOptions> = {}) {
  const program = `const frame = (n) => process.stdout.write(Buffer.alloc(${3 * WIDTH * HEIGHT}, n));
    const say = (text) => process.stderr.write(text);
    const forever = (ms, action) => setInterval(action, ms); ${script}`
  return commandCamera({
    command: [process.execPath, '-e', program],
    width: WIDTH,
    height: HEIGHT,
    backoffMs: 1,
    ...more,
  })
}

async function take(camera: ReturnType<typeof commandCamera>, count: number): Promise<Frame[]> {
  const frames: Frame[] = []
  for await (const frame of camera.frames(new AbortController().signal)) {
    frames.push(frame)
    if (frames.length === count) break
  }
  return frames
}

/** Whether a process still runs; one that has ended and only waits for its parent to notice does not. */
function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

test('frames come whole, though they are written in pieces', async () => {
  const size = 3 * WIDTH * HEIGHT
  const camera = scripted(`
    const bytes = Buffer.concat([Buffer.alloc(${size}, 1), Buffer.alloc(${size}, 2), Buffer.alloc(${size}, 3)]); let at = 0;
    forever(2, () => { process.stdout.write(bytes.subarray(at, at + 700)); at = (at + 700) % bytes.length; if (at < 700) at = 0 })`)
  const [first] = await within(10_000, take(camera, 1))
  assert.equal([first!.image.width, first!.image.height, first!.image.rgb.length], [WIDTH, HEIGHT, size])
  assert.ok(first!.image.rgb.every((byte) => byte === 1))
  assert.is(first!.sequence, 1)
  assert.is(camera.health().state, 'idle')
})

test('a slow reader gets the newest frame; what was dropped is counted', async () => {
  const camera = scripted('let n = 0; forever(2, () => frame(++n % 256))', { nowMs: () => 77 })
  const frames = camera.frames(new AbortController().signal)[Symbol.asyncIterator]()
  await within(10_000, frames.next())
  await until(10_000, () => camera.health().frames > 20)
  const { value: newest } = await within(5_000, frames.next())
  assert.ok(newest!.sequence > 20)
  assert.is(newest!.image.rgb[0], newest!.sequence % 256)
  assert.is(newest!.atMs, 77)
  assert.ok(camera.health().dropped >= 18)
  await within(5_000, camera.close())
  assert.ok((await within(1_000, frames.next())).done)
})

test('leaving the loop, aborting and closing each end the command and all that it started', () =>
  withTemp(async (directory) => {
    for (const way of ['break', 'abort', 'close'] as const) {
      const pids = join(directory, `pids-${way}`)
      const camera = scripted(`
        const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
        require('node:fs').writeFileSync(${JSON.stringify(pids)}, process.pid + ' ' + child.pid); forever(5, () => frame(9))`)
      const stop = new AbortController()
      const frames = camera.frames(stop.signal)[Symbol.asyncIterator]()
      await within(10_000, frames.next())
      const started = readFileSync(pids, 'utf8').split(' ').map(Number)
      assert.ok(started.every(alive))
      if (way === 'break') await within(5_000, frames.return!())
      if (way === 'close') await within(5_000, camera.close())
      if (way === 'abort') {
        stop.abort()
        assert.ok((await within(5_000, frames.next())).done)
      }
      await until(2_000, () => !started.some(alive), `the end of the command by ${way}`)
    }
  }))

test('a command that ignores the polite signal is ended all the same', async () => {
  const camera = scripted(`process.on('SIGTERM', () => {}); forever(5, () => frame(1))`)
  const startMs = performance.now()
  await within(10_000, take(camera, 1))
  assert.ok(performance.now() - startMs > 900)
})

test('a command that ends is started again, and its count of frames goes on', async () => {
  const camera = scripted('frame(1); setTimeout(() => process.exit(3), 20)')
  const frames = await within(20_000, take(camera, 3))
  assert.equal(
    frames.map(({ sequence }) => sequence),
    [1, 2, 3],
  )
  assert.is(camera.health().restarts, 2)
  assert.match(camera.health().trouble, /ended with code 3/)
})

test('half a frame of the one that ended never becomes part of the next one', () =>
  withTemp(async (directory) => {
    const marker = join(directory, 'second')
    const camera = scripted(`
      const fs = require('node:fs');
      if (fs.existsSync(${JSON.stringify(marker)})) forever(5, () => frame(2));
      else { fs.writeFileSync(${JSON.stringify(marker)}, ''); process.stdout.write(Buffer.alloc(500, 1)) }`)
    const [first] = await within(10_000, take(camera, 1))
    assert.ok(first!.image.rgb.every((byte) => byte === 2))
  }))

test('silence is noticed, and after a few times the camera is given up with what it said', async () => {
  const camera = scripted(`say('cannot open\\n  /dev/video7'); forever(1000, () => {})`, {
    silenceMs: 400,
    restartsMax: 1,
  })
  const failure = await within(
    20_000,
    take(camera, 1).catch((error) => error),
  )
  assert.is(failure.code, 'camera-failed')
  assert.match(failure.message, /failed 2 times in a row: no frame for 400 ms; it said: cannot open \/dev\/video7/)
  assert.equal([camera.health().state, camera.health().restarts], ['failed', 1])
})

test('a command that floods its error output costs no memory and is quoted from the end', async () => {
  const camera = scripted(`say('x'.repeat(1e6) + ' the end'); process.exitCode = 1`, { restartsMax: 0 })
  const failure = await within(
    20_000,
    take(camera, 1).catch((error) => error),
  )
  assert.match(failure.message, /x the end$/)
  assert.ok(failure.message.length < 700)
})

test('a command that does not exist is a failed camera, not a crash', async () => {
  const camera = commandCamera({ command: ['/no/such/camera'], width: 32, height: 16, backoffMs: 1, restartsMax: 1 })
  const failure = await within(
    10_000,
    take(camera, 1).catch((error) => error),
  )
  assert.is(failure.code, 'camera-failed')
  assert.match(failure.message, /ENOENT/)
})

test('credentials reach the command by its environment', async () => {
  const camera = scripted('forever(5, () => frame(Number(process.env.CAMERA_SECRET)))', {
    environment: { CAMERA_SECRET: '42' },
  })
  const [frame] = await within(10_000, take(camera, 1))
  assert.is(frame!.image.rgb[0], 42)
})

test('one reader at a time, and a new one after the last', async () => {
  const camera = scripted('forever(5, () => frame(1))')
  const { signal } = new AbortController()
  const frames = camera.frames(signal)[Symbol.asyncIterator]()
  await within(10_000, frames.next())
  assert.is(
    codeOf(() => camera.frames(signal)[Symbol.asyncIterator]()),
    'bad-argument',
  )
  await frames.return!()
  assert.is((await within(10_000, take(camera, 1))).length, 1)
})

test('an aborted signal starts nothing', () =>
  withTemp(async (directory) => {
    const marker = join(directory, 'ran')
    writeFileSync(marker, 'no')
    const camera = scripted(`require('node:fs').writeFileSync(${JSON.stringify(marker)}, 'yes')`)
    const frames = camera.frames(AbortSignal.abort())[Symbol.asyncIterator]()
    assert.ok((await within(1_000, frames.next())).done)
    await wait(100)
    assert.is(readFileSync(marker, 'utf8'), 'no')
  }))

test('what cannot work is refused before anything runs', async () => {
  const refused = (options: Partial<CommandCameraOptions>): string =>
    codeOf(() => commandCamera({ command: ['true'], width: 32, height: 16, ...options }))
  assert.is(refused({ command: [] }), 'bad-config')
  assert.is(refused({ width: 0 }), 'bad-config')
  assert.is(refused({ height: 1.5 }), 'bad-config')
  assert.is(refused({ width: 100_000, height: 100_000 }), 'bad-config')
  assert.is(refused({ command: ['ffmpeg', '-i', 'rtsp://user:secret@camera/stream'] }), 'bad-config')
  assert.is(await codeOfAsync(async () => commandCamera({ command: [''], width: 32, height: 16 })), 'bad-config')
})

test.run()
