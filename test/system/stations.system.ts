/**
 * Stations as people run them: processes of `webx run` on a Mosquitto with passwords, asked by the commands of their owners, from the first key file to a receipt.
 *
 * Needs mosquitto; the model and the sample photographs are taken from the machine's cache, or fetched once.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import sharp from 'sharp'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readImage } from '../../src/drivers/camera-still.ts'
import { openFaceModel } from '../../src/drivers/face-model.ts'
import { castOf } from '../../src/drivers/sample-cast.ts'
import { type Person, samplePeople } from '../../src/drivers/sample-people.ts'
import type { Image } from '../../src/face/image.ts'
import { defaultModel, sampleScenes } from '../kit/photos.ts'
import { ROOT } from '../kit/source.ts'
import { tempForProcess } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'

const stations = suite('system: stations')
const TEMP = tempForProcess()
const PATH = `${process.env['PATH']}:/usr/sbin`
const PASSWORD = 'p@ss word'
const MEMBERS = ['m1', 'm2', 'm3', 'm4']
const EVERYONE = ['shop', ...MEMBERS, 'till', 'phone']
const COMMAND_MS_MAX = 60_000

type Json = Readonly<Record<string, unknown>>

/** A running `webx run --json`. */
interface Station {
  readonly child: ChildProcess
  readonly events: Json[]
  readonly ended: Promise<number | null>
  said: string
}

const children: ChildProcess[] = []
const running = new Map<string, Station>()
const identities = new Map<string, Json>()
let brokerUrl = ''

stations.before(async () => {
  brokerUrl = await startMosquitto()
  await photograph()
})

stations.after(() => {
  for (const child of children) child.kill('SIGKILL')
})

stations('identities are made and a net of four seats is founded', async () => {
  await Promise.all(
    EVERYONE.map(async (name) => {
      mkdirSync(at(name), { mode: 0o700 })
      const kind = name === 'shop' ? 'organization' : name === 'phone' ? 'human' : 'device'
      identities.set(name, await json('id', 'create', at(name, 'node.key'), '--kind', kind))
    }),
  )
  writeFileSync(at('seats.txt'), MEMBERS.map((name) => `${identityOf(name)['seat']}\n`).join(''))
  writeFileSync(at('tills.txt'), `${identityOf('till')['inception']}\n`)
  const terms = ['--seats', at('seats.txt'), '--terminals', at('tills.txt'), '--assets', 'EUR:2:100000000']
  const founded = await json(
    'net',
    'found',
    at('shop.genesis'),
    '--keys',
    at('shop', 'node.key'),
    '--name',
    'shop',
    ...terms,
  )
  assert.equal(founded['terminals'], [identityOf('till')['label']])
  writeFileSync(
    at('till.toml'),
    `roles = ["terminal"]\n[camera]\nkind = "still"\nfiles = [${JSON.stringify(at('camera.png'))}]\n[terminal]\ncheckin = "both"\n`,
  )
  writeFileSync(at('shop.toml'), 'roles = ["device"]\n[payments]\nconfirm = "never"\n')
  writeFileSync(at('phone.toml'), 'roles = ["device"]\n[payments]\nfloorLimit = 2500\nconfirm = "never"\n')
})

stations('everybody connects through Mosquitto, and the members vote', async () => {
  for (const name of EVERYONE) start(name)
  await Promise.all(EVERYONE.map((name) => heard(name, ({ event }) => event === 'connected')))
  await Promise.all(MEMBERS.map((name) => heard(name, ({ event, voting }) => event === 'voting' && voting === true)))
  await holds('till', (till) => till['seatsUp'] === 4)
  const till = await json('status', '--data', at('till'))
  assert.equal([till['link'], till['quorum'], till['voting']], ['up', 3, false])
})

stations('money is issued to a shopper, and by nobody but its issuer', async () => {
  const { account } = await json('wallet', 'show', '--data', at('phone'))
  const issued = await json('wallet', 'issue', '50.00', 'EUR', String(account), '--data', at('shop'))
  assert.equal([issued['grade'], issued['to']], ['SETTLED', account])
  await holds('phone', (phone) => balance(phone) === '50.00')
  await refused(3, 'not-allowed', 'wallet', 'issue', '50.00', 'EUR', String(account), '--data', at('till'))
  await refused(3, 'over-cap', 'wallet', 'issue', '1000000.00', 'EUR', String(account), '--data', at('shop'))
})

