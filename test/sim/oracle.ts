/** What an oracle is: somebody outside the engines who watches the wire, the promises and the disks, and says when a promise of the protocol is broken. */

import type { Disk } from './disk.ts'
import type { Notice } from './machine.ts'
import type { Said } from './said.ts'

/** Who said or promised something. */
export interface Speaker {
  readonly seat: number
  readonly honest: boolean
  /** The home that it has joined beside its own, in hexadecimal: its person has another node there. */
  readonly joined?: string | null
}

/** A node as it stands after a turn, or at the end. */
export interface Survivor extends Speaker {
  readonly disk: Disk
  /** The home that it is of, in hexadecimal. */
  readonly home: string
}

/** Survivors by their homes. */
export function byHome<T extends Pick<Survivor, 'home'>>(survivors: readonly T[]): Map<string, T[]> {
  const homes = new Map<string, T[]>()
  for (const survivor of survivors) homes.set(survivor.home, [...(homes.get(survivor.home) ?? []), survivor])
  return homes
}

/** How a run ended. */
export interface Ending {
  /** Honest nodes that run and whose disks are whole. */
  readonly correct: readonly Survivor[]
  /** How many seats cannot be counted on: liars, and those whose disk is damaged. */
  readonly faulty: number
  /** How long it took from the end of all faults; null where the time ran out. */
  readonly healedMs: number | null
}

export interface Oracle {
  readonly name: string
  /** Somebody publishes something. */
  published?(by: Speaker, said: Said, bytes: Uint8Array): void
  /** An honest node tells its user something. */
  reported?(by: Speaker, notice: Notice): void
  /** A turn of an honest node has ended: all that it said and told is known. */
  turned?(node: Survivor): void
  /** A look at a disk that is whole. */
  inspected?(by: Speaker, disk: Disk): void
  ended?(ending: Ending): void
}

/** A broken promise. */
export interface Violation {
  readonly oracle: string
  readonly what: string
}

/** Takes down what oracles find; the first few are enough. */
export type Accuse = (oracle: Oracle, what: string) => void
