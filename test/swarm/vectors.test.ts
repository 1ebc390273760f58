/** The golden values of `test/vectors/swarm.json`, made again by the code and by a second opinion: @noble/hashes and cbor-x. */

import { readFileSync } from 'node:fs'
import { blake3 } from '@noble/hashes/blake3.js'
import { Encoder } from 'cbor-x'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { decodeGossip, encodeGossip, gossipId, summaryOf } from '../../src/swarm/gossip-message.ts'
import { neighborhoodId, positionOf } from '../../src/swarm/placement.ts'
import { CAPABILITY, drawOf } from '../../src/swarm/roles.ts'
import { rankOf } from '../../src/swarm/seating.ts'
import { Cddl, readCbor } from '../kit/cddl.ts'

interface Vectors {
  readonly id: string
  readonly seed: string
  readonly positions: readonly { readonly hour: number; readonly salt: string; readonly position: string }[]
  readonly neighborhoods: readonly { readonly net: string; readonly prefix: string; readonly nid: string }[]
  readonly rank: string
  readonly tickets: readonly {
    readonly role: 'master-node' | 'broker'
    readonly output: string
    readonly ticket: string
  }[]
  readonly gossip: readonly { readonly what: string; readonly bytes: string }[]
  readonly gossipId: { readonly bytes: string; readonly id: string }
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/swarm.json', import.meta.url), 'utf8')) as Vectors
const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
const id = fromHex(vectors.id)
const golden = suite('swarm/vectors')

function digest(context: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return blake3(concat(...parts), { context: fromText(context) })
}

golden('positions: before and after the hour of the node', () => {
  for (const { hour, salt, position } of vectors.positions) {
    const days: number[] = []
    const found = positionOf(id, hour, (day) => {
      days.push(day)
      return fromHex(salt)
    })
    assert.is(toHex(found), position)
    assert.is(toHex(digest('webx v1 position', fromHex(salt), id)), position)
    const ownHour = new DataView(id.buffer).getUint32(0) % 24
    assert.equal(days, [Math.floor((hour - ownHour) / 24)])
  }
})

golden('names of neighborhoods', () => {
  for (const { net, prefix, nid } of vectors.neighborhoods) {
    assert.is(toHex(neighborhoodId(fromHex(net), prefix)), nid)
    const said = new Uint8Array(cbor.encode([fromHex(net), prefix.replace(/0*$/, '')]))
    assert.is(toHex(digest('webx v1 neighborhood', said).slice(0, 16)), nid)
  }
})

golden('ranks and tickets', () => {
  assert.is(toHex(rankOf(fromHex(vectors.seed), id)), vectors.rank)
  assert.is(toHex(digest('webx v1 rank', fromHex(vectors.seed), id)), vectors.rank)
  const capabilities = CAPABILITY.broker | CAPABILITY.masterNode | CAPABILITY.natOpen
  vectors.tickets.forEach(({ role, output, ticket }, i) => {
    const [drawn] = drawOf(role, [{ id, capabilities, output: fromHex(output) }])
    assert.is(toHex(drawn?.ticket as Uint8Array), ticket)
    assert.is(toHex(digest('webx v1 draw', new Uint8Array(cbor.encode([i + 1, id, fromHex(output)])))), ticket)
  })
})

golden('gossip', () => {
  const cddl = new Cddl(readFileSync(new URL('../../src/PROTOCOL.md', import.meta.url), 'utf8'))
  for (const { what, bytes } of vectors.gossip) {
    const message = decodeGossip(fromHex(bytes))
    assert.is(message.kind, what)
    assert.is(toHex(encodeGossip(message)), bytes)
    assert.is(cddl.complaint('gossip', readCbor(fromHex(bytes))), '')
  }
  const { bytes, id: name } = vectors.gossipId
  assert.is(gossipId(fromHex(bytes)), name)
  assert.is(toHex(digest('webx v1 gossip', fromHex(bytes)).slice(0, 16)), name)
  const summary = summaryOf([name])
  assert.is(toHex(summary.digest), toHex(digest('webx v1 gossip summary', fromHex(name))))
})

golden.run()
