/**
 * One public log for two neighborhoods, as people run it: eight processes on a real broker while epochs turn. What is appended in the second is final for both and checked offline; it still arrives
 * when a MasterNode is killed and others are drawn without it.
 */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readCheckpointText } from '../../src/consensus/publiclog/checkpoint.ts'
import { fromBase64, readNote } from '../../src/consensus/publiclog/note.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { leafHash9162, verifyInclusion9162 } from '../kit/rfc9162.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const SEATS = 4
const POLICY = { seats: SEATS, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
const [HERE, THERE] = ['member-00', '1-member-01']
const run = promisify(execFile)

const test = suite('public tier, two neighborhoods')

/** A command in a process of its own. */
async function webx(net: Testnet, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [MAIN, ...args, '--json'], { cwd: net.directory })
  return JSON.parse(stdout) as Record<string, unknown>
}

let receipts = 0

/** The newest receipt for a file that a member makes, as it is checked by the genesis alone. */
async function checked(net: Testnet, name: string, member: string): Promise<Record<string, unknown>> {
  const out = `receipt-${++receipts}`
  await webx(net, 'public', 'prove', name, '--out', out, '--data', member)
  return webx(net, 'public', 'verify', out, '--net', 'genesis.webx', '--file', name)
}

async function append(net: Testnet, name: string, member: string): Promise<Record<string, unknown>> {
  await writeFile(join(net.directory, name), `the text of ${name}`)
  const [data, out] = [
    ['--data', member],
    ['--out', `${name}.receipt`],
  ]
  await webx(net, 'public', 'append', name, '--note', name, '--timeout', '120', ...data, ...out)
  return webx(net, 'public', 'verify', `${name}.receipt`, '--net', 'genesis.webx', '--file', name)
}

async function untilFinal(net: Testnet, name: string, member: string): Promise<Record<string, unknown>> {
  const end = Date.now() + 60_000
  for (;;) {
    const receipt = await checked(net, name, member).catch(() => null)
    if (receipt?.['grade'] === 'NETWORK') return receipt
    if (Date.now() > end) throw new Error(`${name} is not final at ${member}`)
    await new Promise((resume) => setTimeout(resume, 250))
  }
}

test('a leaf of the second neighborhood is final for both, and arrives without a MasterNode that was killed', async () => {
  const memberCommand = ['/usr/bin/env', 'WEBX_EPOCHS_SECONDS=15', 'WEBX_LOG_LEVEL=error', process.execPath, MAIN]
  const net = await createTestnet(SEATS, { processes: true, neighborhoods: 2, memberCommand, policy: POLICY })
  try {
    const first = await append(net, 'first', THERE)
    assert.is(first['weightMax'], 2 * SEATS)
    for (const member of [HERE, THERE]) {
      const { grade, index, note } = await untilFinal(net, 'first', member)
      assert.equal([grade, index, note], ['NETWORK', first['index'], 'first'])
    }

    // a stranger's tools: RFC 9162 by the letter, over the C2SP text
    const { text } = await webx(net, 'public', 'prove', 'first', '--text', '--net', 'genesis.webx', '--data', HERE)
    const [head = '', ...note] = (text as string).split('\n\n')
    const [, extra = '', index = '', ...path] = head.split('\n')
    const checkpoint = readNote(note.join('\n\n'), 64)
    const { size, root } = readCheckpointText(checkpoint.text, net.genesis.netId)
    const leaf = leafHash9162(fromBase64(extra.replace('extra ', '')))
    const hashes = path.map((line) => fromBase64(line))
    assert.ok(verifyInclusion9162(leaf, Number(index.replace('index ', '')), size, hashes, root))
    const cosigners = checkpoint.lines.filter(({ name }) => name.includes('/node/'))
    assert.ok(cosigners.length >= 6, `${cosigners.length} cosigners of both neighborhoods`)

    // its place is nobody's: the epoch ends without it, and MasterNodes are drawn by the votes of the others
    await net.members[1]?.kill()
    for (let n = 0; ; n++) {
      const { generation, epoch } = await append(net, `later-${n}`, THERE)
      if ((generation as number) > (first['generation'] as number)) {
        assert.ok((epoch as number) > 0)
        await untilFinal(net, `later-${n}`, HERE)
        break
      }
      await new Promise((resume) => setTimeout(resume, 1_000))
    }
    assert.is((await checked(net, 'first', HERE))['index'], first['index'])
  } finally {
    await net.close()
  }
})

test.run()
