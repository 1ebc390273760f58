/** Programs that a bench starts beside itself: they are asked for first, and none of them outlives it. */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { WebxError } from '../../src/core/errors.ts'

/** Debian keeps daemons where not everybody's PATH looks. */
const PATH = `${process.env['PATH']}:/usr/sbin`
const STOP_MS_MAX = 10_000
const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const INTERRUPTED = 130

/** What a program says of its version. Throws `bad-config` where it is not installed, or cannot be run. */
export function versionOf(program: string, args: readonly string[], installing: string): string {
  // Mosquitto ends with 3 after having told
  const { error, stdout } = spawnSync(program, [...args], { env: { PATH }, encoding: 'utf8' })
  const version = /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0]
  if (!error && version !== undefined) return version
  const { code = 'it does not tell its version' } = (error ?? {}) as NodeJS.ErrnoException
  const isMissing = code === 'ENOENT'
  throw new WebxError('bad-config', isMissing ? `${program} is not installed` : `${program} cannot be run: ${code}`, {
    hint: isMissing
      ? `Install it: ${installing}.`
      : `It is there, but may not be executable. It comes with ${installing}.`,
    cause: error,
  })
}

/** The programs of one bench. */
export class Programs {
  readonly #running = new Set<ChildProcess>()
  /** Told to end. */
  readonly #ending = new WeakSet<ChildProcess>()
  readonly #end = (): void => {
    for (const child of this.#running) child.kill('SIGKILL')
  }
  readonly #interrupted = (): void => process.exit(INTERRUPTED)

  constructor() {
    process.on('exit', this.#end)
    for (const signal of SIGNALS) process.on(signal, this.#interrupted)
  }

  /** Starts a program; what it says of errors goes to stderr. It must not end before it is told to. */
  start(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const stdio: SpawnOptions['stdio'] = options.stdio ?? ['ignore', 'ignore', 'inherit']
    const child = spawn(program, [...args], { ...options, stdio, env: { ...process.env, PATH, ...options.env } })
    this.#running.add(child)
    child.once('exit', (code) => {
      this.#running.delete(child)
      if (!this.#ending.has(child)) process.stderr.write(`bench: ${program} has ended with ${code}\n`)
    })
    child.once('error', (error) => {
      this.#running.delete(child)
      process.stderr.write(`bench: ${program}: ${error.message}\n`)
    })
    return child
  }

  /** Lets them run, or holds them where they are: who is not measured takes no time from who is. */
  let(run: 'run' | 'hold'): void {
    for (const child of this.#running) child.kill(run === 'run' ? 'SIGCONT' : 'SIGSTOP')
  }

  /** Ends them all: asks first, then kills. */
  async close(): Promise<void> {
    const children = [...this.#running].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    await Promise.all(
      children.map((child) => {
        this.#ending.add(child)
        return stop(child)
      }),
    )
    process.off('exit', this.#end)
    for (const signal of SIGNALS) process.off(signal, this.#interrupted)
  }
}

/** Ports of the loopback address that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listening))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function listening(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  await ended
  clearTimeout(kill)
}
