/**
 * Drives one system that commits writes, as a client with so many writes under way at a time: whoever has one done begins the next.
 *
 * A system is asked for `lanes` writes at once; one write of a system that takes batches stands for many. What is under way when the time is up
 * is waited for and counts, over the longer time.
 */

import { performance } from 'node:perf_hooks'
import { median } from './measure.ts'

/** One way of committing. */
export interface Load {
  readonly lanes: number
  /** How many values one write commits. */
  readonly valuesPerWrite: number
  /** Writes once and resolves when the system says that it is committed. Calls of one lane follow each other. */
  write(lane: number): Promise<void>
}

/** What one span of time gave: of single writes, and values a second. */
export interface Sample {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly valuesPerSecond: number
}

/** Writes for at least so long. Rejects with what a write rejects with. */
export async function drive({ lanes, valuesPerWrite, write }: Load, spanMs: number): Promise<Sample> {
  const timesMs: number[] = []
  const startMs = performance.now()
  const endMs = startMs + spanMs
  const each = async (lane: number): Promise<void> => {
    for (let beganMs = performance.now(); beganMs < endMs; ) {
      await write(lane)
      const nowMs = performance.now()
      timesMs.push(nowMs - beganMs)
      beganMs = nowMs
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => each(lane)))
  return sampleOf(timesMs, valuesPerWrite, performance.now() - startMs)
}

/** The figures of writes that took so long each, and `elapsedMs` together. */
export function sampleOf(timesMs: readonly number[], valuesPerWrite: number, elapsedMs: number): Sample {
  const sorted = [...timesMs].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99), valuesPerSecond: (sorted.length * valuesPerWrite * 1000) / elapsedMs }
}

/** The medians of several samples. */
export function medianOf(samples: readonly Sample[]): Sample {
  return {
    p50Ms: median(samples.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
    valuesPerSecond: median(samples.map(({ valuesPerSecond }) => valuesPerSecond)),
  }
}
