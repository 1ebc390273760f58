/** One backup, or one restore, in a process of its own, for `backup.system.ts`: to be killed at a step of it, or to be weighed. */

import { open } from 'node:fs/promises'
import { backUpNode } from '../../src/backup.ts'
import { unlockWith } from '../../src/drivers/backup-seal.ts'
import { blocksOf, wholeReader } from '../../src/drivers/qnt-blocks.ts'
import { restoreNode } from '../../src/restore.ts'
import { CHEAP, PASSPHRASE } from '../kit/backup-node.ts'
import { onFullDisk } from '../kit/failing-disk.ts'
import { peakOfThisProcess } from '../kit/peak.ts'

const [what = '', file = '', dataDir = '', steps = ''] = process.argv.slice(2)

if (what === 'restore') {
  const source = await open(file, 'r')
  const restore = () => restoreNode(blocksOf(wholeReader(source)), dataDir, { unlock: unlockWith(PASSPHRASE) })
  if (steps === '') await restore()
  else await onFullDisk(Number(steps), restore, () => process.kill(process.pid, 'SIGKILL'))
  await source.close()
} else {
  const node = { dataDir, keyFile: `${dataDir}/node.key`, genesis: '', settings: '' }
  await backUpNode(file, node, { passphrase: PASSPHRASE, cost: CHEAP })
}
process.stdout.write(`${peakOfThisProcess()}\n`)
