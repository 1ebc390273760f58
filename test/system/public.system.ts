/** The public tier as people run it: four processes on a real broker, receipts that other processes check offline, a member that is killed and goes on. */

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readCheckpointText } from '../../src/consensus/publiclog/checkpoint.ts'
import { fromBase64, readNote } from '../../src/consensus/publiclog/note.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { callControl } from '../../src/drivers/control-socket.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { blake3 } from '../../src/wasm/hash.ts'
import { leafHash9162, verifyInclusion9162 } from '../kit/rfc9162.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname
const DOCUMENTS = 20
const run = promisify(execFile)

const test = suite('public tier, four processes')

/** A command in a process of its own. */
async function webx(net: Testnet, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [MAIN, ...args, '--json'], { cwd: net.directory })
  return JSON.parse(stdout) as Record<string, unknown>
}

const GENESIS = ['--net', 'genesis.webx']

test('20 documents are logged, their receipts hold offline, and a member that was killed goes on cosigning', async () => {
  const net = await createTestnet(4, { processes: true })
  try {
    const document = (name: string) => writeFile(join(net.directory, name), `the text of ${name}`)
    const append = async (name: string, member: number) => {
      await document(name)
      const receipt = ['--out', `${name}.receipt`, '--data', `member-0${member}`]
      return webx(net, 'public', 'append', name, '--note', name, ...receipt)
    }
    await append('first', 0)
    // the others without a process for each
    const rest = Array.from({ length: DOCUMENTS - 2 }, (_, i) => ask(net, i % 4, blake3(fromText(`${i}`))))
    await Promise.all(rest)
    await append('last', 1)
    for (const name of ['first', 'last']) {
      const verified = await webx(net, 'public', 'verify', `${name}.receipt`, ...GENESIS, '--file', name)
      assert.ok(verified['grade'] === 'WITNESSED' || verified['grade'] === 'NETWORK')
      assert.is(verified['note'], name)
    }
    const other = webx(net, 'public', 'verify', 'first.receipt', ...GENESIS, '--file', 'last')
    const refused = await other.then(
      () => '',
      (error: { stdout: string }) => JSON.parse(error.stdout).error.code,
    )
    assert.is(refused, 'wrong-file')

    // a stranger's tools: RFC 9162 by the letter, over the C2SP text
    const { text } = await webx(net, 'public', 'prove', 'first', '--text', ...GENESIS, '--data', 'member-02')
    const [head = '', note = ''] = splitProof(text as string)
    const [, extra = '', index = '', ...path] = head.split('\n')
    const checkpoint = readNote(note, 64)
    const { size, root } = readCheckpointText(checkpoint.text, net.genesis.netId)
    const entry = fromBase64(extra.replace('extra ', ''))
    const hashes = path.map((line) => fromBase64(line))
    const at = Number(index.replace('index ', ''))
    assert.ok(verifyInclusion9162(leafHash9162(entry), at, size, hashes, root))
    assert.is(verifyInclusion9162(leafHash9162(entry), at + 1, size, hashes, root), false)
    assert.ok(checkpoint.lines.length >= 6, `${checkpoint.lines.length} signatures`)

    const victim = net.members[3]
    await victim?.kill()
    await append('meanwhile', 0)
    await victim?.start()
    await victim?.recovered()
    const watching = webxLines(net, 'public', 'watch', '--for', '60', '--data', 'member-03')
    // with another one gone, a quorum of three needs the one that was killed
    await net.members[2]?.kill()
    await append('after', 3)
    const last = await webx(net, 'public', 'verify', 'after.receipt', ...GENESIS, '--file', 'after')
    assert.is(last['index'], DOCUMENTS + 1)
    assert.is(last['weight'], 3)
    const news = await watching
    assert.ok(news.some(({ kind, note: said }) => kind === 'leaf' && said === 'after'))
    assert.ok(news.some(({ kind, size: leaves }) => kind === 'cosigned' && leaves === DOCUMENTS + 2))
    assert.is(news.filter(({ kind }) => kind === 'fork').length, 0)
    assert.ok((await readFile(join(net.directory, 'after.receipt'))).length < 8_192)
  } finally {
    await net.close()
  }
})

/** Has a digest logged by a member, as its command line does. */
async function ask(net: Testnet, member: number, digest: Uint8Array): Promise<void> {
  const path = join(net.directory, `member-0${member}`, CONTROL_SOCKET)
  const params = { digest: toHex(digest), note: '' }
  await callControl({ path, method: 'publicAppend', params, timeoutMs: 60_000, clock: hostClock() })
}

/** All that a command says until it ends. */
async function webxLines(net: Testnet, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await run(process.execPath, [MAIN, ...args, '--json'], { cwd: net.directory })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Head and note of a tlog-proof. */
function splitProof(text: string): [string, string] {
  const at = text.indexOf('\n\n')
  return [text.slice(0, at), text.slice(at + 2)]
}

test.run()
