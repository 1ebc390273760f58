/**
 * `webx doctor`: what would stop a node from working on this machine, why, and what to do.
 *
 * Looks only; changes nothing but one small file that it writes and removes to time the disk. Works without a network.
 */

import { readArguments } from './arguments.ts'
import { checkBroker } from './check-broker.ts'
import { checkCodec } from './check-codec.ts'
import { checkCamera, checkKeys, checkModel, checkNet, checkReader, checkSensor, type Target } from './check-devices.ts'
import { checkClock, checkDisk, checkKernels, checkNode } from './check-machine.ts'
import { broken, type Check, type Finding } from './finding.ts'
import type { Io } from './io.ts'
import { createProgress, EXIT, painter, printJson } from './output.ts'
import { settingsOf } from './settings.ts'
import { targetOf } from './target.ts'

/** Looks over the machine. Exit code 1 where something fails. Throws `usage`, `bad-config`, `unknown-key`. */
export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('doctor', args)
  const target = targetOf(settingsOf(given, io).profile, io)
  const progress = createProgress(io)
  const findings: Finding[] = []
  for (const [name, check] of checksOf(target, io)) {
    progress.show(`looking at ${name}`)
    findings.push(await check().catch((thrown: unknown) => broken(name, thrown)))
  }
  progress.end()
  const ok = findings.every(({ state }) => state !== 'fail')
  if (given.flag('json')) printJson(io, { ok, findings })
  else print(findings, io)
  return ok ? EXIT.done : EXIT.failed
}

function checksOf(target: Target, io: Io): readonly (readonly [string, Check])[] {
  return [
    ['node', checkNode],
    ['clock', () => checkClock()],
    ['disk', () => checkDisk(target.dataDirectory)],
    ['kernels', checkKernels],
    ['codec', checkCodec],
    ['broker', () => checkBroker(target.broker)],
    ['net', () => checkNet(target)],
    ['keys', () => checkKeys(target)],
    ['model', () => checkModel(target)],
    ['camera', () => checkCamera(target, io)],
    ['reader', () => checkReader(target, io)],
    ['sensor', () => checkSensor(target)],
  ]
}

const COLOR = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' } as const

function print(findings: readonly Finding[], io: Io): void {
  const paint = painter(io, 'stdout')
  for (const { check, state, found, remedy } of findings) {
    io.stdout(`${paint(COLOR[state], state.padEnd(4))}  ${check.padEnd(7)}  ${found}\n`)
    if (remedy) io.stdout(`${' '.repeat(15)}→ ${remedy}\n`)
  }
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
  io.stdout(`\n${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed\n`)
}
