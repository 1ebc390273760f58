/**
 * Which neighborhood a node belongs to: a prefix tree over salted positions whose leaves always fill their 25 seats, and that hardly moves when nodes come and go.
 *
 * A leaf is named by its prefix, the bits of the way to it, and has a stretch of positions. One that would outgrow its roster of 67 is split in the middle, so that both halves
 * have at least 34. One that has fewer than 25 takes members from the edge of its sibling, up to 30, or becomes one with it when the two have fewer than 50
 * together. So every neighborhood of a net of at least 25 has 25 to 67 members, whatever the number of nodes.
 *
 * Were the borders fixed at the bits of the positions, a half would be as large as chance makes it: then there are leaves of 22 and of 87, and at some sizes of the net nearly
 * every leaf stands between being split and being merged. `test/swarm/placement.system.ts` measures both.
 *
 * The tree depends on its history, so it is something that the nodes agree on, like a roster; `update` makes the next one of the last one and the new set.
 */

import { assertBytes, compare, concat, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** A neighborhood has at least so many members, where the net has. */
export const MEMBERS_MIN = 25
/** A neighborhood never has more; both halves of one more are large enough to lose a few. */
export const MEMBERS_MAX = LIMITS.rosterMax
/** Up to how many a small neighborhood takes of a large one: so it need not ask again soon. */
const LEND_TO = 30
/** Members of a neighborhood in a net that begins. */
const MEMBERS_FIRST = 42

const NID_BYTES = 16
const HOURS = 24

/** A node and where it stands. */
export interface Member {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** 32 bytes. */
  readonly position: Uint8Array
}

/** A neighborhood. */
export interface Leaf {
  /** Bits of the way to it, such as `0110`; the whole net is ``. */
  readonly prefix: string
  /** Sorted by position. */
  readonly members: readonly Member[]
}

/** What a coming or going restructured. */
export interface Change {
  /** Split: `from` lost members to the new `to`. Merge: `from` is no more, its members are in `to`. Lend: `from` gave members at its edge to `to`. */
  readonly kind: 'split' | 'merge' | 'lend'
  readonly from: string
  readonly to: string
  /** How many nodes are of another neighborhood than before. */
  readonly moved: number
}

/**
 * Where a node stands: a digest under a salt that changes every day, so that nobody can make identities for one neighborhood. Each node moves at an hour
 * of its own, a twenty-fourth of them in every hour.
 *
 * @param hour hours since 1970, of finalized time
 * @param saltOf 32 bytes of a day, counted in days since 1970
 */
export function positionOf(id: Uint8Array, hour: number, saltOf: (day: number) => Uint8Array): Uint8Array {
  assertBytes('id', id, 32)
  const ownHour = new DataView(id.buffer, id.byteOffset).getUint32(0) % HOURS
  const salt = saltOf(Math.floor((hour - ownHour) / HOURS))
  assertBytes('salt', salt, 32)
  return blake3Of('webx v1 position', concat(salt, id))
}

/**
 * The 16-byte id of the neighborhood at a prefix.
 *
 * Zeros at the end do not count: when a neighborhood is split, its lower half goes on being it, with its objects, its committee and its name, and the upper half
 * is founded anew.
 */
export function neighborhoodId(netId: Uint8Array, prefix: string): Uint8Array {
  assertBytes('net id', netId, 32)
  const name = prefix.replace(/0+$/, '')
  return blake3Of('webx v1 neighborhood', encode([netId, name])).slice(0, NID_BYTES)
}

interface OwnLeaf {
  prefix: string
  members: Member[]
  /** The first position that belongs to it. */
  from: Uint8Array
}

/** The tree, in the order of its leaves. */
export class Placement {
  readonly #leaves: OwnLeaf[] = [{ prefix: '', members: [], from: new Uint8Array(32) }]
  readonly #members = new Map<string, Member>()

  /** The tree of a net that has had no other: neighborhoods of about 42. */
  static of(members: readonly Member[]): Placement {
    const placement = new Placement()
    for (const member of members) placement.#admit(member)
    const sorted = [...placement.#members.values()].sort((a, b) => compare(a.position, b.position))
    const count = Math.max(1, Math.round(sorted.length / MEMBERS_FIRST))
    placement.#leaves.splice(0, 1, ...cut(sorted, '', count))
    ;(placement.#leaves[0] as OwnLeaf).from = new Uint8Array(32)
    return placement
  }

  /** Neighborhoods from the lowest position to the highest. */
  get leaves(): readonly Leaf[] {
    return this.#leaves
  }

  /** The neighborhood of a member, or null for a stranger. */
  leafOf(id: Uint8Array): Leaf | null {
    const member = this.#members.get(toHex(id))
    return member === undefined ? null : this.leafAt(member.position)
  }

  /** The neighborhood that a position belongs to. */
  leafAt(position: Uint8Array): Leaf {
    return this.#leaves[this.#indexAt(position)] as OwnLeaf
  }

  /** A node comes. Throws `bad-argument` for one that is there. */
  join(member: Member): Change[] {
    this.#admit(member)
    const index = this.#indexAt(member.position)
    const { members } = this.#leaves[index] as OwnLeaf
    members.splice(rankIn(members, member.position), 0, member)
    return this.#split(index)
  }

  /** A node goes. Throws `bad-argument` for one that is not there. */
  leave(id: Uint8Array): Change[] {
    const member = this.#members.get(toHex(id))
    if (member === undefined) throw new WebxError('bad-argument', 'who leaves must be a member')
    this.#members.delete(toHex(id))
    const index = this.#indexAt(member.position)
    const { members } = this.#leaves[index] as OwnLeaf
    members.splice(rankIn(members, member.position), 1)
    return this.#fill(index)
  }

  /** Makes `next` the members: who is no more there, or stands elsewhere, goes; then the others come; both in the order of their positions. */
  update(next: readonly Member[]): Change[] {
    const wanted = new Map(next.map((member) => [toHex(member.id), member]))
    const isSame = (a: Member, b: Member | undefined) => b !== undefined && compare(a.position, b.position) === 0
    const byPosition = (a: Member, b: Member) => compare(a.position, b.position)
    const going = [...this.#members.values()].filter((member) => !isSame(member, wanted.get(toHex(member.id))))
    const changes = going.sort(byPosition).flatMap(({ id }) => this.leave(id))
    const coming = [...wanted].filter(([name]) => !this.#members.has(name)).map(([, member]) => member)
    return [...changes, ...coming.sort(byPosition).flatMap((member) => this.join(member))]
  }

  #admit(member: Member): void {
    assertBytes('position', member.position, 32)
    if (this.#members.has(toHex(member.id))) throw new WebxError('bad-argument', 'who joins must not be a member')
    this.#members.set(toHex(member.id), member)
  }

  /** Splits a leaf that has grown too large. */
  #split(index: number): Change[] {
    const { prefix, members, from } = this.#leaves[index] as OwnLeaf
    if (members.length <= MEMBERS_MAX) return []
    const [lower, upper] = cut(members, prefix, 2) as [OwnLeaf, OwnLeaf]
    this.#leaves.splice(index, 1, { ...lower, from }, upper)
    return [{ kind: 'split', from: lower.prefix, to: upper.prefix, moved: upper.members.length }]
  }

  /**
   * Gives a leaf that cannot fill its seats what it lacks, from the edge of its sibling, which is the next leaf on that side. Where that one cannot fill its
   * own any more, it turns to its sibling in turn, which lies deeper in the tree: so it ends, at the latest with two leaves that become one.
   */
  #fill(index: number): Change[] {
    const leaf = this.#leaves[index] as OwnLeaf
    const { prefix, members } = leaf
    if (members.length >= MEMBERS_MIN || prefix === '') return []
    const isLower = prefix.endsWith('0')
    const beside = isLower ? index + 1 : index - 1
    const lender = this.#leaves[beside] as OwnLeaf
    const together = members.length + lender.members.length
    if (lender.prefix.length === prefix.length && together < 2 * MEMBERS_MIN) {
      return this.#merge(isLower ? index : beside)
    }
    const spare = Math.min(LEND_TO - members.length, (lender.members.length - members.length) >> 1)
    const count = Math.max(MEMBERS_MIN - members.length, spare)
    if (isLower) {
      members.push(...lender.members.splice(0, count))
      lender.from = (lender.members[0] as Member).position
    } else {
      members.unshift(...lender.members.splice(-count))
      leaf.from = (members[0] as Member).position
    }
    return [{ kind: 'lend', from: lender.prefix, to: prefix, moved: count }, ...this.#fill(beside)]
  }

  /** Makes one leaf of two siblings, the lower of which has this index. */
  #merge(index: number): Change[] {
    const [lower, upper] = this.#leaves.slice(index, index + 2) as [OwnLeaf, OwnLeaf]
    const prefix = lower.prefix.slice(0, -1)
    const members = [...lower.members, ...upper.members]
    this.#leaves.splice(index, 2, { prefix, members, from: lower.from })
    return [{ kind: 'merge', from: upper.prefix, to: prefix, moved: upper.members.length }]
  }

  #indexAt(position: Uint8Array): number {
    let [low, high] = [0, this.#leaves.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (compare((this.#leaves[middle] as OwnLeaf).from, position) <= 0) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** So many leaves below a prefix, of the same size within one. */
function cut(members: readonly Member[], prefix: string, count: number): OwnLeaf[] {
  if (count === 1) return [{ prefix, members: [...members], from: members[0]?.position ?? new Uint8Array(32) }]
  const below = count >> 1
  const middle = Math.floor((members.length * below) / count)
  return [
    ...cut(members.slice(0, middle), `${prefix}0`, below),
    ...cut(members.slice(middle), `${prefix}1`, count - below),
  ]
}

/** How many members stand before a position. */
function rankIn(members: readonly Member[], position: Uint8Array): number {
  let [low, high] = [0, members.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare((members[middle] as Member).position, position) < 0) low = middle + 1
    else high = middle
  }
  return low
}
