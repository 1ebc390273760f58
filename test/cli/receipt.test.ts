/** `webx receipt verify` on the golden receipt of the protocol and on receipts with one thing wrong. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromHex, toBase64url, toHex } from '../../src/core/bytes.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { recordingIo } from '../kit/io.ts'
import { makeNet } from '../kit/people.ts'
import { personOf } from '../kit/protocol.ts'
import type { ProtocolVectors } from '../kit/protocol-vectors.ts'
import { tempForProcess } from '../kit/temp.ts'

const receipts = suite('cli: receipts')
const TEMP = tempForProcess()
const { golden, digests, refused } = JSON.parse(
  readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8'),
) as ProtocolVectors
const NET = file('net.genesis', fromHex(golden['genesis'] as string))
const RECEIPT = fromHex(golden['receipt'] as string)
const PAYER = readInception(personOf(7, 'human').inception).label
const PAYEE = readInception(personOf(6, 'device').inception).label

function file(name: string, content: Uint8Array | string): string {
  const path = join(TEMP, name)
  writeFileSync(path, content)
  return path
}

async function verify(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP, env })
  const code = await runCommandLine(['receipt', 'verify', ...args], io)
  return { code, out: io.out(), err: io.err() }
}

receipts('the document and its text are verified by the genesis alone', async () => {
  file('receipt.cose', RECEIPT)
  file('receipt.txt', `${toBase64url(RECEIPT)}\n`)
  const { code, out, err } = await verify(['receipt.cose', '--net', 'net.genesis', '--json'])
  assert.is(err, '')
  assert.is(code, 0)
  assert.is(out.trim().split('\n').length, 1)
  const said = JSON.parse(out) as Record<string, unknown>
  assert.equal(
    [said['ok'], said['grade'], said['amount'], said['asset'], said['confirms'], said['quorum']],
    [true, 'SETTLED', '4.20', 'EUR', 3, 3],
  )
  assert.equal([said['payer'], said['payerId'], said['payee']], [PAYER, digests['identity'], PAYEE])
  assert.equal(
    [said['net'], said['reference'], said['order']],
    [digests['net'], digests['reference'], digests['payOrder']],
  )
  assert.is((await verify(['receipt.txt', '--net', NET, '--json'])).out, out)
  assert.is((await verify(['receipt.txt', '--json'], { WEBX_NET_GENESIS: 'net.genesis' })).out, out)
  const shown = (await verify(['receipt.txt', `--net=${NET}`])).out
  for (const word of ['4.20 EUR', PAYER, PAYEE, '3 confirmations', 'vectors']) assert.ok(shown.includes(word), word)
})

receipts('what is wrong with a receipt is said by its code, and nothing else is printed', async () => {
  const broken = refused.filter(({ reader }) => reader === 'receipt')
  assert.ok(broken.length > 8)
  for (const { name, code, bytes } of broken) {
    file('broken.cose', fromHex(bytes))
    const said = await verify(['broken.cose', '--net', NET])
    assert.is(said.code, 1, name)
    assert.is(said.out, '', name)
    assert.ok(said.err.startsWith(`${code}: `), `${name}: ${said.err}`)
  }
  const json = await verify(['broken.cose', '--net', NET, '--json'])
  assert.is((JSON.parse(json.out) as { ok: boolean }).ok, false)
  file('other.genesis', makeNet(4).genesis.bytes)
  file('receipt.cose', RECEIPT)
  assert.ok((await verify(['receipt.cose', '--net', 'other.genesis'])).err.startsWith('wrong-net: '))
})

receipts('files that cannot be receipts are refused before they are read through', async () => {
  const cases: [string, string, string, number][] = [
    ['prose.txt', 'not a receipt', 'bad-shape', 1],
    ['empty.txt', '', 'bad-shape', 1],
    ['padded.txt', `${toBase64url(RECEIPT)}==`, 'bad-shape', 1],
    ['long.txt', 'A'.repeat(100_000), 'too-long', 1],
  ]
  for (const [name, content, expected, exit] of cases) {
    file(name, content)
    const { code, err } = await verify([name, '--net', NET])
    assert.ok(err.startsWith(`${expected}: `), `${name}: ${err}`)
    assert.is(code, exit)
  }
  assert.is((await verify(['none.cose', '--net', NET])).code, 2)
  assert.is((await verify(['receipt.cose', '--net', 'none.genesis'])).code, 2)
  const unnamed = await verify(['receipt.cose'])
  assert.is(unnamed.code, 2)
  assert.match(unnamed.err, 'needs --net')
  const swapped = await verify([NET, '--net', 'receipt.cose'])
  assert.is(swapped.code, 1)
  assert.is(toHex(RECEIPT.subarray(0, 2)), 'd284')
})

receipts.run()
