/** An identity through the loss of its machine, on the command line: words, guardians, passphrases, daily files. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { recordingIo } from '../kit/io.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('cli: recovery of an identity')

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly json: Record<string, unknown>
}

type Run = (...args: string[]) => Promise<Said>

function withShell(use: (run: Run, path: (name: string) => string) => Promise<void>): () => Promise<void> {
  return () =>
    withTemp(async (directory) => {
      const run: Run = async (...args) => {
        const io = recordingIo({ workingDirectory: directory })
        const code = await runCommandLine(args, io)
        const json = args.includes('--json') ? (JSON.parse(io.out()) as Record<string, unknown>) : {}
        return { code, out: io.out(), err: io.err(), json }
      }
      await use(run, (name) => join(directory, name))
    })
}

test(
  'the same identity and key come back from words, and from three of five guardians of whom one is mistaken',
  withShell(async (run, path) => {
    const made = (await run('id', 'create', 'ada.keys', '--kind', 'human', '--json')).json
    const words = await run('id', 'words', 'ada.keys')
    assert.is(words.out.trim().split(' ').length, 24)
    writeFileSync(path('words.txt'), words.out.toUpperCase())
    const back = await run('id', 'recover', 'words.keys', '--words', 'words.txt', '--json')
    assert.equal([back.code, back.json['id']], [0, made['id']])
    assert.equal(readFileSync(path('words.keys')), readFileSync(path('ada.keys')))

    await run('id', 'guard', 'ada.keys', '--guardians', 'Bo,Cy,Di,Ed,Flo', '--needed', '3', '--out', 'shares')
    const share = readFileSync(path('shares/guardian-2.txt'), 'utf8').split('\n')
    const line = share[1] as string
    share[1] = `${line[0] === 'A' ? 'B' : 'A'}${line.slice(1)}`
    writeFileSync(path('shares/guardian-2.txt'), share.join('\n'))
    const names = (...numbers: number[]) => numbers.map((number) => `shares/guardian-${number}.txt`).join()
    const few = await run('id', 'recover', 'few.keys', '--shares', names(1, 2, 4), '--json')
    assert.equal([few.code, (few.json['error'] as { code: string }).code], [1, 'shares-missing'])
    const enough = await run('id', 'recover', 'shares.keys', '--shares', names(1, 2, 4, 5), '--json')
    assert.equal([enough.code, enough.json['id']], [0, made['id']])
    assert.match(enough.err, /share 2, of Cy/)
    assert.equal(readFileSync(path('shares.keys')), readFileSync(path('ada.keys')))
    const again = await run('id', 'recover', 'shares.keys', '--shares', names(1, 4, 5))
    assert.is(again.code, 1, 'nothing is written over')
  }),
)

test(
  'a wrong passphrase changes nothing, a daily file has no words',
  withShell(async (run, path) => {
    writeFileSync(path('right.txt'), 'the first day\n')
    writeFileSync(path('wrong.txt'), 'the last day\n')
    await run('id', 'create', 'ada.keys')
    const before = readFileSync(path('ada.keys'))
    assert.is((await run('id', 'seal', 'ada.keys', '--passphrase-file', 'right.txt')).code, 0)
    const sealed = readFileSync(path('ada.keys'))
    assert.not.equal(sealed, before)
    const shown = (await run('id', 'show', 'ada.keys', '--json')).json
    assert.equal([shown['sealed'], shown['seat']], [true, ''])
    assert.match((await run('id', 'words', 'ada.keys')).err, /^passphrase-needed/)
    assert.match((await run('id', 'unseal', 'ada.keys', '--passphrase-file', 'wrong.txt')).err, /^wrong-passphrase/)
    assert.equal(readFileSync(path('ada.keys')), sealed)
    assert.is((await run('id', 'unseal', 'ada.keys', '--passphrase-file', 'right.txt')).code, 0)
    assert.equal(readFileSync(path('ada.keys')), before)
    assert.is((await run('id', 'daily', 'ada.keys', 'till.keys')).code, 0)
    assert.match((await run('id', 'words', 'till.keys')).err, /^no-root/)
    const [one, other] = [await run('id', 'show', 'ada.keys', '--json'), await run('id', 'show', 'till.keys', '--json')]
    assert.equal([other.json['id'], other.json['seat']], [one.json['id'], one.json['seat']])
  }),
)

test(
  'what is missing is said before anything is done',
  withShell(async (run) => {
    await run('id', 'create', 'ada.keys')
    assert.equal((await run('id', 'guard', 'ada.keys', '--needed', '2')).code, 2)
    assert.equal((await run('id', 'seal', 'ada.keys')).code, 2)
    assert.equal((await run('id', 'recover', 'b.keys')).code, 2)
    assert.match((await run('id', 'recover', 'b.keys', '--words', 'none.txt')).err, /^file-unreadable/)
  }),
)

test.run()
