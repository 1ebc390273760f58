/**
 * The public log as files (C2SP tlog-tiles): tiles of 256 hashes and bundles of 256 entries, under paths that anyone can fetch and cache.
 *
 * Pure encodings. A tile that is full never changes; the last one of each level is partial and its path tells its width.
 */

import { concat } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { HASH_BYTES } from './proof.ts'

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256

/** Where a tile stands. Level 0 holds leaf hashes; each hash of a level above is the root of a full tile below. */
export interface TilePlace {
  /** 0 … 63, or `entries` for a bundle of entries. */
  readonly level: number | 'entries'
  readonly index: number
  /** Hashes in it: 1 … 256. */
  readonly width: number
}

/** Width of a partial tile at the right edge of a level, 0 where there is none. */
export function edgeWidth(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH
}

/** The path of a tile, such as `tile/0/x001/x234/067.p/8`. Throws `bad-argument` for a place that no tile has. */
export function tilePath({ level, index, width }: TilePlace): string {
  const isLevel = level === 'entries' || (Number.isInteger(level) && level >= 0 && level <= LEVEL_MAX)
  const isIndex = Number.isSafeInteger(index) && index >= 0
  if (!isLevel || !isIndex || !Number.isInteger(width) || width < 1 || width > TILE_WIDTH) {
    throw new WebxError('bad-argument', `tile: no tile ${index} of width ${width} at level ${level}`)
  }
  let groups = String(index % 1000).padStart(3, '0')
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups = `x${String(rest % 1000).padStart(3, '0')}/${groups}`
  }
  return `tile/${level}/${groups}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

/** The place that a path names; null for every text that `tilePath` does not make. */
export function readTilePath(path: string): TilePlace | null {
  const match = PATH.exec(path)
  if (!match) return null
  const [, named = '', groups = '', partial] = match
  const place: TilePlace = {
    level: named === 'entries' ? named : Number(named),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  }
  const isTile = Number.isSafeInteger(place.index) && (place.level === 'entries' || place.level <= LEVEL_MAX)
  return isTile && place.width > 0 && place.width <= TILE_WIDTH && tilePath(place) === path ? place : null
}

/** The bytes of a tile: its hashes one after the other. */
export function encodeTile(hashes: readonly Uint8Array[]): Uint8Array {
  return concat(...hashes)
}

/** The hashes of a tile, as views. Throws `bad-shape` unless there are `width` of them. */
export function decodeTile(bytes: Uint8Array, width: number): Uint8Array[] {
  if (bytes.length !== width * HASH_BYTES) {
    throw new WebxError('bad-shape', `tile: ${bytes.length} bytes are not ${width} hashes`)
  }
  return Array.from({ length: width }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
}

/** The bytes of a bundle: entries, each behind its length in two bytes, big-endian. */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  return concat(...entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length), entry]))
}

/** The entries of a bundle, as views. Throws `bad-shape` unless there are exactly `width` of them, none too long. */
export function decodeEntries(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.length && entries.length < width) {
    const length = ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0)
    const entry = bytes.subarray(at + 2, at + 2 + length)
    if (at + 2 + length > bytes.length || length > LIMITS.logLeafBytesMax) break
    entries.push(entry)
    at += 2 + length
  }
  if (at !== bytes.length || entries.length !== width) {
    throw new WebxError('bad-shape', `entry bundle: is not ${width} entries`)
  }
  return entries
}

const LEVEL_MAX = 63
const PATH = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/
