import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { readMachineSettings, readProfile, shippedProfiles } from '../../src/drivers/profile-files.ts'
import {
  assertRunnable,
  layerFromEnvironment,
  layerFromFlags,
  layerFromToml,
  printProfile,
  resolveProfile,
} from '../../src/kernel/profile.ts'
import { environmentName, SETTINGS, settingsJsonSchema } from '../../src/kernel/settings.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('kernel/profile')
const PROFILES = new URL('../../firmware-profiles/', import.meta.url)

function errorOf(attempt: () => unknown): WebxError {
  try {
    attempt()
  } catch (error) {
    return error as WebxError
  }
  return assert.unreachable('nothing was thrown') as never
}

test('without any layer everything is a default, and the defaults fit their own schema', () => {
  const { profile, settings } = resolveProfile([])
  assert.equal(profile.roles, ['member'])
  assert.is(profile.camera.kind, 'none')
  assert.ok(settings.every(({ source }) => source === 'default'))
  assert.is(settings.length, Object.keys(SETTINGS).length)
  const everything = Object.fromEntries(settings.map(({ name, value }) => [name, textOf(value)]))
  assert.equal(resolveProfile([layerFromFlags(everything)]).profile, profile)
})

test('a higher layer wins value by value, and each value knows its source', () => {
  const layers = [
    layerFromToml('profile p', 'roles = ["terminal"]\n[broker]\nurl = "mqtt://profile"\nport = 1\nhost = "h"'),
    layerFromToml('/etc/webx/webx.toml', '[broker]\nurl = "mqtt://machine"\nport = 2'),
    layerFromEnvironment({ WEBX_BROKER_URL: 'mqtt://environment', PATH: '/bin', HOME: undefined }),
    layerFromFlags({ 'data.dir': '/flag' }),
  ]
  const { profile, settings } = resolveProfile(layers)
  assert.equal(profile.broker, { embedded: false, host: 'h', port: 2, url: 'mqtt://environment' })
  const sourceOf = (name: string) => settings.find((setting) => setting.name === name)?.source
  assert.is(sourceOf('broker.host'), 'profile p')
  assert.is(sourceOf('broker.port'), '/etc/webx/webx.toml')
  assert.is(sourceOf('broker.url'), 'WEBX_BROKER_URL')
  assert.is(sourceOf('data.dir'), 'flag')
  assert.is(sourceOf('broker.embedded'), 'default')
  assert.equal(profile.roles, ['terminal'])
})

test('environment values take the type of their setting', () => {
  const { profile } = resolveProfile([
    layerFromEnvironment({
      WEBX_BROKER_EMBEDDED: '1',
      WEBX_BROKER_PORT: '0',
      WEBX_ROLES: 'terminal, device',
      WEBX_CAMERA_COMMAND: '["a program","with blanks"]',
      WEBX_TAGS_COMMAND: 'cat /dev/ttyUSB0',
      WEBX_PAYMENTS_FLOOR_LIMIT: '2500',
      WEBX_MODEL_CACHE_DIR: '/cache',
      WEBX_VAULT_JURISDICTIONS: 'DE EU,US-CA',
    }),
  ])
  assert.is(profile.broker.embedded, true)
  assert.is(profile.broker.port, 0)
  assert.equal(profile.roles, ['terminal', 'device'])
  assert.equal(profile.camera.command, ['a program', 'with blanks'])
  assert.equal(profile.tags.command, ['cat', '/dev/ttyUSB0'])
  assert.is(profile.payments.floorLimit, 2500)
  assert.is(profile.model.cacheDir, '/cache')
  assert.equal(profile.vault.jurisdictions, ['DE', 'EU', 'US-CA'])
})

test('an unknown key is refused, and the nearest known one named', () => {
  const nearest = (toml: string): string => {
    const error = errorOf(() => layerFromToml('file', toml))
    assert.is(error.code, 'unknown-key')
    return error.hint
  }
  assert.match(nearest('[broker]\nurll = "x"'), 'broker.url?')
  assert.match(nearest('[brokr]\nurl = "x"'), 'broker?')
  assert.match(nearest('role = ["member"]'), 'roles?')
  assert.match(nearest('genesis = "x"'), 'net.genesis?')
  assert.match(nearest('[payments]\nfloor_limit = 1'), 'payments.floorLimit?')
  assert.match(nearest('[camera]\nquantumFluxCapacitor = 1'), 'README.md')
  assert.match(nearest('__proto__ = 1'), 'README.md')
  const variable = errorOf(() => layerFromEnvironment({ WEBX_BROKER_ULR: 'x' }))
  assert.is(variable.code, 'unknown-key')
  assert.match(variable.hint, 'WEBX_BROKER_URL?')
  assert.match(errorOf(() => layerFromFlags({ 'broker.prot': '1' })).hint, 'broker.port?')
  assert.is(errorOf(() => layerFromFlags({ constructor: '1' })).code, 'unknown-key')
})

