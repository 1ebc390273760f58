/**
 * The protocol's models, searched to the end by Spin: no reachable state breaks a promise, and every rule that is left out is missed.
 *
 * A model that is right for nothing would pass, too. So each has weakenings, which must be refuted, and states that must be reached. What is modelled and what is not
 * stands at the top of each file in test/models/. Needs `spin` and `gcc`; all together two minutes of one core.
 */

import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tempForProcess } from '../kit/temp.ts'

interface Model {
  readonly name: string
  /** Fewer states than this would mean that it has lost something. */
  readonly statesMin: number
  /** Rules left out: what to define. */
  readonly weakenings: readonly string[]
  /** What must be possible, or the promises would be empty. */
  readonly reached: readonly string[]
}

const MODELS: readonly Model[] = [
  {
    name: 'handover',
    statesMin: 4_000_000,
    weakenings: [
      ...['QUORUM_TWO_SEATS', 'READY_QUORUM', 'OLD_VOTES_COUNT', 'LOCKS_LOST_ON_ABORT', 'RESTART_FORGETS', 'KEYS_KEPT'],
      ...['OLD_CERTIFICATE', 'VOTE_AFTER_FREEZE', 'REPORT_BEFORE_FREEZE', 'REPORT_UNPROVEN', 'INCOMPLETE_COUNTS'],
      ...['CHECKPOINT_UNCHECKED', 'SETTLED_UNREPORTED', 'OWN_STATE_ENTERS', 'CERT_IS_FINAL'],
    ],
    reached: [
      'epoch == 2 && rolledBack && settled[1] == 2',
      'epoch == 2 && vacant == 3 && settled[2] != NONE && decided[2] == NONE',
      'epoch == 1 && aborted && !closed && settled[2] != NONE',
    ],
  },
  {
    name: 'unlock',
    statesMin: 5_000_000,
    weakenings: [
      ...['QUORUM_TWO', 'LOCK_AFTER_FREEZE', 'CONFIRM_AFTER_FREEZE', 'REPORT_BEFORE_FREEZE', 'REPORT_UNPROVEN'],
      ...['VOID_FORGOTTEN', 'VOID_NOT_BINDING', 'UNLOCK_AHEAD', 'UNLOCK_OUTLIVES_EPOCH', 'CERT_IS_FINAL'],
    ],
    reached: [
      'epoch == 2 && decided[1] == VOID && settled[2] == 2 && decided[2] == NONE',
      'closed && chain[1] == 1 && settled[1] != NONE',
    ],
  },
  {
    name: 'publiclog',
    statesMin: 5_000_000,
    weakenings: [
      ...['QUORUM 5', 'DECISION 5', 'CONSISTENCY_UNCHECKED', 'SAME_SIZE_OTHER_ROOT', 'SMALLER_SIZE', 'MARK_UNPROVEN'],
      ...[
        'COSIGN_UNPERSISTED',
        'VOTE_UNPERSISTED',
        'COSIGN_AFTER_VOTE',
        'BASE_IS_EMPTY',
        'VOTES_REPEATED',
        'ONE_ROUND',
      ],
      'TREES_WITHHELD',
    ],
    reached: ['base == 2 && final == 4', 'base == 1 && final == 3 && cosignedBy[0] == 2'],
  },
  {
    name: 'redraw',
    statesMin: 600_000,
    weakenings: ['VOTES_REPEATED', 'OLD_NUMBER_COSIGNED', 'BASE_IS_EMPTY'],
    reached: ['base[1] == 1 && base[2] == 3 && final == 3', 'base[1] == 2 && base[2] == 2 && final == 1'],
  },
  {
    name: 'simplex',
    statesMin: 30_000,
    weakenings: [
      ...['QUORUM_TWO', 'PARENT_UNSKIPPED', 'PARENT_UNNOTARIZED', 'FINAL_AFTER_SKIP', 'SKIP_AFTER_FINAL'],
      ...['NOTARIZES_TWICE', 'RESTART_FORGETS'],
    ],
    reached: ['FINAL0(1) && FINAL1(2)', 'FINAL1(5)'],
  },
]

const FOLDER = fileURLToPath(new URL('../models/', import.meta.url))
const TEMP = tempForProcess()
const execute = promisify(execFile)
let searches = 0

const models = suite('system: models')

for (const { name, statesMin, weakenings, reached } of MODELS) {
  models(`${name}: no reachable state breaks a promise`, async () => {
    const report = await search(name, '', '-O2')
    const states = statesOf(report)
    process.stdout.write(`${name}: ${states} states\n`)
    assert.match(report, /errors: 0$/m)
    assert.match(report, /^Full statespace search/m)
    assert.not.match(report, /too small|not completed|truncated|out of memory|pan: reached|aborted/i)
    assert.match(report, /-end-"\n\t\(1 of \d+ states\)/, `${name} has statements that are never reached:\n${report}`)
    assert.ok(states >= statesMin, `${states} states`)
  })
  for (const weakening of weakenings) {
    models(`${name}: ${weakening} is refuted`, async () => {
      assert.match(await search(name, `#define ${weakening}`, '-O0'), /^pan:1: assertion violated/m)
    })
  }
  for (const state of reached) {
    models(`${name}: can come to ${state}`, async () => {
      assert.match(await search(name, `#define REACH (${state})`, '-O0'), /^pan:1: assertion violated +!\(/m)
    })
  }
}

models.run()

/** Makes the verifier of a model and lets it search; answers its report. */
async function search(name: string, define: string, optimization: string): Promise<string> {
  const folder = join(TEMP, `${searches++}`)
  await mkdir(folder)
  await writeFile(join(folder, 'model.pml'), `${define}\n#include "${join(FOLDER, `${name}.pml`)}"\n`)
  await run('spin', ['-a', 'model.pml'], folder)
  // safety only, no fairness, every state kept whole: nothing is left to chance
  const flags = ['-w', optimization, '-DSAFETY', '-DNOFAIR', '-DMEMLIM=6000']
  await run('gcc', [...flags, '-o', 'pan', 'pan.c'], folder)
  return run('./pan', ['-m100000', '-w23'], folder)
}

/** Runs a program in a folder; answers what it printed. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await execute(program, args, { cwd, maxBuffer: 2 ** 24, timeout: 300_000 })).stdout
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${program} is missing: apt-get install --no-install-recommends spin gcc libc6-dev`)
  }
}

function statesOf(report: string): number {
  return Number(/(\d+) states, stored/.exec(report)?.[1])
}
