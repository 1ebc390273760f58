/** `webx swarm …` asked of nodes whose epochs turn: a newcomer applies, gets a seat, is drawn for its roles, and leaves. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { becauseOf } from '../../src/cli/swarm-explain.ts'
import { drawn } from '../../src/cli/swarm-matrix.ts'
import { readHandOver } from '../../src/consensus/epoch/handover.ts'
import { committeeOfOpening } from '../../src/consensus/epoch/opening.ts'
import { admissionBytes } from '../../src/consensus/epoch/transaction.ts'
import { batchKey, SPACE } from '../../src/consensus/records.ts'
import { equal, fromText, toHex } from '../../src/core/bytes.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { type ControlServer, openControlSocket } from '../../src/drivers/control-socket.ts'
import { hostClock, hostRandom } from '../../src/drivers/host.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { EpochHistory } from '../../src/epoch-history.ts'
import { anchorOf } from '../../src/epochs.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { admit, foundNet, offerSeat, readAdmission } from '../../src/net.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { announceRoles, type Cell, swarmMethods } from '../../src/station-swarm.ts'
import type { Explanation } from '../../src/station-swarm-explain.ts'
import { CAPABILITY } from '../../src/swarm/roles.ts'
import { recordingIo } from '../kit/io.ts'
import { keysOf, MemoryNet, type MemoryNode, vrfOf } from '../kit/node.ts'
import { makeNet, makePerson, type Net } from '../kit/people.ts'
import { tempForProcess } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const TEMP = tempForProcess()
const test = suite('cli: the swarm')
const net = new MemoryNet(4, netWithEpochs(4))
const servers: ControlServer[] = []
const told: string[] = []
let members: MemoryNode[]
let newcomer: MemoryNode

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The net of `makeNet`, founded with keys for epochs: 5 seats, no probation. */
function netWithEpochs(seatCount: number): Net {
  const made = makeNet(seatCount)
  const { genesis, organization, members } = made
  const seats = genesis.seats.map((seat, i) => {
    const { person } = members[i] as Net['members'][number]
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), person).publicKey }
  })
  const policy = { seats: 5, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
  const body = genesisBody({ ...genesis, seats, policy })
  return { ...made, genesis: readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body)))) }
}

async function open(node: MemoryNode, name: string): Promise<void> {
  mkdirSync(join(TEMP, name))
  const path = join(TEMP, name, CONTROL_SOCKET)
  servers.push(await openControlSocket({ path, methods: swarmMethods(node), counters: node.context.counters }))
}

async function webx(data: string, ...args: string[]): Promise<Said> {
  const io = recordingIo({ workingDirectory: TEMP })
  const run = runCommandLine(['swarm', ...args, '--data', join(TEMP, data)], io)
  const waits = args[0] === 'turn' || args[0] === 'leave'
  const code = await (waits ? net.during(run) : within(20_000, run))
  return { code, out: io.out(), err: io.err() }
}

async function json<T = Record<string, unknown>>(data: string, ...args: string[]): Promise<T> {
  const { code, out, err } = await webx(data, ...args, '--json')
  assert.is(err, '')
  assert.is(code, 0, out)
  return JSON.parse(out) as T
}

/** The last member and one more wish for the end of the epoch; resolves when it has turned everywhere. */
async function turnTo(epoch: number): Promise<void> {
  for (const { turning } of members.slice(2)) turning.wish()
  await net.until(() => net.nodes.every(({ agreed }) => agreed.committee.epoch === epoch))
}

function labelOf({ person }: MemoryNode): string {
  return person.state.label
}

test.before(async () => {
  members = await net.members()
  const [first] = members as [MemoryNode]
  announceRoles(first)
  first.context.events.on('roles', ({ epoch, masterNodes }) => told.push(`${epoch} ${masterNodes.map(toHex)}`))
  await open(first, 'first')
})
test.after(async () => {
  for (const server of servers) await server.close()
  await net.close()
})

test('shows the neighborhood of the genesis, and that nobody has drawn lots in it', async () => {
  const [first] = members as [MemoryNode]
  const status = await json<Record<string, unknown>>('first', 'status')
  assert.equal([status['epoch'], status['phase'], status['seats'], status['filled']], [0, 'open', 4, 4])
  assert.equal(status['own'], {
    id: toHex(first.person.id),
    label: labelOf(first),
    seat: 0,
    isMember: true,
    why: 'founder',
  })
  assert.equal(status['wishes'], { weight: 0, needed: 2, own: false })
  const { out } = await webx('first', 'status')
  assert.match(out, /^epoch +0, open; wire version 1$/m)
  assert.match(out, /^seats +4 of 4 filled, 4 up; 3 of weight 4 decide$/m)
  assert.match(out, /^own place +seat 0 \(founder\)/m)
  const { checked, masterNodes } = await json('first', 'roles')
  assert.equal([checked, masterNodes], [null, []])
  assert.match((await webx('first', 'roles')).out, 'nobody: no seat takes part in the draw')
  assert.equal((await json('first', 'epochs'))['epochs'], [])
})

