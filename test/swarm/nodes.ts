/** Nodes for tests of the swarm: identities, positions and chance, the same for the same seed. */

import { createHash } from 'node:crypto'
import { type Member, positionOf } from '../../src/swarm/placement.ts'
import { uniform } from '../kit/vectors.ts'

const SALT = new Uint8Array(32).fill(5)

/** 32 bytes that are an identity for the tests. */
export function idOf(name: string | number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`node ${name}`).digest())
}

/** Whole numbers 0 ≤ x < n. */
export function dice(seed: number): (n: number) => number {
  const next = uniform(seed)
  return (n) => Math.floor(next() * n)
}

/** Where a node stands for a test that lets no day pass. */
export function memberOf(name: string | number): Member {
  const id = idOf(name)
  return { id, position: positionOf(id, 0, () => SALT) }
}
