/** `webx ping notices`: what a holder's node was told of files that it watches, as its owner reads it. */

import '../kit/wasm.ts'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromBase64url, fromText, toHex } from '../../src/core/bytes.ts'
import { openControlSocket } from '../../src/drivers/control-socket.ts'
import { agreementHalfOf } from '../../src/drivers/qnt-holder.ts'
import { openRedeeming } from '../../src/station-redeem.ts'
import { recordingIo } from '../kit/io.ts'
import { alwaysSays, presented, READ_ALL, RedeemStage, RUNNABLES } from '../kit/redeem.ts'
import { tempForProcess } from '../kit/temp.ts'
import { vaultOf } from '../kit/vault.ts'

const TEMP = tempForProcess()
const test = suite('cli: notices')

test('are listed page by page, oldest first, with what the file’s own rule says', async () => {
  const stage = await RedeemStage.open(TEMP)
  const node = await stage.net.node()
  await mkdir(join(TEMP, 'none'))
  const vault = await vaultOf(node, join(TEMP, 'none'))
  const opened = await openRedeeming(node as never, {
    ...{ vault, statuses: node.statuses, runnables: RUNNABLES, jurisdictions: [] },
  })
  const control = await openControlSocket({
    ...{ path: join(TEMP, 'control.sock'), methods: opened.methods, counters: node.context.counters },
  })
  const ask = async (...options: string[]): Promise<string> => {
    const io = recordingIo({ workingDirectory: TEMP })
    assert.is(await runCommandLine(['ping', 'notices', '--data', TEMP, ...options], io), 0, io.err())
    return io.out()
  }
  try {
    assert.equal([await ask(), JSON.parse(await ask('--json'))], ['', { ok: true, notices: [] }])
    const { directory, keys } = node.context
    await stage.net.until(
      () => !!directory.keyOf(stage.owner.id) && !!stage.server.node.context.directory.keyOf(keys.id),
    )
    const says = 'x'.repeat(3_000)
    const rule = alwaysSays('notify', { kind: 'notify', payload: fromText(says) })
    let file = await stage.keep({ runnables: [rule] })
    const asker = { node, agreement: await agreementHalfOf(keys), redeemer: opened.redeeming }
    const minted = await stage.mint(file.manifest.dataId, stage.grantTo(asker as never))
    const watch = { presentation: presented(minted), request: { ...READ_ALL, operation: 'notify' } } as const
    await stage.net.during(opened.redeeming.redeem(watch, 20_000))
    for (let version = 2; version <= 11; version++) {
      file = await stage.keep({ runnables: version === 11 ? [] : [rule] }, file)
      await stage.net.until(() => [...opened.redeeming.notices()].length === version - 1)
    }
    const { notices } = JSON.parse(await ask('--json')) as { notices: Record<string, unknown>[] }
    assert.equal(
      notices.map(({ version }) => version),
      [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    )
    assert.equal(fromBase64url(String(notices[8]?.['payload'])), fromText(says))
    assert.equal(notices[9]?.['digest'], toHex(file.digest))
    const lines = (await ask()).trimEnd().split('\n')
    assert.is(lines.length, 10)
    const names = `${toHex(file.manifest.dataId).slice(0, 16)}  version 10  by ${toHex(stage.owner.id).slice(0, 16)}`
    assert.ok(lines[8]?.endsWith(`${names}  says 3000 bytes`), lines[8])
    assert.ok(lines[9]?.endsWith(toHex(stage.owner.id).slice(0, 16)), lines[9])
  } finally {
    await control.close()
    await stage.net.during(opened.close())
    await stage.close()
  }
})

test.run()