test('one seat’s wish ends no epoch, those of more than may lie do', async () => {
  const wish = await webx('first', 'turn')
  assert.is(
    wish.out,
    'epoch 0: seats of weight 1 wish for its end, of 2 that it takes: one seat alone ends no epoch, more than may lie must wish for it\n',
  )
  assert.equal((await json('first', 'status'))['wishes'], { weight: 1, needed: 2, own: true })
  const person = makePerson('device')
  const keys = keysOf(person)
  const { organization, genesis } = net.net
  const given = await admit(await offerSeat(keys), keysOf(organization), genesis.netId)
  const capabilities = CAPABILITY.masterNode | CAPABILITY.broker | CAPABILITY.natOpen
  newcomer = await net.node(person, { hearsVotes: true, admission: { ...given, capabilities } })
  await open(newcomer, 'newcomer')
  const [first] = members as [MemoryNode]
  await net.until(() => first.agreed.hood.term.state.membership.next(1).length === 5)
  const admitted = await json<{ standing: string; because: string[] }>('first', 'explain', labelOf(newcomer))
  assert.is(admitted.standing, 'admitted')
  assert.match(admitted.because[0] as string, 'Enough seats answered for it')
  await turnTo(1)
})

test('a newcomer has its seat, and the reason is said', async () => {
  const mine = await json<Record<string, unknown>>('newcomer', 'explain')
  assert.equal([mine['standing'], mine['seat'], mine['why'], mine['since']], ['seat', 4, 'first-by-rank', 1])
  assert.equal(mine['capabilities'], ['broker', 'masterNode', 'natOpen'])
  assert.match((mine['because'] as string[])[0] as string, 'the lot of this epoch put it first in line')
  const [first] = members as [MemoryNode]
  const other = await webx('first', 'explain', labelOf(first).slice(0, 13))
  assert.match(other.out, /^place +seat 0 in epoch 1$/m)
  assert.match(other.out, 'who has one keeps it')
  assert.match(other.out, /^last epoch +voted for \d+ of \d+ blocks on record, composed \d+$/m)
  assert.equal((await json('first', 'roles'))['masterNodes'], [], 'who gave no share is not drawn')
  for (const who of ['abc', 'no such one']) assert.is((await webx('first', 'explain', who)).code, 2)
})

test('from its second epoch on the newcomer is drawn for what it can do, and every share is checked', async () => {
  await turnTo(2)
  const { person } = newcomer
  const roles = await json<Record<string, { id: string }[]> & { checked: unknown }>('first', 'roles')
  assert.equal(
    roles['masterNodes']?.map(({ id }) => id),
    [toHex(person.id)],
  )
  assert.equal(
    roles['brokers']?.map(({ id }) => id),
    [toHex(person.id)],
  )
  const shares = (await webx('first', 'roles')).out
  assert.match(shares, /^epoch 2 {2}seed [0-9a-f]{16} {2}[345] shares verified, and that the seed is made of them$/m)
  assert.match(shares, new RegExp(`1 {2}${labelOf(newcomer)} {2}drawn, leads`))
  assert.match(shares, '4 seats do not take part: they did not say that they can do it')
  assert.equal(told, ['1 ', `2 ${toHex(person.id)}`])
  const { out } = await webx('newcomer', 'matrix')
  assert.match(out, /^\| {2}0 .*\| {2}4\* MB +\|$/m)
  assert.match(out, `| ${labelOf(newcomer).slice(0, 8)} up `)
})

test('the last epochs are told, each checked from the genesis on', async () => {
  const { epochs } = await json<{ epochs: Record<string, unknown>[] }>('first', 'epochs')
  assert.equal(
    epochs.map(({ epoch, came, went, verified }) => [epoch, came, went, verified]),
    [
      [0, [labelOf(newcomer)], [], true],
      [1, [], [], true],
    ],
  )
  assert.ok(epochs.every(({ blocks }) => (blocks as number) > 3))
  const { out } = await webx('first', 'epochs', '--last', '1')
  assert.match(
    out,
    /^ {4}1 {2}\d+ blocks by 5 seats, \d+ % attended {2}same seats {2}state [0-9a-f]{16} {2}verified\n {4}2 {2}under way\n$/,
  )
  assert.is((await webx('first', 'epochs', '--last', '0')).code, 2)
})

