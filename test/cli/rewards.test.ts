/** `webx rewards …`: a node whose epochs have turned lists and explains what seats earned, and a stranger checks a proof of it in another process. */

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { asWebxError } from '../../src/core/errors.ts'
import { type ControlServer, openControlSocket } from '../../src/drivers/control-socket.ts'
import { EpochHistory } from '../../src/epoch-history.ts'
import { readRewardProof, rewardProofFile, verifyRewardProof } from '../../src/epoch-reward-proof.ts'
import { type EpochRewards, RewardReplay, rewardTermsOf } from '../../src/epoch-rewards.ts'
import { anchorOf } from '../../src/epochs.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { rewardMethods } from '../../src/station-rewards.ts'
import { recordingIo } from '../kit/io.ts'
import { MemoryNet, type MemoryNode, vrfOf } from '../kit/node.ts'
import { makeNet, type Net } from '../kit/people.ts'
import { ROOT } from '../kit/source.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const PROOF = join(TEMP, 'mine.reward')
const GENESIS = join(TEMP, 'shop.genesis')
const test = suite('cli: rewards')
const net = new MemoryNet(4, netWithEpochs())
let members: MemoryNode[]
let server: ControlServer

function netWithEpochs(): Net {
  const made = makeNet(4)
  const { genesis, organization, members } = made
  const seats = genesis.seats.map((seat, i) => {
    const { person } = members[i] as Net['members'][number]
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), person).publicKey }
  })
  const policy = { seats: 4, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 2 }
  const body = genesisBody({ ...genesis, seats, policy })
  return { ...made, genesis: readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body)))) }
}

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const data = args[0] === 'verify' ? [] : ['--data', TEMP]
  const code = await net.during(runCommandLine(['rewards', ...args, ...data], io))
  return { code, out: io.out(), err: io.err() }
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(code, 0, out + err)
  return JSON.parse(out) as T
}

async function turnTo(epoch: number): Promise<void> {
  for (const { turning } of members.slice(2)) turning.wish()
  await net.until(() => members.every(({ agreed }) => agreed.committee.epoch === epoch))
}

/** The webx of somebody else: a process that was handed two files. */
function stranger(...args: string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'rewards', ...args], { cwd: TEMP })
  let out = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += chunk))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out })))
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return asWebxError(error).code
  }
  return 'nothing was thrown'
}

test.before(async () => {
  members = await net.members()
  const [first] = members as [MemoryNode]
  mkdirSync(TEMP, { recursive: true })
  writeFileSync(GENESIS, net.net.genesis.bytes)
  const path = join(TEMP, CONTROL_SOCKET)
  server = await openControlSocket({ path, methods: rewardMethods(first), counters: first.context.counters })
})
test.after(async () => {
  await server.close()
  await net.close()
})

test('before an epoch has ended nothing is listed, and nothing explained', async () => {
  assert.is((await webx('list')).out, 'No epoch has ended yet.\n')
  const { code, err } = await webx('explain')
  assert.is(code, 2)
  assert.match(err, 'bad-argument: no epoch has ended yet.')
})

interface Listed {
  readonly epochs: readonly {
    readonly epoch: number
    readonly blocks: number
    readonly points: number
    readonly pointsMax: number
    readonly own: number
    readonly evidence: string
    readonly root: string
    readonly seats?: readonly {
      readonly seat: number
      readonly attended: number
      readonly led: number
      readonly points: number
    }[]
  }[]
}

test('every seat’s points follow from its votes, shared by the organization that has too many seats', async () => {
  await turnTo(1)
  await turnTo(2)
  const { epochs } = await json<Listed>('list')
  assert.equal(
    epochs.map(({ epoch }) => epoch),
    [0, 1],
  )
  const [one] = (await json<Listed>('list', '--epoch', '1')).epochs
  const seats = one?.seats ?? []
  assert.is(seats.length, 4)
  // four founders of one organization that may earn what its two best seats do, in their first epochs: a tenth of it
  const work = seats.map(({ attended, led }) => attended + led)
  const best = [...work]
    .sort((a, b) => b - a)
    .slice(0, 2)
    .reduce((sum, each) => sum + each, 0)
  const all = work.reduce((sum, each) => sum + each, 0)
  assert.ok(all > best && best > 0, 'the seats did something')
  for (const [i, { points }] of seats.entries()) {
    assert.ok(Math.abs(points - ((work[i] as number) * best) / all / 10) < 1e-5, `${points} of seat ${i}`)
  }
  assert.match(
    (await webx('list', '--last', '1')).out,
    /^ {4}1 {2}\d+ blocks {2}[\d.]+ of \d+ points {2}this node [\d.]+ {2}paid 0 of 0 {2}root [0-9a-f]{16}\n$/,
  )
  assert.match(
    (await webx('list', '--epoch', '0')).out,
    /\n {8}0 {2}\S+ {2}voted for \d+, composed \d+: [\d.]+ points, 0\n/,
  )
  assert.is((await webx('list', '--epoch', '2')).code, 2)
  assert.is((await webx('list', '--last', '0')).code, 2)
})

