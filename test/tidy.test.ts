/**
 * Keeps the house in order: what `src/ARCHITECTURE.md` draws is checked here, file by file.
 *
 * Every rule is first tried on a small bad example, so that a rule that sees nothing cannot pass for a tidy house.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { idleSuites, impurities, leaks, manners, roomOf, strayPackages, wrongWays } from './kit/house.ts'
import { findCycle, ROOT, type Source, sourceOf, sourcesOf } from './kit/source.ts'

const TOP_LEVEL = [
  ...['.ci', '.gitignore', '.npmrc', 'LICENSE', 'README.md', 'asconfig.json', 'assembly', 'bench', 'biome.json'],
  ...['firmware-profiles', 'package-lock.json', 'package.json', 'src', 'test', 'tsconfig.json'],
]

const house = suite('tidy: the house')
const src = sourcesOf('src', /(?<!\.d)\.(ts|js)$/)
const assembly = sourcesOf('assembly')
const tests = sourcesOf('test')
const bench = sourcesOf('bench')

house('imports only point down, and never to a sibling', () => none(wrongWays(src)))
house('no import circle', () => assert.is(findCycle(src)?.join(' → ') ?? 'none', 'none'))
house('pure floors are pure', () => none(impurities(src)))
house('console and environment stay at the doors', () => none(leaks(src)))
house('packages stay in their homes', () => none(strayPackages(src)))
house('headers, length, no default exports, no barrels', () => none(manners([...src, ...assembly])))
house('tools of tests and benches have manners, too', () => none(manners([...tests.filter(isTool), ...bench], 500)))
house('every suite runs', () => none(idleSuites(tests.filter(({ path }) => /\.(test|system)\.ts$/.test(path)))))
house('no circle among the tests and benches', () => {
  assert.is(findCycle([...tests, ...bench])?.join(' → ') ?? 'none', 'none')
})

house('the top level holds what was agreed and nothing else', () => {
  const ignored = new Set(
    readFileSync(join(ROOT, '.gitignore'), 'utf8')
      .split('\n')
      .map((line) => line.replace(/\/$/, '')),
  )
  const isIgnored = (name: string) =>
    name === '.git' || ignored.has(name) || (ignored.has('*.tgz') && name.endsWith('.tgz'))
  const found = readdirSync(ROOT).filter((name) => !isIgnored(name))
  assert.equal(found.sort(), [...TOP_LEVEL].sort())
})

house('the scanner saw the house', () => {
  assert.ok(src.length > 20 && tests.length > 5 && assembly.length > 4)
  const frame = src.find(({ path }) => path === 'src/core/frame.ts')
  assert.ok(frame?.imports.includes('./envelope.ts'))
  assert.is(roomOf('src/boot.ts'), 'door')
})

const rules = suite('tidy: the rules themselves')
const bytes = file('src/core/bytes.ts', '')

rules('see imports that go up, sideways and nowhere', () => {
  const up = file('src/core/up.ts', "import type { Vault } from '../services/vault.ts'")
  const vault = file('src/services/vault.ts', "import { y } from './outbox.ts'")
  const outbox = file('src/services/outbox.ts', "import '../drivers/mqtt-link.ts'")
  const link = file('src/drivers/mqtt-link.ts', "const token = await import('./camera-still.ts')")
  const host = file('src/drivers/camera-still.ts', "export { z } from '../kernel/none.ts'")
  const pay = file('src/apps/facepay/pay.ts', "import '../collab/pen.ts'\nimport '../../drivers/camera-still.ts'")
  const pen = file('src/apps/collab/pen.ts', "import '../../core/bytes.ts'")
  const ledger = file('src/ledger/asset.ts', "import '../consensus/order.ts'")
  const order = file('src/consensus/order.ts', "import '../identity/xqident.ts'")
  const ident = file('src/identity/xqident.ts', '')
  const odd = file('src/attic/box.ts', '')
  const all = [bytes, up, vault, outbox, link, host, pay, pen, ledger, order, ident, odd]
  assert.equal(wrongWays(all), [
    'src/core/up.ts may not import src/services/vault.ts',
    'src/services/vault.ts may not import src/services/outbox.ts',
    'src/services/outbox.ts may not import src/drivers/mqtt-link.ts',
    'src/drivers/mqtt-link.ts may not import src/drivers/camera-still.ts',
    'src/drivers/camera-still.ts: ../kernel/none.ts is not a file of src',
    'src/apps/facepay/pay.ts may not import src/apps/collab/pen.ts',
    'src/apps/facepay/pay.ts may not import src/drivers/camera-still.ts',
    'src/ledger/asset.ts may not import src/consensus/order.ts',
    'src/attic/box.ts: no room is called attic',
  ])
})

rules('let doors import everything, and one driver be several files', () => {
  const files = file('src/drivers/face-files.ts', "import './face-tarball.ts'\nimport '../core/bytes.ts'")
  const tarball = file('src/drivers/face-tarball.ts', '')
  const boot = file('src/boot.ts', "import './drivers/face-files.ts'")
  assert.equal(wrongWays([bytes, files, tarball, boot]), [])
})

rules('find circles and print their path', () => {
  const a = file('src/core/a.ts', "import { b } from './b.ts'")
  const b = file('src/core/b.ts', "import { c } from './c.ts'")
  const c = file('src/core/c.ts', "export const late = () => import('./b.ts')")
  assert.equal(findCycle([a, b, c]), ['src/core/b.ts', 'src/core/c.ts', 'src/core/b.ts'])
  assert.is(findCycle([a, b, file('src/core/c.ts', "// import './b.ts'\nconst s = `import './a.ts'`")]), null)
})

rules('see clocks, chance, the environment and Node on pure floors', () => {
  const bad = file(
    'src/ledger/clock.ts',
    `import { hash } from 'node:crypto'\nconst at = Date.now() + Math.random()\nsetTimeout(() => \`\${process.pid}\`, 1)`,
  )
  assert.is(impurities([bad]).length, 5)
  assert.is(impurities([file('src/consensus/wait.ts', 'export async function f() {}')]).length, 1)
  assert.equal(impurities([file('src/core/crypto.ts', "import { sign } from 'node:crypto'")]), [])
  const innocent = `/** never Date.now */\n// Math.random\nconst s = 'process.env'\nconst t = \`fetch(\${s})\`\nconst u = /Date/`
  assert.equal(impurities([file('src/core/fine.ts', innocent)]), [])
  assert.equal(impurities([file('src/services/gossip.ts', 'Date.now()')]), [])
})