test('a wrong value is refused with its name and what would be right', () => {
  const wrong = (toml: string, ...parts: string[]): void => {
    const error = errorOf(() => layerFromToml('file', toml))
    assert.is(error.code, 'bad-config', toml)
    for (const part of ['file', ...parts]) assert.match(error.message, part)
  }
  wrong('[broker]\nport = 70000', 'broker.port', '65535')
  wrong('[broker]\nport = "1883"', 'broker.port', 'integer')
  wrong('[broker]\nport = 1.5', 'broker.port')
  wrong('[broker]\nurl = "http://x"', 'broker.url')
  wrong('[camera]\nkind = "film"', 'camera.kind', 'none, still, command')
  wrong('[sensor]\nmodel = 21', 'sensor.model', '11, 22')
  wrong('[sensor]\npin = 28', 'sensor.pin')
  wrong(`[sensor]\nintervalMs = ${LIMITS.sensorIntervalMsMin - 1}`, 'sensor.intervalMs')
  wrong('[vault]\njurisdictions = ["de"]', 'vault.jurisdictions')
  wrong('[vault]\njurisdictions = ["DE", "DE"]', 'vault.jurisdictions')
  wrong('[vault]\njurisdictions = ["Germany"]', 'vault.jurisdictions')
  wrong('roles = []', 'roles')
  wrong('roles = ["king"]', 'roles')
  wrong('roles = ["member", "member"]', 'roles')
  wrong('broker = 3', 'broker')
  wrong('[broker', 'file')
  wrong(`name = "${'x'.repeat(65)}"`, 'name')
  wrong(`# ${'x'.repeat(LIMITS.profileBytesMax)}`, 'too long')
  const code = (values: Record<string, string>): string => errorOf(() => layerFromEnvironment(values)).code
  assert.is(code({ WEBX_BROKER_PORT: '0x1' }), 'bad-config')
  assert.is(code({ WEBX_BROKER_EMBEDDED: 'yes' }), 'bad-config')
  assert.is(code({ WEBX_CAMERA_COMMAND: '["open' }), 'bad-config')
  assert.is(code({ WEBX_CAMERA_COMMAND: '[1]' }), 'bad-config')
})

test('what a node needs to run is asked for by the names one can set', () => {
  const run = (flags: Record<string, string>) => () =>
    assertRunnable(resolveProfile([layerFromFlags({ 'net.genesis': 'g', 'broker.url': 'mqtt://b', ...flags })]).profile)
  run({})()
  run({ 'broker.url': '', 'broker.embedded': 'true' })()
  const complaint = (flags: Record<string, string>): string => errorOf(run(flags)).hint
  assert.match(complaint({ 'net.genesis': '' }), 'WEBX_NET_GENESIS')
  assert.match(complaint({ 'broker.url': '' }), 'broker.url')
  assert.match(complaint({ 'camera.kind': 'command' }), 'camera.command')
  assert.match(complaint({ 'camera.kind': 'still' }), 'camera.files')
  assert.match(complaint({ roles: 'tag-reader' }), 'tags.command')
})

test('the printed settings name their sources and hide passwords', () => {
  const lines = printProfile(resolveProfile([layerFromFlags({ 'broker.url': 'mqtt://user:s3cret@host:1' })]))
  const line = lines.find((one) => one.startsWith('broker.url')) as string
  assert.match(line, 'mqtt://user:…@host:1')
  assert.match(line, '# flag')
  assert.not.match(lines.join('\n'), 's3cret')
  assert.is(lines.length, Object.keys(SETTINGS).length)
})

test('the shipped profiles are whole, and run once net and broker are named', () => {
  assert.equal(shippedProfiles(), ['camera-kiosk', 'payment-terminal', 'tag-reader', 'xnode'])
  for (const name of shippedProfiles()) {
    const flags = layerFromFlags({ 'net.genesis': 'g', 'broker.url': 'mqtt://b' })
    const { profile, settings } = resolveProfile([readProfile(name), flags])
    assertRunnable(profile)
    assert.is(settings.find((setting) => setting.name === 'data.dir')?.source, `profile ${name}`)
  }
  assert.match(errorOf(() => readProfile('kiosk')).hint, 'camera-kiosk')
})

test('files are read by path; a machine without settings is fine, unreadable ones are not', () =>
  withTemp((directory) => {
    const path = join(directory, 'own.toml')
    writeFileSync(path, 'name = "mine"')
    assert.equal(readProfile(path), { source: path, values: { name: 'mine' } })
    assert.equal(readMachineSettings(path), { source: path, values: { name: 'mine' } })
    assert.is(readMachineSettings(join(directory, 'none.toml')), null)
    assert.is(errorOf(() => readMachineSettings(directory)).code, 'bad-config')
    assert.is(errorOf(() => readProfile(join(directory, 'none.toml'))).code, 'bad-config')
    writeFileSync(path, 'naem = "mine"')
    assert.match(errorOf(() => readMachineSettings(path)).hint, 'name?')
  }))

test('schema file and README say what the table says', () => {
  const file = JSON.parse(readFileSync(new URL('profile.schema.json', PROFILES), 'utf8'))
  assert.equal(file, JSON.parse(JSON.stringify(settingsJsonSchema())))
  const readme = readFileSync(new URL('README.md', PROFILES), 'utf8')
  for (const [name, { description }] of Object.entries(SETTINGS)) {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\` | \`${environmentName(name)}\` |`))
    assert.ok(row?.includes(description), `README has no fitting row for ${name}`)
  }
})

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

test.run()
