/** An Autobase whose writers are all indexers, each a process with a store on the disk, connected each with each over TCP. The first writes. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Answer, Told } from './commit-autobase-child.ts'
import type { Load, Sample } from './commit-load.ts'
import { Programs } from './programs.ts'

const CHILD = fileURLToPath(new URL('commit-autobase-child.ts', import.meta.url))

/** The running base. */
export interface AutobaseCluster {
  /** Drives the writer, in its own process. */
  drive(load: Omit<Load, 'write'>, spanMs: number): Promise<Sample>
  readonly programs: Programs
  close(): Promise<void>
}

/** Starts a base of so many indexers in a folder. Resolves when all of them are. */
export async function openAutobase(memberCount: number, directory: string): Promise<AutobaseCluster> {
  const programs = new Programs()
  try {
    const children = Array.from({ length: memberCount }, () =>
      programs.start(process.execPath, [CHILD], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    )
    const [first, ...others] = children as [ChildProcess, ...ChildProcess[]]
    const folder = (at: number): string => join(directory, `autobase-${at}`)
    const { key: bootstrap, port } = opened(await ask(first, { do: 'open', directory: folder(0), bootstrap: null }))
    const ports = [port]
    for (const [i, child] of others.entries()) {
      const its = opened(await ask(child, { do: 'open', directory: folder(i + 1), bootstrap }))
      for (const port of ports) await ask(child, { do: 'connect', port })
      ports.push(its.port)
      await ask(first, { do: 'admit', writer: its.writer })
      await ask(child, { do: 'joined' })
    }
    return {
      async drive({ lanes, valuesPerWrite }, spanMs) {
        const answer = await ask(first, { do: 'write', lanes, valuesPerWrite, spanMs })
        if (!('sample' in answer)) throw new Error('autobase gave no sample')
        return answer.sample
      },
      programs,
      close: () => programs.close(),
    }
  } catch (error) {
    await programs.close()
    throw error
  }
}

async function ask(child: ChildProcess, told: Told): Promise<Answer> {
  const answered = once(child, 'message')
  child.send(told)
  const [answer] = (await answered) as [Answer]
  if ('error' in answer) throw new Error(`autobase: ${answer.error}`)
  return answer
}

function opened(answer: Answer): Extract<Answer, { key: string }> {
  if (!('key' in answer)) throw new Error('autobase: did not open')
  return answer
}
