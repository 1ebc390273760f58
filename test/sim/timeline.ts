/** Virtual time: what happens when, and in which order; a run of hours takes as long as its events need. */

interface Entry {
  readonly atMs: number
  /** Ties are broken by who came first, so that nothing depends on how the heap is built. */
  readonly rank: number
  readonly run: () => void
}

export class Timeline {
  nowMs = 0
  /** How many events have happened. */
  events = 0
  readonly #heap: Entry[] = []
  #ranks = 0

  /** Has something happen at a time, which is now at the earliest. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap
    const entry = { atMs: Math.max(atMs, this.nowMs), rank: this.#ranks++, run }
    let hole = heap.length
    heap.push(entry)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = heap[parent] as Entry
      if (!isBefore(entry, above)) break
      heap[hole] = above
      hole = parent
    }
    heap[hole] = entry
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  /** Lets the next event happen, unless it lies behind `untilMs`; false where nothing is left to happen before that. */
  step(untilMs: number): boolean {
    const next = this.#heap[0]
    if (!next || next.atMs > untilMs) return false
    this.#removeFirst()
    this.nowMs = next.atMs
    this.events++
    next.run()
    return true
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    const length = heap.length
    if (length === 0) return
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, last)) break
      heap[hole] = heap[child] as Entry
      hole = child
    }
    heap[hole] = last
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.rank < b.rank)
}