stations('a shopper enrols, checks in, and pays by face; the receipt is verified offline', async () => {
  const { label } = identityOf('till')
  await refused(2, 'bad-argument', 'device', 'checkin', String(label), '--data', at('phone'))
  const photos = [at('enrol-0.png'), at('enrol-1.png')]
  assert.is((await json('device', 'enrol', ...photos, '--data', at('phone')))['templates'], 2)
  await refused(3, 'not-allowed', 'device', 'checkin', 'nowhere', '--data', at('phone'))
  assert.is((await json('device', 'checkin', String(label), '--data', at('phone')))['id'], identityOf('till')['id'])
  await holds('till', (till) => till['checkins'] === 1)
  const paid = await json('pay', '4.20', 'EUR', '--out', at('receipt.cose'), '--data', at('till'))
  assert.equal([paid['grade'], paid['amount'], paid['asset']], ['SETTLED', '4.20', 'EUR'])
  assert.ok(Number(paid['confirms']) >= 3, String(paid['confirms']))
  const receipt = await json('receipt', 'verify', at('receipt.cose'), '--net', at('shop.genesis'))
  assert.equal([receipt['payer'], receipt['payee'], receipt['amount']], [identityOf('phone')['label'], label, '4.20'])
  assert.is(receipt['reference'], paid['reference'])
  await holds('till', (till) => balance(till) === '4.20')
  await holds('phone', (phone) => balance(phone) === '45.80')
})

stations('a stranger has no claim, and the shopper can read who looked', async () => {
  show('stranger.png')
  await refused(3, 'no-claim', 'pay', '4.20', 'EUR', '--data', at('till'))
  const { total, probes } = await json('device', 'probes', '--data', at('phone'))
  const outcomes = (probes as Json[]).map(({ terminal, outcome }) => [terminal, outcome])
  const { label } = identityOf('till')
  assert.equal([total, ...outcomes], [2, [label, 'selected'], [label, 'unknown']])
})

stations('an enrolled shopper comes in as one of two, and pays by face under no name until then', async () => {
  show('till.png')
  const { label } = identityOf('till')
  const enter = ['device', 'checkin', String(label), '--anonymous', '--data', at('phone')]
  await refused(3, 'not-enrolled', ...enter)
  for (const name of ['phone', 'shop']) {
    const { text } = await json('device', 'proof-key', '--data', at(name))
    await json('till', 'enrol', String(text), '--note', name, '--data', at('till'))
  }
  assert.is((await json('till', 'enrolled', '--data', at('till')))['total'], 2)
  await json('device', 'checkout', '--data', at('phone'))
  await holds('till', (till) => till['checkins'] === 0)
  assert.is((await json(...enter))['among'], 2)
  await holds('till', (till) => till['checkins'] === 1)
  const paid = await json('pay', '1.00', 'EUR', '--data', at('till'))
  assert.is(paid['grade'], 'SETTLED')
  assert.is.not(paid['shopper'], identityOf('phone')['label'], 'the till was answered by a guest')
  await holds('phone', (phone) => balance(phone) === '44.80')
})

stations('one seat of four may die, a second one stops payments and loses none', async () => {
  show('till.png')
  await kill('m4')
  const paid = await json('pay', '1.00', 'EUR', '--data', at('till'))
  assert.equal([paid['grade'], paid['locks'], paid['confirms']], ['SETTLED', 3, 3])
  await kill('m3')
  const waiting = await webx('pay', '2.00', 'EUR', '--json', '--data', at('till'))
  assert.is(waiting.code, 4, waiting.err)
  assert.match(waiting.err, /^(no-quorum|not-settled): /)
  start('m3')
  await holds('till', (till) => balance(till) === '8.20')
  await holds('phone', (phone) => balance(phone) === '41.80')
})

stations('whoever checked out is asked no more, and stations stop when told to', async () => {
  await json('device', 'checkout', '--data', at('phone'))
  await holds('till', (till) => till['checkins'] === 0)
  await refused(3, 'no-claim', 'pay', '1.00', 'EUR', '--data', at('till'))
  for (const { child } of running.values()) child.kill('SIGTERM')
  for (const [name, station] of running) {
    assert.is(await within(10_000, station.ended, name), 0, `${name}: ${station.said}`)
    assert.equal(station.events.at(-1), { event: 'stopped' })
  }
  await refused(4, 'unreachable', 'status', '--data', at('till'))
})

function at(...names: string[]): string {
  return join(TEMP, ...names)
}

function identityOf(name: string): Json {
  return identities.get(name) as Json
}

function balance(status: Json): unknown {
  return (status['balances'] as Json)['EUR']
}

/** What the till's camera sees from now on. */
function show(photo: string): void {
  copyFileSync(at(photo), at('camera.new'))
  renameSync(at('camera.new'), at('camera.png'))
}

