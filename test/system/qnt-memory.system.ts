/**
 * Every command that goes through a whole .qnt stays below 120 MB, whatever the size of the file: measured with 128 MiB, from source files, and with a
 * key file that is sealed by a passphrase, whose derivation takes 32 MiB by itself.
 *
 * Against age-encryption, where the benches have installed it: what each writes, the other opens.
 */

import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createParallelHasher } from '../../src/drivers/hash-workers.ts'
import type { Peak } from '../kit/peak.ts'
import { tempForProcess } from '../kit/temp.ts'
import '../kit/wasm.ts'

const MIB = 2 ** 20
const FILE_BYTES = 128 * MIB
const PEAK_BYTES_MAX = 120e6
const TEMP = tempForProcess()
const PEAK = fileURLToPath(new URL('../kit/peak.ts', import.meta.url))
const AGE = new URL('../../bench/node_modules/age-encryption/dist/index.js', import.meta.url)
const at = (name: string): string => join(TEMP, name)
const OWN = ['--keys', 'anna.key', '--passphrase-file', 'passphrase'] as const

const test = suite('system/qnt-memory')

/** Runs a command; fails where it does not end well or takes too much. */
function webx(...args: string[]): void {
  const { code, err, peakBytes } = JSON.parse(execFileSync(process.execPath, [PEAK, TEMP, ...args]).toString()) as Peak
  assert.is(code, 0, err)
  assert.ok(peakBytes <= PEAK_BYTES_MAX, `${args.slice(0, 2).join(' ')}: ${(peakBytes / 1e6).toFixed(1)} MB`)
}

async function assertSame(name: string): Promise<void> {
  const hasher = createParallelHasher()
  try {
    const [plain, other] = [await hasher.hashFile(at('plain')), await hasher.hashFile(at(name))]
    assert.equal(other, plain, name)
  } finally {
    await hasher.close()
  }
}

test.before(() => {
  const file = openSync(at('plain'), 'w')
  const block = new Uint8Array(MIB)
  for (let done = 0; done < FILE_BYTES; done += MIB) writeSync(file, randomFillSync(block))
  closeSync(file)
  writeFileSync(at('passphrase'), 'of a test\n')
  webx('id', 'create', 'anna.key', '--passphrase-file', 'passphrase')
})

test('seal, open, verify, grant, rekey, update', async () => {
  webx('qnt', 'seal', 'plain', '1.qnt', ...OWN)
  assert.ok(statSync(at('1.qnt')).size <= FILE_BYTES * 1.0013)
  webx('qnt', 'open', '1.qnt', '1.out', ...OWN)
  await assertSame('1.out')
  webx('id', 'create', 'ben.key')
  const ben = execFileSync(process.execPath, [fileURLToPath(MAIN), 'qnt', 'recipient', '--keys', at('ben.key')])
  writeFileSync(at('ben.recipient'), ben)
  webx('qnt', 'grant', '1.qnt', '2.qnt', ...OWN, '--to', 'ben.recipient')
  webx('qnt', 'rekey', '2.qnt', '3.qnt', ...OWN)
  webx('qnt', 'update', '3.qnt', 'plain', '4.qnt', ...OWN)
  for (const name of ['2', '3', '4']) {
    webx('qnt', 'open', `${name}.qnt`, `${name}.out`, ...OWN)
    await assertSame(`${name}.out`)
  }
})

test('to age and back', async () => {
  const { files } = JSON.parse(readFileSync(new URL('../vectors/age.json', import.meta.url), 'utf8')) as {
    files: { identity: string; recipient: string }[]
  }
  const { identity = '', recipient = '' } = files[0] ?? {}
  writeFileSync(at('age.txt'), `${identity}\n`)
  webx('qnt', 'export', '1.qnt', '1.age', ...OWN, '--to', recipient)
  webx('qnt', 'import', '1.age', 'back.qnt', ...OWN, '--identity', 'age.txt')
  webx('qnt', 'open', 'back.qnt', 'back.out', ...OWN)
  await assertSame('back.out')
})

if (existsSync(AGE)) {
  test('what age-encryption writes we open, and the other way round', async () => {
    const age = (await import(pathToFileURL(fileURLToPath(AGE)).href)) as Age
    for (const make of [age.generateX25519Identity, age.generateHybridIdentity]) {
      const identity = await make()
      const recipient = await age.identityToRecipient(identity)
      writeFileSync(at('own.txt'), `${identity}\n`)
      for (const bytes of [0, 65_536, 3 * MIB + 1]) {
        const content = randomFillSync(new Uint8Array(bytes))
        const name = `${recipient.slice(0, 9)}-${bytes}`
        const encrypter = new age.Encrypter()
        encrypter.addRecipient(recipient)
        writeFileSync(at(`${name}.age`), await encrypter.encrypt(content))
        webx('qnt', 'import', `${name}.age`, `${name}.qnt`, ...OWN, '--identity', 'own.txt')
        webx('qnt', 'export', `${name}.qnt`, `${name}.again`, ...OWN, '--to', recipient)
        const decrypter = new age.Decrypter()
        decrypter.addIdentity(identity)
        assert.equal(await decrypter.decrypt(readFileSync(at(`${name}.again`))), content, name)
      }
    }
  })
}

const MAIN = new URL('../../src/cli/main.ts', import.meta.url)

interface Age {
  generateX25519Identity(): Promise<string>
  generateHybridIdentity(): Promise<string>
  identityToRecipient(identity: string): Promise<string>
  Encrypter: new () => { addRecipient(to: string): void; encrypt(content: Uint8Array): Promise<Uint8Array> }
  Decrypter: new () => { addIdentity(of: string): void; decrypt(file: Uint8Array): Promise<Uint8Array> }
}

test.run()
