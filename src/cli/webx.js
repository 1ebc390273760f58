#!/usr/bin/env node
/**
 * What `webx` on the PATH is: starts the command line, with the Node that was installed beside it where the one that runs this is too old.
 *
 * Plain JavaScript in the syntax of Node 16, because an old Node must be able to read it in order to hand over. `tsc` leaves this file alone;
 * the build copies it to `dist/cli/`.
 */

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION_MIN = '24.6'

if (isNewEnough(process.versions.node)) start()
else handOver()

/** Runs the command line in this process: what was built, or in the repository the source itself. */
function start() {
  const built = new URL('./main.js', import.meta.url)
  import(existsSync(built) ? built.href : new URL('./main.ts', import.meta.url).href)
    .then(({ main }) => main())
    .catch((error) => {
      process.stderr.write(`internal: webx could not be started: ${error?.stack ?? error}\n`)
      process.exitCode = 1
    })
}

/** Runs the same command under the packaged Node; its exit code, or the signal that ended it, becomes ours. */
function handOver() {
  const node = packagedNode()
  if (node === null) {
    fail(
      `webx needs Node ${VERSION_MIN} or newer; this is Node ${process.versions.node} on ${process.platform}-${process.arch}, and none is packaged here`,
      `Install Node ${VERSION_MIN}, or install webx again without --omit=optional.`,
    )
    return
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // Ctrl-C at a terminal reaches the child by itself; passing it on as well would look like a second, impatient one.
  const atTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => {
      if (!(atTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT'))) child.kill(signal)
    })
  }
  child.on('error', (error) =>
    fail(`the packaged Node could not be started: ${error.message}`, `Install Node ${VERSION_MIN}.`),
  )
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** Path of the Node that came as an optional dependency for this machine, wherever npm hoisted it to; null where none did. */
function packagedNode() {
  if (process.platform !== 'linux') return null
  const require = createRequire(import.meta.url)
  try {
    const manifest = require.resolve(`node-linux-${process.arch}/package.json`)
    const node = join(dirname(manifest), 'bin', 'node')
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
    return isNewEnough(version) && existsSync(node) ? node : null
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  const [majorMin, minorMin] = VERSION_MIN.split('.').map(Number)
  return major > majorMin || (major === majorMin && minor >= minorMin)
}

function fail(sentence, hint) {
  process.stderr.write(`unreachable: ${sentence}. ${hint}\n`)
  process.exitCode = 4
}
