/**
 * `webx dsr new|build|check|run|test`: the author's kit of runnables.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { encodeRequest } from '../data/dsr-abi.ts'
import { meter } from '../data/dsr-meter.ts'
import { checkModule } from '../data/dsr-module.ts'
import { runnableDigest } from '../data/dsr-run.ts'
import { createRunnableHost } from '../drivers/dsr-worker.ts'
import { provideFromFiles } from '../drivers/wasm-files.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { readCasesJson, readRequestJson, spoken } from './dsr-cases.ts'
import { compileRunnable } from './dsr-compile.ts'
import type { Io } from './io.ts'
import { EXIT, painter, printJson } from './output.ts'

const KIT = new URL('../../assembly/dsr/', import.meta.url)

/** Begins a runnable: a source, what it is written with, and cases to try it on. Throws `bad-argument` rather than write over a file. */
export async function create(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr new', args)
  const source = resolve(io.workingDirectory, `${given.operands['NAME'] ?? ''}.ts`)
  const cases = source.replace(/\.ts$/, '.json')
  const sdk = join(dirname(source), 'sdk.ts')
  for (const path of [source, cases]) {
    if (existsSync(path))
      throw new WebxError('bad-argument', `${path} exists already`, { hint: 'Choose another name.' })
  }
  writeFileSync(source, readFileSync(new URL('template.ts', KIT)), { flag: 'wx' })
  writeFileSync(cases, readFileSync(new URL('template.json', KIT)), { flag: 'wx' })
  const files = [source, cases]
  if (!existsSync(sdk)) {
    writeFileSync(sdk, readFileSync(new URL('sdk.ts', KIT)), { flag: 'wx' })
    files.push(sdk)
  }
  if (given.flag('json')) printJson(io, { files })
  else for (const file of files) io.stdout(`${file}\n`)
  return EXIT.done
}

/** Compiles a source. Throws `usage`, `runnable-refused`, `bad-argument`. */
export async function build(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr build', args)
  const source = resolve(io.workingDirectory, given.operands['SOURCE'] ?? '')
  const out = resolve(io.workingDirectory, given.text('out') ?? source.replace(/(\.ts)?$/, '.wasm'))
  const pages = numberOf(given, 'pages', 1, LIMITS.runnablePagesMax)
  const module = await compileRunnable(source, pages)
  writeFileSync(out, module)
  report(out, module, given, io)
  return EXIT.done
}

/** Holds a module against the profile. Throws `runnable-refused`, `too-long`, `file-unreadable`. */
export async function check(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr check', args)
  const path = resolve(io.workingDirectory, given.operands['MODULE'] ?? '')
  report(path, read(path), given, io)
  return EXIT.done
}

/** Asks a module one thing; exit code 3 where it denies. Throws what running it does. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr run', args)
  const module = read(resolve(io.workingDirectory, given.operands['MODULE'] ?? ''))
  const path = resolve(io.workingDirectory, given.operands['REQUEST'] ?? '')
  const request = readRequestJson(Buffer.from(read(path)).toString(), basename(path))
  const fuel = fuelOf(given)
  const [outcome] = await outcomesOf(module, [encodeRequest(request)], fuel)
  if (outcome === undefined) throw new WebxError('internal', 'a run without an outcome')
  const { verdict, fuelUsed, memoryDigest, failure } = outcome
  const said = spoken(outcome)
  if (given.flag('json')) {
    const { kind, reason, fields, payload } = verdict
    const shown = { verdict: kind, reason, fields, payload: toHex(payload), failure }
    printJson(io, { said, ...shown, fuel, fuelUsed, memoryDigest: toHex(memoryDigest) })
  } else io.stdout(`${said}\nfuel ${fuelUsed} of ${fuel}\n`)
  return verdict.kind === 'deny' ? EXIT.refused : EXIT.done
}

/** Tries a module on cases; exit code 1 where one comes out otherwise. Throws what running it does. */
export async function test(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr test', args)
  const module = read(resolve(io.workingDirectory, given.operands['MODULE'] ?? ''))
  const path = resolve(io.workingDirectory, given.operands['CASES'] ?? '')
  const cases = readCasesJson(Buffer.from(read(path)).toString(), basename(path))
  const requests = cases.map(({ request }) => encodeRequest(request))
  const outcomes = await outcomesOf(module, requests, fuelOf(given))
  const results = cases.map(({ name, expect }, i) => {
    const outcome = outcomes[i]
    const said = outcome === undefined ? '' : spoken(outcome)
    return { name, expect, said, fuelUsed: outcome?.fuelUsed ?? 0, ok: said === expect }
  })
  const failed = results.filter(({ ok }) => !ok).length
  const paint = painter(io, 'stdout')
  if (given.flag('json')) printJson(io, { cases: results, failed })
  else {
    for (const { name, expect, said, fuelUsed, ok } of results) {
      const end = ok ? `${said} (fuel ${fuelUsed})` : `${said}, expected ${expect}`
      io.stdout(`${paint(ok ? 'green' : 'red', ok ? 'ok    ' : 'wrong ')} ${name}: ${end}\n`)
    }
    io.stdout(`${results.length - failed} of ${results.length} as expected\n`)
  }
  return failed === 0 ? EXIT.done : EXIT.failed
}

async function outcomesOf(module: Uint8Array, requests: readonly Uint8Array[], fuel: number) {
  provideFromFiles()
  const host = createRunnableHost()
  try {
    const outcomes = []
    for (const request of requests) outcomes.push(await host.run(module, request, fuel))
    return outcomes
  } finally {
    await host.close()
  }
}

function report(path: string, bytes: Uint8Array, given: Arguments, io: Io): void {
  provideFromFiles()
  const module = checkModule(bytes)
  const shown = {
    file: path,
    digest: toHex(runnableDigest(bytes)),
    bytes: bytes.length,
    meteredBytes: meter(module).length,
    pages: module.pages,
    functions: module.bodies.length,
    stackSlots: module.slots,
  }
  if (given.flag('json')) {
    printJson(io, shown)
    return
  }
  const rows = [
    ['file', path],
    ['digest', shown.digest],
    ['size', `${shown.bytes} bytes, ${shown.meteredBytes} with its meter`],
    ['memory', `${shown.pages} page${shown.pages === 1 ? '' : 's'} of 64 KiB`],
    ['functions', String(shown.functions)],
    ['stack', `${shown.stackSlots} of ${LIMITS.runnableSlotsMax} slots`],
  ]
  for (const [name = '', value = ''] of rows) io.stdout(`${name.padEnd(12)}${value}\n`)
}

function read(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    const hint = extname(path) === '' ? 'Give the path of a file.' : ''
    throw new WebxError('file-unreadable', `cannot read ${path}`, { hint, cause })
  }
}

function fuelOf(given: Arguments): number {
  return numberOf(given, 'fuel', LIMITS.runnableFuelInThreadMax, LIMITS.runnableFuelMax)
}

function numberOf(given: Arguments, option: string, usual: number, most: number): number {
  const text = given.text(option)
  if (text === undefined) return usual
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
  throw new WebxError('bad-argument', `--${option} must be a whole number from 1 to ${most}, not ${text}`)
}
