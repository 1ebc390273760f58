/** An identity on a machine that has nothing of the old one but what lay in drawers: every command there runs in a process and a home of its own. */

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withShell } from '../kit/shell.ts'

const test = suite('system: an identity on a new machine')
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

test(
  'a rotated identity comes back from words, and from three of five guardians of whom one is mistaken, where nothing else is left',
  withShell(async (run, path) => {
    for (const machine of ['old', 'drawer', 'new', 'newer']) mkdirSync(path(machine))
    await run('id create old/ada.keys --kind human')
    await run('id rotate old/ada.keys')
    writeFileSync(path('old/diary.txt'), 'only Ada reads this')
    assert.is((await run('qnt seal old/diary.txt drawer/diary.qnt --keys old/ada.keys')).code, 0)
    writeFileSync(path('drawer/words.txt'), (await run('~id words old/ada.keys')).out)
    await run('id guard old/ada.keys --guardians Bo,Cy,Di,Ed,Flo --needed 3 --out drawer')
    await run('~id log old/ada.keys --out drawer/log.txt')
    const [ada, file] = [(await run('id show old/ada.keys')).json, readFileSync(path('old/ada.keys'))]
    rmSync(path('old'), { recursive: true })
    const text = readFileSync(path('drawer/guardian-2.txt'), 'utf8')
    writeFileSync(
      path('drawer/guardian-2.txt'),
      text.replace(/\n./, (found) => (found === '\nA' ? '\nB' : '\nA')),
    )

    const shares = [2, 1, 4, 5].map((number) => `guardian-${number}.txt`)
    for (const [machine, from, files, problems] of [
      ['new', `--shares ${shares.join()}`, shares, [['Cy', 'mistyped']]],
      ['newer', '--words words.txt', ['words.txt'], []],
    ] as const) {
      for (const name of [...files, 'log.txt', 'diary.qnt'])
        copyFileSync(path(`drawer/${name}`), path(`${machine}/${name}`))
      const there = (line: string) => elsewhere(path(machine), line)
      const found = there(`id recover ada.keys ${from} --log log.txt`)
      assert.equal([found.label, found.position], [ada.label, 1])
      assert.equal(
        found.problems.map(({ guardian, code }: { guardian: string; code: string }) => [guardian, code]),
        problems,
      )
      assert.equal(readFileSync(path(`${machine}/ada.keys`)), file)
      assert.is(there('qnt open diary.qnt diary.txt --keys ada.keys').ok, true)
      assert.is(readFileSync(path(`${machine}/diary.txt`), 'utf8'), 'only Ada reads this')
    }
    assert.is(elsewhere(path('new'), 'id rotate ada.keys').position, 2)
  }),
)

test.run()

/** Runs a command line as on another machine. */
// biome-ignore lint/suspicious/noExplicitAny: what a command prints is looked at field by field
function elsewhere(directory: string, line: string): any {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...line.split(' '), '--json'], {
    ...{ cwd: directory, encoding: 'utf8', timeout: 60_000 },
    env: { HOME: directory },
  })
  assert.is(status, 0, stderr)
  return JSON.parse(stdout)
}