test('a hand-over that was tampered with is found, and one that is lacking leaves the rest unverified', () => {
  const { store } = members[1] as MemoryNode
  const anchor = anchorOf(net.net.genesis)
  const historyWith = (first: Uint8Array | null): EpochHistory => {
    const get = (space: string, key: Uint8Array): Uint8Array | null => {
      return equal(key, batchKey(0)) ? first : store.get(space, key)
    }
    return new EpochHistory(anchorOf(net.net.genesis), { get })
  }
  const handOver = store.get(SPACE.handOver, batchKey(0)) as Uint8Array
  assert.equal([...historyWith(handOver).verify()], [1, 2])
  const { checks } = readHandOver(decodeEnvelope(handOver), committeeOfOpening(anchor))
  for (const { signature } of checks) {
    const forged = Buffer.from(handOver)
    const at = forged.indexOf(signature)
    assert.ok(at > 0)
    forged.writeUInt8((forged[at] as number) ^ 1, at)
    assert.throws(
      () => [...historyWith(new Uint8Array(forged)).verify()],
      (error: { code: string }) => error.code === 'bad-hand-over',
    )
  }
  const gap = historyWith(null)
  assert.equal([...gap.verify()], [])
  assert.is(gap.verifiedTo, 0)
  assert.is(gap.passed(0), null)
  assert.equal([gap.passed(1)?.before, gap.passed(1)?.opening.epoch], [null, 2])
})

test('who leaves is done when the epoch has ended, and does not apply again', async () => {
  const left = webx('newcomer', 'leave')
  await net.until(() => members[0]?.agreed.hood.term.state.membership.next(3).length === 4)
  assert.match((await webx('first', 'explain', labelOf(newcomer))).out, 'It leaves with this epoch.')
  await turnTo(3)
  const { code, out, err } = await left
  assert.is(code, 0, err)
  assert.is(out, 'left: in epoch 3 this node has no place. Started with an admission it applies again.\n')
  const stranger = await json<Record<string, unknown>>('newcomer', 'explain', 'me')
  assert.equal([stranger['standing'], stranger['why']], ['stranger', null])
  await net.pass(1_000)
  assert.is(members[0]?.agreed.hood.term.state.membership.next(4).length, 4)
  const again = await webx('newcomer', 'leave')
  assert.is(again.code, 3)
  assert.match(again.err, 'not-allowed: this node has no place in the neighborhood')
  assert.is((await webx('newcomer', 'turn')).code, 3)
  assert.match((await webx('first', 'matrix')).out, 'vacant')
})

const drawing = suite('cli: the matrix as drawn')

const cell = (seat: number, rest: Partial<Cell> = {}): Cell => {
  const label = String(seat).padStart(8, '0')
  return { id: label, label: `${label}-0000`, seat, own: false, up: true, ready: true, roles: [], ...rest }
}

drawing('fits 80 columns, with fewer rows and columns where there are fewer seats', () => {
  const plain = (_: string, text: string): string => text
  const cells = [
    cell(0, { own: true, roles: ['master-node', 'operator'] }),
    null,
    cell(2, { up: false }),
    cell(3, { ready: false }),
  ]
  assert.equal(drawn(cells, plain), [
    '+--------------+--------------+--------------+--------------+',
    '|  0* MO       |  1           |  2           |  3           |',
    '| 00000000 up  | vacant       | 00000002 down| 00000003 mute|',
    '+--------------+--------------+--------------+--------------+',
  ])
  const whole = drawn(
    Array.from({ length: 25 }, (_, seat) => cell(seat)),
    plain,
  )
  assert.is(whole.length, 16)
  assert.ok(whole.every((line) => line.length === 76))
  const short = drawn(
    Array.from({ length: 7 }, (_, seat) => cell(seat)),
    plain,
  )
  assert.is(short.length, 7)
  assert.is(short[4], `|  5           |  6           |${`${' '.repeat(14)}|`.repeat(3)}`)
  const painted = drawn([cell(0)], (color, text) => `<${color}>${text}`)
  assert.is(painted[2], '|<green> 00000000 up  |')
})

const explaining = suite('cli: places in words')

const SPARE: Explanation = {
  ...{
    id: 'ab'.repeat(32),
    label: 'abababab-0000',
    epoch: 7,
    phase: 'open',
    standing: 'spare',
    seat: null,
    ready: false,
  },
  ...{ why: 'no-hole', line: 2, spares: 3, since: 5, seatableFrom: 5, capabilities: [], roles: [], attendance: null },
  tree: { label: 'cdcdcdcd-0000', seats: 5, max: 5 },
  organization: { label: 'efefefef-0000', seats: 5, max: 5 },
  ...{ up: null, accused: false, convicted: false, going: false, vouchers: null, next: null },
}

