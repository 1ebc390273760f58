/** A neighborhood of whole nodes is divided: each follows its home and votes at its post, after crashes in every moment of it too. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, fromText, toHex } from '../../src/core/bytes.ts'
import { TYPE } from '../../src/core/envelope.ts'
import type { Engine } from '../../src/engine.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { admit, offerSeat } from '../../src/net.ts'
import { type EpochPage, type SwarmStatus, swarmMethods } from '../../src/station-swarm.ts'
import type { MemoryStore } from '../kit/memory.ts'
import { keysOf, MemoryNet, type MemoryNode, randomReference, vrfOf } from '../kit/node.ts'
import { makeNet, makePair, makePerson, type Net, type Pair, type Person } from '../kit/people.ts'

const test = suite('nodes of a neighborhood that is divided')
const SEATS = 4

/** Four seats and no probation: divided as soon as there are eight. */
function dividing(): Net {
  const made = makeNet(SEATS)
  const { genesis, organization, members } = made
  const seats = genesis.seats.map((seat, i) => {
    const { person } = members[i] as Net['members'][number]
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), person).publicKey }
  })
  const policy = { seats: SEATS, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0, halfMin: SEATS }
  const body = genesisBody({ ...genesis, seats, policy })
  return { ...made, genesis: readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body)))) }
}

const net = new MemoryNet(SEATS, dividing())
let citizens: MemoryNode[]
let stem: Uint8Array
let sprout: Uint8Array
let organization: MemoryNode
let anna: MemoryNode

async function newcomer(person: Person): Promise<MemoryNode> {
  const epoch = makePair()
  epochs.set(toHex(person.id), epoch)
  const offer = await offerSeat(keysOf(person, epoch))
  const admission = await admit(offer, keysOf(net.net.organization), net.net.genesis.netId)
  return net.node(person, { admission, epoch })
}

/** What keys of epochs are made of, for one that is started again. */
const epochs = new Map<string, Pair>(net.net.members.map(({ person, epoch }) => [toHex(person.id), epoch]))
const epochOf = ({ person }: MemoryNode): Pair => epochs.get(toHex(person.id)) as Pair

const postOf = ({ posts }: MemoryNode): Engine => posts.post
const isIn =
  (nid: Uint8Array) =>
  (node: MemoryNode): boolean =>
    equal(postOf(node).anchor.nid, nid)
const epochIn = (node: MemoryNode): number => postOf(node).agreed.committee.epoch
const errors = (): string[] => net.nodes.flatMap(({ log }) => log.errors)

/** Two of those who vote in a neighborhood wish for the end of the epoch; resolves when all of them are in the next. */
async function turn(nodes: readonly MemoryNode[]): Promise<void> {
  const epoch = Math.max(...nodes.map((node) => postOf(node).agreed.committee.epoch)) + 1
  for (const node of nodes) postOf(node).turning.wish()
  await net.until(() => nodes.every((node) => postOf(node).agreed.committee.epoch >= epoch))
}

test('a neighborhood of eight becomes two of four, of which each member knows both', async () => {
  citizens = await net.members()
  stem = net.net.genesis.neighborhood
  organization = await net.node(net.net.organization)
  anna = await net.node(makePerson('device'))
  for (let i = 0; i < SEATS; i++) citizens.push(await newcomer(makePerson('device')))
  const [first] = citizens as [MemoryNode]
  await net.until(() => first.agreed.hood.term.state.membership.next(1).length === 2 * SEATS)
  // the first that is led into the sprout dies before its post has written anything
  let dead: { readonly node: MemoryNode; readonly disk: MemoryStore } | null = null
  for (const node of citizens)
    node.context.events.on('epoch', () => {
      if (!dead && !isIn(stem)(node)) dead = { node, disk: node.crash() }
    })
  const isDivided = ({ agreed }: MemoryNode): boolean => agreed.hood.term.opening.division !== undefined
  for (const node of citizens) node.turning.wish()
  await net.until(() => dead !== null && citizens.every((node) => node === dead?.node || isDivided(node)))
  const { node: victim, disk } = dead as unknown as { node: MemoryNode; disk: MemoryStore }
  const kept = [...disk.scan('hand-over')].length
  assert.is([...disk.scan(`${toHex(postOf(victim).anchor.nid)}-epoch-opening`)].length, 0)
  assert.ok(kept > 0)
  const back = await net.node(victim.person, { store: disk, epoch: epochOf(victim) })
  citizens = citizens.map((node) => (node === victim ? back : node))
  const away = citizens.filter((node) => !isIn(stem)(node))
  assert.is(away.length, SEATS)
  sprout = postOf(away[0] as MemoryNode).anchor.nid
  assert.ok(away.every(isIn(sprout)))
  assert.ok(
    citizens.every(({ agreed }) => equal(agreed.committee.nid, stem)),
    'all follow their home',
  )
  await net.until(() => citizens.every((node) => node.recovered() && postOf(node).agreed.voting))
  for (const { agreed } of away) assert.is(agreed.seat, null, 'none votes in two')
  // who votes nowhere hears of the sprout when the hand-over comes by, or asks for it
  await net.until(() => [...citizens, anna, organization].every(({ homes }) => homes.isHome(sprout)))
  assert.equal(errors(), [])
})