rules('see console, the environment and stray packages', () => {
  assert.is(leaks([file('src/kernel/road.ts', 'console.log(process.env.HOME)')]).length, 2)
  assert.is(leaks([file('src/drivers/x.ts', 'const { HOME } = process.env')]).length, 1)
  assert.equal(leaks([file('src/cli/main.ts', 'console.log(process.env.HOME)')]), [])
  assert.is(
    strayPackages([file('src/wasm/hash.ts', "import { instantiateSync } from '@assemblyscript/loader'")]).length,
    1,
  )
  assert.is(strayPackages([file('src/services/x.ts', "import mqtt from 'mqtt'")]).length, 1)
})

rules('are not led astray by what strings, templates and patterns hold', () => {
  const text =
    "const a = 'x§' + `§{'}`'}§` + \"'\"\nconst b = /['\"`]/.test(a) ? 1 / 2 : `\\`§{{ c: '`' }.c}`\nprocess.env\n".replaceAll(
      '§',
      '$',
    )
  assert.is(leaks([file('src/core/x.ts', text)]).length, 1)
  assert.is(leaks([file('src/core/x.ts', text.replace('process.env', '// process.env'))]).length, 0)
})

rules('see bad manners', () => {
  assert.is(manners([sourceOf('src/core/x.ts', 'export default 1\n')]).length, 2)
  assert.is(manners([file('src/core/index.ts', "export * from './bytes.ts'")]).length, 2)
  assert.is(manners([file('src/core/long.ts', '\n'.repeat(400))]).length, 1)
  assert.equal(manners([file('src/core/good.ts', 'export const a = 1')]), [])
})

rules('see suites that would not run', () => {
  const made = "const a = suite('a')\na('x', () => {})\n"
  assert.equal(idleSuites([file('test/a.test.ts', `${made}a.run()\n`)]), [])
  assert.equal(idleSuites([file('test/a.test.ts', `for (const b of BUILDS) {\n${made}a.run()\n}\n`)]), [])
  const helped = `${made}a.run()\n/** helps */\nfunction help(): void {}\ninterface Help { x: 1 }\n`
  assert.equal(idleSuites([file('test/a.test.ts', helped)]), [])
  assert.is(idleSuites([file('test/a.test.ts', made)]).length, 2)
  assert.is(idleSuites([file('test/a.test.ts', `${made}// a.run()`)]).length, 2)
  assert.is(idleSuites([file('test/a.test.ts', `${made}const b = suite('b')\na.run()`)]).length, 1)
  assert.is(idleSuites([file('test/a.test.ts', `${made}a.run()\na('late', () => {})\n`)]).length, 2)
  assert.is(idleSuites([file('test/a.test.ts', `${made}a.only('y', () => {})\na.run()`)]).length, 1)
  assert.is(idleSuites([file('test/a.test.ts', "suite('a')('x', () => {})\n")]).length, 3)
  assert.is(idleSuites([file('test/a.test.ts', 'export const nothing = 1')]).length, 2)
})

/** A source file with a header. */
function file(path: string, text: string): Source {
  return sourceOf(path, `/** why */\n${text}`)
}

/** Not a test itself: its name says what it tests. */
function isTool({ path }: Source): boolean {
  return !/\.(test|system)\.ts$/.test(path)
}

function none(complaints: readonly string[]): void {
  assert.is(complaints.join('\n'), '')
}

house.run()
rules.run()