explaining('a spare learns what would have to happen for it to get a seat', () => {
  const lot = 'a seat must be vacant, and the lot of that epoch must put it first among 3 spares.'
  const said: [Partial<Explanation>, string[]][] = [
    [{}, ['No seat was vacant when its turn came.', `To get a seat in the next epoch, ${lot}`]],
    [
      { why: 'probation', seatableFrom: 9 },
      [
        'It was admitted in epoch 5 and is on probation: it may have a seat from epoch 9 on.',
        `To get a seat in epoch 9 or later, ${lot}`,
      ],
    ],
    [
      { why: 'tree-full' },
      [
        'Its voucher tree has all 5 seats that it may have.',
        `To get a seat, one of the tree of cdcdcdcd must leave, ${lot}`,
      ],
    ],
    [
      { why: 'organization-full' },
      ['Its organization has all 5 seats that it may have.', `To get a seat, one of efefefef must leave, ${lot}`],
    ],
    [
      { accused: true },
      [
        'No seat was vacant when its turn came.',
        'Somebody says that it does not answer; it stays unless more do, or it answers.',
        `To get a seat in the next epoch, ${lot}`,
      ],
    ],
    [
      { why: 'not-ready', next: { seat: 4 } },
      ['It was to have a seat and did not get ready for it in time.', 'The next epoch is planned, and it has seat 4.'],
    ],
    [
      { standing: 'seat', why: 'incumbent', seat: 3, convicted: true, going: true },
      [
        'It had this seat in the epoch before, and who has one keeps it.',
        'It did not say in time with which key it votes, and has no vote in this epoch.',
        'It was convicted of signing what the rules forbid, and leaves with this epoch.',
      ],
    ],
    [
      { standing: 'applicant', why: null, vouchers: { given: 1, needed: 2 } },
      [
        'It applies for a place: 1 of 2 seats that it takes answer for it.',
        'Then it is a spare from the next epoch on, and waits for a seat.',
      ],
    ],
    [
      { standing: 'stranger', why: null },
      [
        'It does not belong to this neighborhood and does not apply for a place here.',
        'To get a place, it runs with an admission of the organization: webx net admit, then webx run --admission.',
      ],
    ],
  ]
  for (const [facts, because] of said) assert.equal(becauseOf({ ...SPARE, ...facts }), because)
})

const admitting = suite('cli: net admit')

admitting('the organization’s signature under an offer, with what the device can do', async () => {
  const at = (name: string): string => join(TEMP, name)
  const [shop, other] = [
    await createKeyFile(at('shop.keys'), 'organization'),
    await createKeyFile(at('other.keys'), 'organization'),
  ]
  const device = await createKeyFile(at('device.keys'), 'device')
  const terms = { name: 'shop', seats: [await offerSeat(device)], terminals: [], assets: [] }
  const genesis = await foundNet(terms, shop, { clock: hostClock(), random: hostRandom() })
  writeFileSync(at('shop.genesis'), genesis.bytes)
  const offer = await offerSeat(other)
  const run = async (...args: string[]): Promise<Said> => {
    const io = recordingIo({ workingDirectory: TEMP })
    return { code: await runCommandLine(['net', 'admit', 'shop.genesis', ...args], io), out: io.out(), err: io.err() }
  }
  const made = await run('--keys', 'shop.keys', '--offer', offer, '--can', 'masterNode,relay')
  assert.is(made.err, '')
  const { organization, signature, capabilities } = readAdmission(made.out)
  assert.equal(organization, shop.id)
  assert.is(capabilities, CAPABILITY.masterNode | CAPABILITY.relay)
  assert.ok(verifySignature(shop.publicKey, admissionBytes(genesis.netId, other.id, other.vrf.publicKey), signature))
  const { admission } = JSON.parse((await run('--keys', 'shop.keys', '--offer', offer, '--json')).out) as {
    admission: string
  }
  assert.equal(readAdmission(admission), { organization, signature, capabilities: 0 })
  const refused: [string[], number, string][] = [
    [['--keys', 'shop.keys'], 2, 'usage: webx net admit needs --offer. See webx net admit --help.'],
    [
      ['--keys', 'other.keys', '--offer', offer],
      3,
      'not-allowed: these are not the keys by which shop knows its organization.',
    ],
    [['--keys', 'shop.keys', '--offer', 'AAAA'], 2, 'bad-argument: a seat offer cannot be read.'],
    [
      ['--keys', 'shop.keys', '--offer', offer, '--can', 'borker'],
      2,
      'bad-argument: a device cannot be "borker" to others. Did you mean broker?',
    ],
  ]
  for (const [args, code, message] of refused) {
    const said = await run(...args)
    assert.is(said.code, code, said.err)
    assert.ok(said.err.startsWith(message), said.err)
  }
  const io = recordingIo()
  await runCommandLine(['run', '--print-config', '--json', '--admission', admission], io)
  const { settings } = JSON.parse(io.out()) as { settings: Record<string, unknown> }
  assert.equal(settings['net.admission'], { value: admission, source: 'flag' })
})

test.run()
drawing.run()
explaining.run()
admitting.run()
