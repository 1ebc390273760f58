/**
 * A door for the owner's own commands: a Unix socket in the data folder, which only its user can open.
 *
 * JSON lines. A request `{"id", "method", "params"}` is answered by any number of `{"id", "progress"}` and one `{"id", "result"}` or
 * `{"id", "error": {"code", "message", "hint"}}`. `webx pay` asks a running terminal this way. A socket left behind by a killed node is replaced; a
 * living one, or a file that is no socket, never.
 */

import { lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { asWebxError, CODES, type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Clock, Counters } from '../kernel/ports.ts'

/** One call as its method sees it. */
export interface ControlCall {
  /** Whatever JSON the caller sent: to be checked by the method. */
  readonly params: unknown
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
  /** Tells the caller how far things are; any JSON. */
  progress(value: unknown): void
}

export type ControlMethod = (call: ControlCall) => Promise<unknown>

export interface ControlServer {
  readonly path: string
  close(): Promise<void>
}

/** Longest path of a Unix socket that every system takes. */
const PATH_BYTES_MAX = 103

/** Opens the door. Throws `bad-config` where another node answers there, the path is taken by something else, or is too long. */
export async function openControlSocket(options: {
  readonly path: string
  readonly methods: Readonly<Record<string, ControlMethod>>
  readonly counters: Counters
}): Promise<ControlServer> {
  const { path, methods, counters } = options
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new WebxError('bad-config', `${path} is too long for a socket`, { hint: 'Choose a shorter data directory.' })
  }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, methods, counters)
  })
  server.maxConnections = LIMITS.controlClientsMax
  server.on('drop', () => counters.count('control.full'))
  await removeStale(path)
  await listenPrivately(server, path)
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/**
 * Asks a running node. Resolves to the result.
 *
 * Throws `unreachable` where no node listens, `timeout`, `stopped` once the signal aborts, or what the method threw.
 */
export async function callControl(options: {
  readonly path: string
  readonly method: string
  readonly params: unknown
  readonly timeoutMs: number
  readonly clock: Clock
  readonly onProgress?: (value: unknown) => void
  /** Hangs up when it aborts: the method sees its own signal abort. */
  readonly signal?: AbortSignal
}): Promise<unknown> {
  const { path, method, params, timeoutMs, clock, onProgress, signal } = options
  const socket = await dial(path, clock)
  let cancel = (): void => undefined
  let hangUp = (): void => undefined
  try {
    return await new Promise<unknown>((resolve, reject) => {
      hangUp = () => reject(new WebxError('stopped', `"${method}" was called off`))
      if (signal?.aborted) {
        hangUp()
        return
      }
      signal?.addEventListener('abort', hangUp, { once: true })
      cancel = clock.after(timeoutMs, () => {
        reject(new WebxError('timeout', `the node did not answer "${method}" within ${timeoutMs} ms`))
      })
      socket.once('close', () => reject(new WebxError('unreachable', 'the node went away before it answered')))
      readLines(socket, (line) => {
        const answer = readAnswer(line)
        if (answer.error) reject(thrownByNode(answer.error))
        else if ('progress' in answer) onProgress?.(answer.progress)
        else resolve(answer.result)
      })
      socket.write(`${JSON.stringify({ id: 1, method, params })}\n`)
    })
  } finally {
    cancel()
    signal?.removeEventListener('abort', hangUp)
    socket.destroy()
  }
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly progress?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string }
}

function serve(socket: Socket, methods: Readonly<Record<string, ControlMethod>>, counters: Counters): void {
  const gone = new AbortController()
  let running = 0
  socket.once('close', () => gone.abort())
  socket.on('error', () => counters.count('control.broken'))
  const send = (answer: Answer): void => {
    if (!socket.destroyed) socket.write(lineOf(answer))
  }
  const run = async (line: string): Promise<void> => {
    let id = 0
    running++
    try {
      const request = readRequest(line)
      id = request.id
      if (running > LIMITS.controlRequestsPerClientMax) throw new WebxError('limit', 'too many requests at once')
      const method = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
      if (!method) throw new WebxError('bad-argument', `this node knows no method "${request.method}"`)
      counters.count('control.calls')
      const progress = (value: unknown): void => send({ id, progress: value })
      send({ id, result: (await method({ params: request.params, signal: gone.signal, progress })) ?? null })
    } catch (error) {
      const { code, message, hint } = asWebxError(error)
      counters.count(`control.refused.${code}`)
      send({ id, error: { code, message, hint } })
    } finally {
      running--
    }
  }
  readLines(socket, (line) => void run(line))
}

function readRequest(line: string): { id: number; method: string; params: unknown } {
  let request: { id?: unknown; method?: unknown; params?: unknown } | null
  try {
    request = JSON.parse(line)
  } catch (cause) {
    throw new WebxError('bad-shape', 'a request is one line of JSON', { cause })
  }
  const { id, method, params } = request ?? {}
  if (!Number.isSafeInteger(id) || typeof method !== 'string' || method.length > 64) {
    throw new WebxError('bad-shape', 'a request has a whole number as id and a method')
  }
  return { id: id as number, method, params: params ?? null }
}

function readAnswer(line: string): Answer {
  try {
    return JSON.parse(line) as Answer
  } catch {
    return { id: 0, error: { code: 'bad-shape', message: 'the node answered with something else than JSON', hint: '' } }
  }
}

/** An answer too long for a line becomes an error that says so. */
function lineOf(answer: Answer): string {
  const line = JSON.stringify(answer)
  if (line.length < LIMITS.controlLineBytesMax) return `${line}\n`
  const error = { code: 'too-long', message: `the answer has ${line.length} characters`, hint: '' }
  return `${JSON.stringify({ id: answer.id, error })}\n`
}

/** Calls back for each line; a longer one than allowed ends the connection. */
function readLines(socket: Socket, take: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    const longest = Math.max(rest.length, ...lines.map((line) => line.length))
    if (longest > LIMITS.controlLineBytesMax) {
      socket.destroy()
      return
    }
    for (const line of lines) if (line !== '') take(line)
  })
}

function thrownByNode(error: { code: string; message: string; hint: string }): WebxError {
  const code: Code = Object.hasOwn(CODES, error.code) ? (error.code as Code) : 'internal'
  return new WebxError(code, error.message, { hint: error.hint })
}

function dial(path: string, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const cancel = clock.after(LIMITS.controlConnectMsMax, () => {
      socket.destroy(new Error('no answer in time'))
    })
    socket.once('connect', () => {
      cancel()
      resolve(socket)
    })
    socket.on('error', (cause) => {
      cancel()
      reject(
        new WebxError('unreachable', `no node listens at ${path}`, {
          hint: 'Start one with webx run, and name the same data directory.',
          cause,
        }),
      )
    })
  })
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isSocket()) throw new WebxError('bad-config', `${path} is there and is no socket; it was left as it is`)
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
  if (isAlive) {
    throw new WebxError('bad-config', `another node answers at ${path}`, {
      hint: 'Stop it, or use a data directory of its own.',
    })
  }
  unlinkSync(path)
}

/** The socket's file is made in this very call, so that the mask holds for it and for nothing else. */
function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new WebxError('bad-config', `cannot listen at ${path}: ${cause.message}`, { cause }))
    })
    const mask = process.umask(0o177)
    try {
      server.listen(path, resolve)
    } finally {
      process.umask(mask)
    }
  })
}
