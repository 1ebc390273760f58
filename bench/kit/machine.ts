/** On what the figures were measured. */

import { arch, cpus, loadavg, release, totalmem, type } from 'node:os'

/** A machine, and how busy it was over the last minute. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly arch: string
  readonly os: string
  readonly memoryGiB: number
  readonly node: string
  readonly v8: string
  readonly load: number
}

/** This machine. */
export function machine(): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() || 'unknown',
    cores: processors.length,
    arch: arch(),
    os: `${type()} ${release()}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    v8: process.versions.v8,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}
