/**
 * One indexer of an Autobase in a process of its own. It does as its parent says, over the channel of `fork`, and answers each message with one.
 *
 * The store is on the disk (RocksDB, as Corestore sets it up). A value counts once the view that holds it is signed by a quorum of indexers.
 */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { drive, type Sample } from './commit-load.ts'

/** What a child is told, and what it answers. */
export type Told =
  | { readonly do: 'open'; readonly directory: string; readonly bootstrap: string | null }
  | { readonly do: 'connect'; readonly port: number }
  | { readonly do: 'admit'; readonly writer: string }
  | { readonly do: 'joined' }
  | { readonly do: 'write'; readonly lanes: number; readonly valuesPerWrite: number; readonly spanMs: number }
export type Answer =
  | { readonly key: string; readonly writer: string; readonly port: number }
  | { readonly sample: Sample }
  | { readonly ok: true }
  | { readonly error: string }

interface Core {
  readonly length: number
  readonly signedLength: number
  append(value: unknown): Promise<unknown>
}

interface Host {
  addWriter(key: Buffer, options: { indexer: boolean }): Promise<void>
}

interface Base {
  readonly key: Buffer
  readonly local: { readonly key: Buffer }
  readonly view: Core
  readonly isIndexer: boolean
  ready(): Promise<void>
  append(value: unknown): Promise<unknown>
  update(): Promise<void>
  replicate(isInitiator: boolean): NodeJS.ReadWriteStream
  on(event: 'update' | 'error', hear: (error: unknown) => void): void
}

interface Packages {
  Corestore: new (directory: string) => { ready(): Promise<void> }
  Autobase: new (store: unknown, bootstrap: Buffer | null, options: object) => Base
}

/** Autobase waits ten seconds before it acknowledges unless told otherwise. With less than this, indexers that are short of processor time never agree. */
const ACK_INTERVAL_MS = 100
/** It does not always tell when signatures have come. */
const LOOK_MS = 5
const VALUE_BYTES = 256
const SIGNED_MS_MAX = 120_000
const JOINED_MS_MAX = 300_000

let base: Base | null = null
const waiting: { readonly length: number; readonly done: () => void }[] = []

process.on('disconnect', () => process.exit())
process.on('message', (told: Told) => {
  answer(told).then(
    (said) => process.send?.(said satisfies Answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Answer),
  )
})

async function answer(told: Told): Promise<Answer> {
  if (told.do === 'open') return open(told.directory, told.bootstrap)
  if (!base) throw new Error('not open')
  switch (told.do) {
    case 'connect': {
      const socket = connect(told.port, '127.0.0.1')
      await once(socket, 'connect')
      replicate(base, socket, true)
      return { ok: true }
    }
    case 'admit':
      await base.append({ admit: told.writer })
      return { ok: true }
    case 'joined': {
      const endMs = Date.now() + JOINED_MS_MAX
      while (!base.isIndexer) {
        if (Date.now() > endMs) throw new Error('did not become an indexer')
        await base.update()
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return { ok: true }
    }
    case 'write': {
      const { lanes, valuesPerWrite, spanMs } = told
      return {
        sample: await drive({ lanes, valuesPerWrite, write: () => write(base as Base, valuesPerWrite) }, spanMs),
      }
    }
  }
}

async function open(directory: string, bootstrap: string | null): Promise<Answer> {
  const { Corestore, Autobase } = await packages()
  const store = new Corestore(directory)
  await store.ready()
  const opened = new Autobase(store, bootstrap === null ? null : Buffer.from(bootstrap, 'hex'), {
    valueEncoding: 'json',
    ackInterval: ACK_INTERVAL_MS,
    open: (views: { get(name: string): Core }) => views.get('view'),
    async apply(nodes: readonly { value: { admit?: string; value?: string } }[], view: Core, host: Host) {
      for (const { value } of nodes) {
        if (value.admit !== undefined) await host.addWriter(Buffer.from(value.admit, 'hex'), { indexer: true })
        else await view.append(Buffer.from(value.value ?? '', 'base64'))
      }
    },
  })
  await opened.ready()
  opened.on('error', (error) => process.stderr.write(`autobase: ${String(error)}\n`))
  opened.on('update', () => tellSigned(opened))
  setInterval(() => tellSigned(opened), LOOK_MS)
  base = opened
  const server = createServer((socket) => replicate(opened, socket, false)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { key: opened.key.toString('hex'), writer: opened.local.key.toString('hex'), port }
}

async function packages(): Promise<Packages> {
  const [store, autobase]: string[] = ['corestore', 'autobase']
  const { default: Corestore } = (await import(store as string)) as { default: Packages['Corestore'] }
  const { default: Autobase } = (await import(autobase as string)) as { default: Packages['Autobase'] }
  return { Corestore, Autobase }
}

function replicate(of: Base, socket: Socket, isInitiator: boolean): void {
  socket.setNoDelay(true)
  const stream = of.replicate(isInitiator)
  stream.on('error', () => {})
  socket.on('error', () => {})
  socket.pipe(stream).pipe(socket)
}

/** Appends values at once and resolves when the view is signed as far as them. */
async function write(to: Base, count: number): Promise<void> {
  const value = { value: Buffer.alloc(VALUE_BYTES, 7).toString('base64') }
  await to.append(Array.from({ length: count }, () => value))
  // one process appends values: what the view holds when this is appended is all that comes before the end of it
  const { length } = to.view
  await new Promise<void>((done, failed) => {
    const late = setTimeout(() => failed(new Error(`nothing was signed in ${SIGNED_MS_MAX} ms`)), SIGNED_MS_MAX)
    waiting.push({
      length,
      done() {
        clearTimeout(late)
        done()
      },
    })
    tellSigned(to)
  })
}

function tellSigned(to: Base): void {
  const { signedLength } = to.view
  for (let at = waiting.length - 1; at >= 0; at--) {
    const one = waiting[at]
    if (!one || one.length > signedLength) continue
    waiting.splice(at, 1)
    one.done()
  }
}
