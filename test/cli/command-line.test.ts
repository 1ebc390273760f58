/** The command line from its words to its exit code, in this process. */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine, version } from '../../src/cli/main.ts'
import { COMMANDS } from '../../src/cli/spec.ts'
import { fromBase64url, toHex } from '../../src/core/bytes.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { recordingIo } from '../kit/io.ts'
import { tempForProcess } from '../kit/temp.ts'

const line = suite('cli: command line')
const TEMP = tempForProcess()

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo()
  const code = await runCommandLine(args, io)
  return { code, out: io.out(), err: io.err() }
}

line('help names every command, and every command has its own with an example', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, out, err } = await run(...args)
    assert.is(code, 0)
    assert.is(err, '')
    for (const { name, summary } of COMMANDS) assert.ok(out.includes(name) && out.includes(summary), name)
  }
  for (const { name, example, options } of COMMANDS) {
    for (const args of [
      [...name.split(' '), '--help'],
      ['help', ...name.split(' ')],
      [...name.split(' '), '--json', '-h'],
    ]) {
      const { code, out } = await run(...args)
      assert.is(code, 0, args.join(' '))
      assert.ok(out.includes(`Example: ${example}`), name)
      for (const option of Object.keys(options)) assert.ok(out.includes(`--${option}`), `${name} --${option}`)
    }
  }
  assert.ok((await run('id', '--help')).out.includes('id create FILE'))
  assert.not.ok((await run('help', 'id')).out.includes('doctor'))
})

line('version is the package’s', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  assert.is((await run('--version')).out, `${manifest.version}\n`)
  assert.is(version(), manifest.version)
})

line('what is not known is refused with exit code 2 and the nearest command', async () => {
  const refused: [string[], string][] = [
    [[], 'usage: webx needs a command. See webx --help.\n'],
    [['docter'], 'usage: webx has no command "docter". Did you mean webx doctor?\n'],
    [['id', 'craete'], 'usage: webx has no command "id craete". Did you mean webx id create?\n'],
    [['id'], 'usage: webx id needs a verb. See webx id --help.\n'],
    [['--jsn'], 'usage: webx has no command "--jsn". See webx --help.\n'],
    [['help', 'dcotor'], 'usage: webx has no command "dcotor". Did you mean webx doctor?\n'],
    [['toString'], 'usage: webx has no command "toString". See webx --help.\n'],
    [['doctor', '--jsno'], 'usage: webx doctor has no option --jsno. Did you mean --json?\n'],
  ]
  for (const [args, message] of refused) {
    const { code, out, err } = await run(...args)
    assert.is(err, message)
    assert.is(out, '')
    assert.is(code, 2)
  }
})

line('an identity is made once, shown without its keys, and refused where there is none', async () => {
  const directory = join(TEMP, 'cli-id')
  const file = join(directory, 'kiosk.keys')
  const made = await run('id', 'create', file, '--kind', 'agent', '--json')
  assert.is(made.code, 0, made.err)
  assert.is(statSync(file).mode & 0o777, 0o600)
  const shown = JSON.parse(made.out) as Record<string, string>
  assert.is(made.out.trim().split('\n').length, 1)
  assert.is(shown['kind'], 'agent')
  const state = readInception(fromBase64url(shown['inception']!))
  assert.is(toHex(state.id), shown['id'])
  const again = await run('id', 'show', file, '--json')
  assert.is(again.out, made.out)
  assert.ok((await run('id', 'show', file)).out.includes(shown['label']!))

  const before = readFileSync(file)
  const twice = await run('id', 'create', file)
  assert.is(twice.code, 1)
  assert.equal(readFileSync(file), before)
  const none = await run('id', 'show', join(directory, 'none.keys'), '--json')
  assert.is(none.code, 1)
  const report = JSON.parse(none.out) as { ok: boolean; error: { code: string } }
  assert.is(report.ok, false)
  assert.is(report.error.code, 'key-file-missing')
  assert.ok(none.err.startsWith('key-file-missing: '))
  const odd = await run('id', 'create', join(directory, 'b.keys'), '--kind', 'devcie')
  assert.is(odd.code, 2)
  assert.ok(odd.err.includes('Did you mean device?'))
})

line('a net is founded from what its members show, and the file is all that is needed to check it', async () => {
  const at = (name: string) => join(TEMP, name)
  const shown = async (name: string, kind: string) => {
    const { code, out, err } = await run('id', 'create', at(name), '--kind', kind, '--json')
    assert.is(code, 0, err)
    return JSON.parse(out) as Record<'seat' | 'inception' | 'label', string>
  }
  const shop = await shown('shop.keys', 'organization')
  const members = await Promise.all(['m1', 'm2', 'm3', 'm4'].map((name) => shown(`${name}.keys`, 'device')))
  const till = await shown('till.keys', 'device')
  writeFileSync(at('seats'), `# of the shop\n${members.map(({ seat }) => `${seat} # one`).join('\n')}\n\n`)
  writeFileSync(at('tills'), till.inception)
  const found = [
    'net',
    'found',
    at('shop.genesis'),
    '--keys',
    at('shop.keys'),
    '--name',
    'shop',
    '--seats',
    at('seats'),
  ]
  const rest = ['--terminals', at('tills'), '--assets', 'EUR:2:100000,POINT:0:7', '--json']
  const made = await run(...found, ...rest)
  assert.is(made.code, 0, made.err)
  const net = JSON.parse(made.out) as Record<string, unknown>
  assert.is(net['organization'], shop.label)
  assert.equal(
    net['seats'],
    members.map(({ label }) => ({ member: label, weight: 1 })),
  )
  assert.equal(net['terminals'], [till.label])
  assert.is((await run('net', 'show', at('shop.genesis'), '--json')).out, made.out)
  assert.ok((await run('net', 'show', at('shop.genesis'))).out.includes('EUR, at most 1000.00'))

  const bytes = readFileSync(at('shop.genesis'))
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(at('tampered.genesis'), bytes)
  assert.is((await run('net', 'show', at('tampered.genesis'))).code, 1)
  const again = await run(...found, ...rest)
  assert.is(again.code, 1)
  assert.ok(again.err.startsWith('store-failed: '), again.err)
  const other = [...found.slice(0, 2), at('other.genesis'), ...found.slice(3)]
  for (const assets of [
    'EUR',
    'EUR:2',
    'EUR:2:0',
    'EUR:13:1',
    'EUR:2:99999999999999999',
    'TOOLONGACODE1:2:1',
    'E R:2:1',
  ]) {
    assert.is((await run(...other, '--assets', assets)).code, 2, assets)
  }
  writeFileSync(at('seats'), 'nonsense')
  assert.is((await run(...other)).code, 2)
  assert.is((await run('net', 'found', at('x'), '--seats', at('seats'))).code, 2)
})

line('models are listed with license and state, without a network', async () => {
  const cache = join(TEMP, 'cli-models')
  const { code, out } = await run('models', 'list', '--cache', cache, '--json')
  assert.is(code, 0)
  const { models } = JSON.parse(out) as { models: { name: string; state: string; license: string }[] }
  assert.ok(models.some(({ name, state }) => name === 'faceplugin' && state === 'missing'))
  for (const { license } of models) assert.ok(license.length > 0)
  const unknown = await run('models', 'install', 'no-such-model', '--cache', cache)
  assert.is(unknown.code, 1)
  assert.ok(unknown.err.startsWith('bad-config: '), unknown.err)
})

line.run()