function start(name: string): void {
  const profile = MEMBERS.includes(name) ? [] : ['--profile', at(`${name}.toml`)]
  const args = ['run', ...profile, '--net', at('shop.genesis'), '--data', at(name), '--broker', brokerUrl, '--json']
  const child = spawnWebx(args)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const station: Station = { child, events: [], ended, said: '' }
  let rest = ''
  child.stdout?.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() as string
    for (const line of lines) station.events.push(JSON.parse(line) as Json)
  })
  child.stderr?.on('data', (chunk) => {
    station.said = `${station.said}${chunk}`.slice(-4_096)
  })
  running.set(name, station)
}

async function kill(name: string): Promise<void> {
  const { child, ended } = running.get(name) as Station
  running.delete(name)
  child.kill('SIGKILL')
  await within(5_000, ended)
}

/** Waits for an event of a station; what it said last is in the failure. */
async function heard(name: string, wanted: (event: Json) => boolean): Promise<void> {
  const station = running.get(name) as Station
  const gone = station.ended.then((code) => Promise.reject(new Error(`${name} ended with ${code}: ${station.said}`)))
  gone.catch(() => undefined)
  await Promise.race([gone, until(30_000, () => station.events.some(wanted), `${name} ${station.said}`)])
}

/** Asks a station for its status until it is as wanted. */
async function holds(name: string, wanted: (status: Json) => boolean): Promise<void> {
  const endMs = performance.now() + 30_000
  let status: Json = {}
  do {
    status = await json('status', '--data', at(name))
    if (wanted(status)) return
  } while (performance.now() < endMs)
  throw new Error(`${name} stays ${JSON.stringify(status)}`)
}

/** Runs a command that must be done, and answers its line of JSON. */
async function json(...args: string[]): Promise<Json> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(code, 0, `webx ${args.join(' ')}: ${err}`)
  return JSON.parse(out) as Json
}

/** Runs a command that must end so. */
async function refused(exit: number, code: string, ...args: string[]): Promise<void> {
  const said = await webx(...args)
  assert.ok(said.err.startsWith(`${code}: `), `webx ${args.join(' ')}: ${said.out}${said.err}`)
  assert.is(said.code, exit)
}

async function webx(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawnWebx(args)
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const code = await within(COMMAND_MS_MAX, ended, `webx ${args.join(' ')}`)
  children.splice(children.indexOf(child), 1)
  return { code, out, err }
}

function spawnWebx(args: readonly string[]): ChildProcess {
  const env = { PATH, HOME: process.env['HOME'], XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] }
  const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], { cwd: TEMP, env })
  children.push(child)
  return child
}

/** A Mosquitto with one user who may use the topics of webx, and nothing else. */
async function startMosquitto(): Promise<string> {
  const port = await freePort()
  const [passwords, rights, configuration] = [at('passwd'), at('acl'), at('mosquitto.conf')]
  execFileSync('mosquitto_passwd', ['-b', '-c', passwords, 'webx', PASSWORD], { env: { PATH } })
  writeFileSync(rights, 'user webx\ntopic readwrite webx/#\n', { mode: 0o600 })
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous false',
    `password_file ${passwords}`,
    `acl_file ${rights}`,
  ]
  writeFileSync(
    configuration,
    `${[...lines, 'set_tcp_nodelay true', `user ${process.env['USER'] ?? 'root'}`].join('\n')}\n`,
  )
  for (const file of [passwords, rights]) chmodSync(file, 0o700)
  const child = spawn('mosquitto', ['-c', configuration], { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH } })
  children.push(child)
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}: ${said}`)))
  })
  failed.catch(() => undefined)
  await Promise.race([failed, until(5_000, () => /running/.test(said), 'mosquitto')])
  return `mqtt://webx:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Files of one shopper's photographs for the device and the till, and of a stranger's. */
async function photograph(): Promise<void> {
  const model = await openFaceModel({ manifest: await defaultModel() })
  try {
    const people = await samplePeople(model, await sampleScenes(), readImage)
    const { shoppers, strangers } = await castOf(model, people, { shoppers: 1, strangers: 1 })
    const [shopper, stranger] = [shoppers[0]?.person, strangers[0]?.person] as [Person, Person]
    for (const [i, image] of shopper.enroll.slice(0, 2).entries()) await save(`enrol-${i}.png`, image)
    await save('till.png', shopper.till[1])
    await save('stranger.png', stranger.till[1])
    show('till.png')
  } finally {
    await model.close()
  }
}

async function save(name: string, image: Image | undefined): Promise<void> {
  if (!image) throw new Error(`there is no picture for ${name}`)
  const { width, height, rgb } = image
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(at(name))
}

stations.run()
