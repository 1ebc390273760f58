/**
 * The package as people get it: packed, installed elsewhere – in a project and globally –, started by an old Node and by the new one.
 *
 * Takes its dependencies from the package registry (or npm's cache), and the model from where `webx demo` takes it.
 */

import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../kit/source.ts'
import { tempForProcess } from '../kit/temp.ts'

const packing = suite('system: package')
const exec = promisify(execFile)
const TEMP = tempForProcess()
const PROJECT = join(TEMP, 'project')
const PREFIX = join(TEMP, 'global')
/** npm and the shell's tools as the machine has them, without the repository's own programs. */
const PLAIN_PATH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)
const MINUTE_MS = 60_000

interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

packing('packs, and installs in a project and globally', async () => {
  const flags = ['run', '-s', 'pack', '--', '--pack-destination', TEMP]
  const { code, out, err } = await run('npm', flags, ROOT, process.env['PATH'] ?? '', 3 * MINUTE_MS)
  assert.is(code, 0, out + err)
  mkdirSync(PROJECT)
  writeFileSync(join(PROJECT, 'package.json'), '{"name":"elsewhere","private":true,"type":"module"}')
  await install(['--prefix', PROJECT])
  await install(['--global', '--prefix', PREFIX])
})

packing('holds what runs, and nothing else', async () => {
  const { stdout } = await exec('tar', ['-tzf', tarball()])
  const files = stdout.trim().split('\n')
  for (const needed of [
    'dist/cli/webx.js',
    'dist/index.js',
    'dist/index.d.ts',
    'build/hash.simd.wasm',
    'build/hash-shared.threads.wasm',
    'assembly/dsr/sdk.ts',
    'README.md',
    'LICENSE',
  ]) {
    assert.ok(files.includes(`package/${needed}`), needed)
  }
  const stray = files.filter((file) => {
    return !/^package\/(dist\/.*\.(js|d\.ts)|build\/[\w-]+\.\w+\.wasm|assembly\/dsr\/[\w-]+\.(ts|json)|firmware-profiles\/.*\.(toml|json|md)|src\/\w+\.md|package\.json|README\.md|LICENSE)$/.test(
      file,
    )
  })
  assert.equal(stray, [])
})

packing('its types are found and hold by themselves', async () => {
  writeFileSync(
    join(PROJECT, 'app.ts'),
    "import { type Genesis, readGenesis, WebxError } from 'webx'\nexport const read: (file: Uint8Array) => Genesis = readGenesis\nexport const e = new WebxError('usage', 'x')\n",
  )
  const options = ['--module', 'nodenext', '--target', 'es2024', '--strict', '--noEmit', '--skipLibCheck', 'app.ts']
  const { code, out } = await run(join(ROOT, 'node_modules/.bin/tsc'), options, PROJECT, PLAIN_PATH)
  assert.is(out, '')
  assert.is(code, 0)
  writeFileSync(join(PROJECT, 'app.ts'), "import { readGenesis } from 'webx'\nreadGenesis(1)\n")
  const wrong = await run(join(ROOT, 'node_modules/.bin/tsc'), options, PROJECT, PLAIN_PATH)
  assert.ok(wrong.out.includes('TS2345'), 'types are types, not any')
})

packing('its threads start where it is installed, and hash as one does', async () => {
  const lines = [
    "import { createParallelHasher } from 'webx'",
    'const message = new Uint8Array(9_000_000).map((_, i) => i * 7)',
    'const said = []',
    'for (const threads of [2, 0]) {',
    '  const hasher = createParallelHasher({ threads })',
    "  said.push(hasher.threads, Buffer.from(await hasher.hash(message)).toString('hex'))",
    '  await hasher.close()',
    '}',
    'console.log(JSON.stringify(said))',
  ]
  writeFileSync(join(PROJECT, 'hash.mjs'), lines.join('\n'))
  const { code, out, err } = await run(process.execPath, ['hash.mjs'], PROJECT, PLAIN_PATH)
  assert.is(code, 0, err)
  const [two, shared, none, alone] = JSON.parse(out)
  assert.equal([two, none], [2, 0])
  assert.match(shared, /^[0-9a-f]{64}$/)
  assert.is(shared, alone)
})