test('what was taken off adds up, and the reason that nothing is paid is said', async () => {
  const [first] = members as [MemoryNode]
  const told = await json<{
    epoch: number
    points: { most: number; earned: number; steps: { cause: string; amount: number }[] }
    money: { budget: number; earned: number; grant: number }
    because: string[]
    evidence: string
  }>('explain', first.person.state.label.slice(0, 8))
  assert.equal([told.epoch, told.money.budget, told.money.earned, told.money.grant], [1, 0, 0, 0])
  const taken = told.points.steps.filter(({ cause }) => cause !== 'seat')
  assert.equal(
    taken.map(({ cause }) => cause).filter((cause) => cause !== 'absent'),
    ['organization', 'probation'],
  )
  const sum = taken.reduce((sum, { amount }) => sum + amount, 0)
  assert.ok(Math.abs(told.points.most - sum - told.points.earned) < 1e-5)
  const { out } = await webx('explain', '--epoch', '1')
  for (const sentence of told.because) assert.ok(out.includes(sentence))
  assert.match(out, 'A point is worth 0: the pool of the epoch is empty')
  assert.match(out, 'who was admitted less than 15 epochs ago earns 10 %; in full from epoch 15 on')
  assert.match(out, told.evidence)
  const [, listed] = (await json<Listed>('list')).epochs
  assert.equal([listed?.evidence, listed?.own], [told.evidence, told.points.earned])
  assert.is((await webx('explain', 'no such one')).code, 2)
})

test('a proof verifies in another process with the genesis only, and not once anything in it is another', async () => {
  const made = await webx('prove', 'me', '--epoch', '1', '--out', PROOF)
  assert.is(made.code, 0, made.err)
  assert.is((await webx('prove', '--out', PROOF)).code, 2, 'it overwrites nothing')
  const { code, out } = await stranger('verify', PROOF, '--net', GENESIS, '--json')
  assert.is(code, 0, out)
  const facts = JSON.parse(out) as Record<string, unknown>
  const [first] = members as [MemoryNode]
  const [, listed] = (await json<Listed>('list')).epochs
  assert.equal(
    [facts['id'], facts['epoch'], facts['seat'], facts['points'], facts['root'], facts['handOvers']],
    [toHex(first.person.id), 1, 0, listed?.own, listed?.root, 2],
  )
  const { genesis } = net.net
  const bytes = new Uint8Array(readFileSync(PROOF))
  const file = readRewardProof(bytes)
  const reason = (change: Partial<typeof file>): string =>
    codeOf(() => verifyRewardProof({ ...file, ...change }, genesis))
  assert.is(reason({}), 'nothing was thrown')
  const [epoch0, epoch1] = file.handOvers as [Uint8Array, Uint8Array]
  assert.is(reason({ handOvers: [epoch0] }), 'bad-proof', 'the line is of another epoch')
  assert.is(reason({ handOvers: [] }), 'bad-hand-over')
  assert.is(reason({ handOvers: [epoch1] }), 'wrong-epoch')
  assert.is(reason({ handOvers: [epoch0, epoch1, epoch1] }), 'wrong-epoch')
  assert.is(reason({ netId: new Uint8Array(32) }), 'wrong-net')
  const other = readRewardProof(proofOf(first, 1, 2))
  assert.is(reason({ proof: { ...file.proof, index: other.proof.index } }), 'bad-proof')
  assert.is(reason({ proof: { ...other.proof, line: file.proof.line } }), 'bad-proof')
  for (const at of [0, 1, 2, 3].map((i) => Math.floor(((i + 0.5) * bytes.length) / 4))) {
    const bent = bytes.slice()
    bent[at] = (bent[at] as number) ^ 1
    assert.is.not(
      codeOf(() => verifyRewardProof(readRewardProof(bent), genesis)),
      'nothing was thrown',
      `byte ${at}`,
    )
  }
  assert.is(
    codeOf(() => readRewardProof(encode([2, genesis.netId, [], []]))),
    'bad-version',
  )
  writeFileSync(join(TEMP, 'broken.reward'), bytes.subarray(0, 100))
  const broken = await webx('verify', 'broken.reward', '--net', GENESIS)
  assert.is(broken.code, 1)
  assert.match(broken.err, /^not-canonical: /)
})

/** The proof of a seat, made by hand. */
function proofOf({ store }: MemoryNode, epoch: number, seat: number): Uint8Array {
  const { genesis } = net.net
  const history = new EpochHistory(anchorOf(genesis), store)
  const replay = new RewardReplay(anchorOf(genesis), rewardTermsOf(genesis))
  let rewards: EpochRewards | null = null
  for (const at of history.verify())
    if (at <= epoch + 1) rewards = replay.next(history.opening(at) as EpochRewards['after'])
  const handOvers = [0, 1].map((each) => history.handOver(each) as Uint8Array)
  return rewardProofFile(genesis.netId, rewards as EpochRewards, seat, handOvers)
}

test.run()