test('the secrets of the old epoch are erased, those of the new one are kept where the node votes', async () => {
  const epochsOf = ({ store }: MemoryNode) => [...store.scan('epoch-secret')].map(({ key }) => key.at(-1))
  await net.until(() => citizens.every((node) => epochsOf(node).every((each) => each === epochIn(node))))
  for (const node of citizens) assert.is(epochsOf(node).length, 1)
})

test('says where the node votes and where it is at home', async () => {
  const [away] = citizens.filter(isIn(sprout)) as [MemoryNode]
  const call = { params: {}, signal: new AbortController().signal, progress: () => undefined }
  const status = (await swarmMethods(away)['swarm']?.(call)) as SwarmStatus
  assert.equal([status.nid, status.home, status.own.isMember], [toHex(sprout), toHex(stem), true])
  assert.equal(
    status.others.map(({ nid }) => nid),
    [toHex(stem)],
  )
  const page = (await swarmMethods(anna)['epochs']?.(call)) as EpochPage | undefined
  assert.equal(
    page?.rows.every(({ verified }) => verified),
    true,
  )
})

test('who is there is said where one votes, and heard where one takes part', async () => {
  await net.until(() => citizens.every((node) => node.presence.seatsUp(postOf(node).agreed.committee) === SEATS))
  const [away] = citizens.filter(isIn(sprout)) as [MemoryNode]
  const { topics } = away.context
  const [there, here] = [sprout, stem].map((nid) => topics.at(nid).health(away.person.id)) as [string, string]
  const lastOn = (topic: string) => net.bus.published.findLast((message) => message.topic === topic)?.bytes.length
  assert.ok((lastOn(there) as number) > 0)
  assert.is(lastOn(here), 0, 'it has said that it is no longer there')
  assert.equal(
    [away, anna].map(({ link }) => [link.wants(there), link.wants(here)]),
    [
      [true, true],
      [false, true],
    ],
  )
})

test('both parts turn epochs of their own', async () => {
  const [staying, away] = [citizens.filter(isIn(stem)), citizens.filter(isIn(sprout))]
  const begun = epochIn(staying[0] as MemoryNode)
  await turn(away)
  assert.is(epochIn(staying[0] as MemoryNode), begun)
  await turn(staying)
  await net.until(() => away.every(({ agreed }) => agreed.committee.epoch === begun + 1))
  await net.until(() => anna.homes.epochOf(sprout) === begun + 1)
  assert.equal(errors(), [])
})

test('money goes out of a member’s account at home, into the one at its post, and back', async () => {
  const [ben] = citizens.filter(isIn(sprout)) as [MemoryNode]
  await net.fund(organization, ben, 1_000)
  await net.pay(ben, anna, 100)
  const { post } = ben.posts
  const asset = net.asset(ben).id
  await net.until(() => anna.wallet.balance(asset) === 100)
  const there = { reference: randomReference(), asset, amount: 70, to: post.wallet.account, home: sprout }
  await net.during(anna.wallet.pay(there, 60_000))
  await net.until(() => post.wallet.balance(asset) === 70)
  const back = { reference: randomReference(), asset, amount: 30, to: anna.wallet.account, home: stem }
  await net.during(post.wallet.pay(back, 60_000))
  await net.until(() => anna.wallet.balance(asset) === 60)
  assert.equal([ben.wallet.balance(asset), post.wallet.balance(asset)], [900, 40])
})