packing('doctor passes in a project and globally, under an old Node and under the new one', async () => {
  const old = await oldNode()
  for (const webx of [join(PROJECT, 'node_modules/.bin/webx'), join(PREFIX, 'bin/webx')]) {
    for (const node of [old, process.execPath]) {
      const { code, out, err } = await run(
        webx,
        ['doctor', '--json', '--data', join(TEMP, 'data')],
        TEMP,
        pathWith(node),
      )
      assert.is(code, 0, `${webx} under ${node}: ${err}`)
      const { findings } = JSON.parse(out) as { findings: { check: string; found: string }[] }
      assert.match(findings.find(({ check }) => check === 'node')?.found ?? '', /^Node 2[4-9]\./)
    }
  }
})

packing('exit code, errors and signals come through an old Node', async () => {
  const webx = join(PREFIX, 'bin/webx')
  const old = await oldNode()
  const { code, err } = await run(webx, ['docter'], TEMP, pathWith(old))
  assert.is(err, 'usage: webx has no command "docter". Did you mean webx doctor?\n')
  assert.is(code, 2)
})

packing('the demonstration settles payments, in a project under an old Node', async () => {
  await demonstrates(join(PROJECT, 'node_modules/.bin/webx'), await oldNode())
})

packing('the demonstration settles payments, globally under the new Node', async () => {
  await demonstrates(join(PREFIX, 'bin/webx'), process.execPath)
})

async function demonstrates(webx: string, node: string): Promise<void> {
  const { code, out, err } = await run(webx, ['demo', '--json'], TEMP, pathWith(node), 5 * MINUTE_MS)
  assert.is(code, 0, err.slice(-2_000))
  assert.is(out.trim().split('\n').length, 1, 'one line on stdout')
  const report = JSON.parse(out) as { ok: boolean; payments: { grade: string; confirms: number }[] }
  assert.is(report.ok, true)
  const settled = report.payments.filter(({ grade, confirms }) => grade === 'SETTLED' && confirms >= 17)
  assert.ok(settled.length >= 3, out)
}

async function install(where: readonly string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel', 'error']
  const { code, err } = await run('npm', ['install', ...where, ...flags, tarball()], TEMP, PLAIN_PATH, 5 * MINUTE_MS)
  assert.is(code, 0, err)
}

function tarball(): string {
  const found = readdirSync(TEMP).find((name) => name.endsWith('.tgz'))
  assert.ok(found, 'npm run pack made no tarball')
  return join(TEMP, found as string)
}

/** The machine's own Node where it is an old one, else Node 20 out of the registry. */
async function oldNode(): Promise<string> {
  for (const folder of PLAIN_PATH.split(delimiter)) {
    const node = join(folder, 'node')
    if (!existsSync(node)) continue
    const { stdout } = await exec(node, ['-p', 'process.versions.node'])
    if (Number(stdout.split('.')[0]) < 24) return realpathSync(node)
    break
  }
  const folder = join(TEMP, 'old')
  const node = join(folder, `node_modules/node-linux-${process.arch}/bin/node`)
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    const { code, err } = await run(
      'npm',
      ['install', `node-linux-${process.arch}@20`, '--no-audit'],
      folder,
      PLAIN_PATH,
    )
    assert.is(code, 0, err)
  }
  return node
}

function pathWith(node: string): string {
  return [dirname(node), PLAIN_PATH].join(delimiter)
}

/** Runs a program; after `timeoutMs` it is asked to end, and soon after made to. */
function run(
  program: string,
  args: readonly string[],
  cwd: string,
  path: string,
  timeoutMs = 2 * MINUTE_MS,
): Promise<Run> {
  const { npm_config_prefix: _, npm_config_local_prefix: __, npm_config_global_prefix: ___, ...rest } = process.env
  const env = { ...rest, PATH: path, NO_COLOR: '1' }
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err = (err + chunk).slice(-100_000)
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
      err += `\n${program} ${args.join(' ')}: still running after ${timeoutMs} ms`
    }, timeoutMs)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, out, err })
    })
  })
}

packing.run()