test('comes back with both parts, and votes', async () => {
  const [ben] = citizens.filter(isIn(sprout)) as [MemoryNode]
  const { epoch } = ben.posts.post.agreed.committee
  const disk = ben.crash()
  const back = await net.node(ben.person, { store: disk, epoch: epochOf(ben) })
  assert.equal(
    back.posts.way.map(({ anchor }) => toHex(anchor.nid)),
    [stem, sprout].map(toHex),
  )
  assert.is(postOf(back).agreed.committee.epoch, epoch)
  citizens = citizens.map((node) => (node === ben ? back : node))
  await net.until(() => back.recovered() && postOf(back).agreed.voting)
  assert.is(net.said(TYPE.evidence).length, 0)
  assert.equal(errors(), [])
})

test('who waits for a seat hears no votes and no ballots', async () => {
  const spare = await newcomer(makePerson('device'))
  const voting = citizens.find(isIn(stem)) as MemoryNode
  const { committee } = postOf(voting).agreed
  const heardBy = ({ link }: MemoryNode) =>
    ['vote', 'ballot', 'certificate', 'settlement', 'block', 'proof'].filter((kind) =>
      link.wants(voting.context.topics.committee(committee.cid, kind)),
    )
  await net.until(() => spare.agreed.committee.epoch === committee.epoch)
  assert.equal(heardBy(spare), ['settlement', 'block', 'proof'])
  assert.is(heardBy(voting).length, 6)
})

test('a sprout that has lost a member is joined by one of its stem, who votes in both and comes back to both', async () => {
  const [ben, leaver, sleeper, ...others] = citizens.filter(isIn(sprout)) as [
    MemoryNode,
    MemoryNode,
    MemoryNode,
    MemoryNode,
  ]
  const staying = [ben, sleeper, ...others]
  postOf(leaver).turning.leave()
  await net.until(() => staying.every((node) => postOf(node).agreed.hood.term.state.membership.hasChanged))
  await turn([...staying, leaver])
  const { loan, roster, epoch } = postOf(ben).agreed.hood.term.opening
  assert.equal([loan?.lent.length, roster.length, loan?.lender], [1, SEATS, stem])
  const isLent = ({ person }: MemoryNode): boolean => equal(person.id, loan?.lent[0] as Uint8Array)
  const guest = citizens.find(isLent) as MemoryNode
  assert.ok(isIn(stem)(guest))
  const there = ({ posts }: MemoryNode): Engine | undefined => posts.way.find(({ anchor }) => equal(anchor.nid, sprout))
  await net.until(() => there(guest)?.agreed.committee.epoch === epoch)
  await turn(staying)
  await net.until(() => there(guest)?.agreed.voting === true)
  assert.equal([there(guest)?.agreed.seat === null, guest.agreed.seat === null], [false, false])
  const saidIn = (nid: Uint8Array) => {
    const topic = guest.context.topics.at(nid).health(guest.person.id)
    return net.bus.published.findLast((each) => each.topic === topic)?.bytes.length ?? 0
  }
  assert.equal(
    [stem, sprout].map((nid) => saidIn(nid) > 0),
    [true, true],
    'it is here in both',
  )
  const back = await net.node(guest.person, { store: guest.crash(), hearsVotes: true, epoch: epochOf(guest) })
  assert.equal(
    back.posts.way.map(({ anchor }) => toHex(anchor.nid)),
    [stem, sprout].map(toHex),
  )
  await net.until(() => back.recovered() && back.agreed.voting && there(back)?.agreed.voting === true)
  // three of four are a quorum: without the one who sleeps, and with the one who was lent
  sleeper.crash()
  const asset = net.asset(ben).id
  const before = anna.wallet.balance(asset)
  const { post } = ben.posts
  await net.during(
    post.wallet.pay({ reference: randomReference(), asset, amount: 10, to: anna.wallet.account, home: stem }, 60_000),
  )
  await net.until(() => anna.wallet.balance(asset) === before + 10)
  assert.is(net.said(TYPE.evidence).length, 0)
  assert.equal(errors(), [])
})

test.after(() => net.close())
test.run()
