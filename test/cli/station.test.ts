/** Commands that ask a running node, on a real control socket with methods of the test's own: what they ask, print, and end with. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { toBase64url } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { type ControlMethod, openControlSocket } from '../../src/drivers/control-socket.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { recordingIo } from '../kit/io.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const commands = suite('cli: commands that ask a node')
const ID = 'e6acfe30ee4b3e33d90fed15fc9b5cc4e1260e02e1c3ccdeb857ac8efd10c613'
const LABEL = 'e6acfe30-ee4b-8e33-990f-ed15fc9b5cc4'
const ACCOUNT = 'ee'.repeat(32)
const STATUS = {
  ...{
    id: ID,
    keyLog: 2,
    keyActs: false,
    account: ACCOUNT,
    address: ACCOUNT,
    link: 'up',
    seatsUp: 24,
    quorum: 17,
    voting: true,
  },
  ...{ balances: { EUR: '50.00', POINT: '7' }, checkins: 2, enrolled: true, checkedIn: false, counters: { sent: 3 } },
}
const RECEIPT = Uint8Array.of(0xd2, 0x84, 1, 2, 3)
const PAID = {
  ...{ grade: 'SETTLED', shopper: LABEL, amount: '4.20', asset: 'EUR', locks: 18, confirms: 17 },
  receipt: toBase64url(RECEIPT),
}
const OPEN = {
  ...{ reference: 'ab'.repeat(32), state: 'selected', amount: '4.20', asset: 'EUR', startedMs: 1_790_000_000_000 },
  ...{ shopper: LABEL, receipt: null },
}
const SETTLED = { ...OPEN, state: 'settled', receipt: PAID.receipt }

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A node that answers every call from `answers` (a value, or what it throws), and notes what it was asked. */
function withNode(
  answers: Record<string, unknown>,
  use: (run: (...args: string[]) => Promise<Said>, asked: unknown[], directory: string) => Promise<void>,
): () => Promise<void> {
  return () =>
    withTemp(async (directory) => {
      const asked: unknown[] = []
      const answer = (name: string): ControlMethod => {
        return async ({ params, progress }) => {
          asked.push([name, params])
          progress({ stage: 'looking' })
          const value = answers[name]
          if (value instanceof Error) throw value
          return value
        }
      }
      const methods = Object.fromEntries(Object.keys(answers).map((name) => [name, answer(name)]))
      const path = join(directory, CONTROL_SOCKET)
      const server = await openControlSocket({ path, methods, counters: createCounters() })
      const run = async (...args: string[]): Promise<Said> => {
        const io = recordingIo({ workingDirectory: directory })
        const code = await runCommandLine([...args, '--data', directory], io)
        return { code, out: io.out(), err: io.err() }
      }
      try {
        await within(10_000, use(run, asked, directory))
      } finally {
        await server.close()
      }
    })
}

commands(
  'status and wallet show what the node says of itself',
  withNode({ status: STATUS }, async (run) => {
    const { code, out, err } = await run('status')
    assert.is(err, '')
    assert.is(code, 0)
    for (const words of [LABEL, ID, ACCOUNT, '24 heard of, 17 needed', '50.00 EUR', '7 POINT']) {
      assert.ok(out.includes(words), words)
    }
    assert.match(out, /votes +yes\n/)
    assert.match(out, /check-ins +2\n/)
    assert.match(out, /checked in +no\n/)
    assert.equal(JSON.parse((await run('status', '--json')).out), { ok: true, label: LABEL, ...STATUS })
    const wallet = await run('wallet', 'show', '--json')
    assert.equal(JSON.parse(wallet.out), {
      ok: true,
      label: LABEL,
      account: ACCOUNT,
      address: ACCOUNT,
      balances: STATUS.balances,
    })
    assert.match((await run('wallet', 'show')).out, /account +(ee){32}\nholds +50\.00 EUR\n/)
  }),
)

commands(
  'money is issued, or the reason is said with its exit code',
  withNode({ issue: { grade: 'SETTLED', amount: '50.00', asset: 'EUR', to: ACCOUNT } }, async (run, asked) => {
    const issued = await run('wallet', 'issue', '50.00', 'EUR', ACCOUNT)
    assert.is(issued.out, `50.00 EUR issued to ${ACCOUNT}  SETTLED\n`)
    assert.equal(asked, [['issue', { amount: '50.00', asset: 'EUR', to: ACCOUNT }]])
    const json = await run('wallet', 'issue', '50.00', 'EUR', ACCOUNT, '--json')
    assert.is((JSON.parse(json.out) as { grade: string }).grade, 'SETTLED')
    const short = await run('wallet', 'issue', '50.00', 'EUR')
    assert.is(short.code, 2)
    assert.match(short.err, 'needs TO')
  }),
)

commands(
  'a device enrols from as many photographs as are named, by whole paths',
  withNode({ enrol: { templates: 2 }, forget: {}, checkout: {} }, async (run, asked, directory) => {
    const { out } = await run('device', 'enrol', 'one.jpg', '/photos/two.jpg')
    assert.match(out, /^enrolled: 2 templates, sealed on this device/)
    assert.equal(asked, [['enrol', { photos: [join(directory, 'one.jpg'), '/photos/two.jpg'] }]])
    assert.equal(JSON.parse((await run('device', 'enrol', 'one.jpg', '--json')).out), { ok: true, templates: 2 })
    const none = await run('device', 'enrol')
    assert.is(none.code, 2)
    assert.match(none.err, 'needs PHOTO...')
    assert.match((await run('device', 'forget')).out, 'forgotten')
    assert.is((await run('device', 'checkout')).out, 'checked out\n')
    assert.equal(JSON.parse((await run('device', 'checkout', '--json')).out), { ok: true })
    assert.is((await run('device', 'checkout', 'now')).code, 2)
  }),
)

commands(
  'a device checks in, and shows who looked',
  withNode(
    {
      checkin: { terminal: LABEL, id: ID },
      probes: {
        total: 9,
        probes: [
          { atMs: 1_790_000_000_000, terminal: LABEL, terminalId: ID, reference: 'ab'.repeat(32), outcome: 'claimed' },
          { atMs: 1_790_000_001_000, terminal: null, terminalId: ID, reference: 'cd'.repeat(32), outcome: 'unknown' },
        ],
      },
    },
    async (run, asked) => {
      assert.match((await run('device', 'checkin', LABEL)).out, `checked in at ${LABEL}`)
      const { out } = await run('device', 'probes', '--last', '2')
      const lines = out.split('\n')
      assert.match(lines[0] ?? '', `2026-09-21T14:13:20.000Z  ${LABEL}  claimed   payment ababababababab`)
      assert.match(lines[1] ?? '', `${ID}  unknown `)
      assert.is(lines[2], '2 of 9 probes')
      await run('device', 'probes')
      assert.equal(asked, [
        ['checkin', { terminal: LABEL }],
        ['probes', { last: 2 }],
        ['probes', { last: 20 }],
      ])
      assert.is((JSON.parse((await run('device', 'probes', '--json')).out) as { total: number }).total, 9)
      for (const wrong of ['0', 'all', '1.5']) assert.is((await run('device', 'probes', `--last=${wrong}`)).code, 2)
    },
  ),
)

commands(
  'a payment keeps its receipt in a file that was not there',
  withNode({ pay: PAID }, async (run, asked, directory) => {
    const paid = await run('pay', '4.20', 'EUR', '--out', 'receipt.cose')
    assert.is(paid.out, `${LABEL} paid 4.20 EUR  SETTLED  18 locks, 17 confirms\n`)
    assert.equal(new Uint8Array(readFileSync(join(directory, 'receipt.cose'))), RECEIPT)
    const again = await run('pay', '4.20', 'EUR', '--out', 'receipt.cose')
    assert.is(again.code, 2)
    assert.match(again.err, 'nobody was asked to pay')
    assert.is(asked.length, 1)
    assert.equal(JSON.parse((await run('pay', '4.20', 'EUR', '--json')).out), { ok: true, ...PAID })
  }),
)

commands(
  'without an asset, the terminal takes its own',
  withNode({ pay: PAID }, async (run, asked) => {
    assert.is((await run('pay', '4.20')).code, 0)
    assert.equal(asked, [['pay', { amount: '4.20' }]])
    assert.is((await run('pay')).code, 2)
  }),
)

commands('Ctrl-C calls a payment off at the node, leaves no empty receipt, and says how to ask for it', () =>
  withTemp(async (directory) => {
    const reference = 'ab'.repeat(32)
    const person = new AbortController()
    const offAtNode = Promise.withResolvers<void>()
    const pay: ControlMethod = async ({ signal, progress }) => {
      signal.addEventListener('abort', () => offAtNode.resolve())
      progress({ stage: 'settling', reference })
      setTimeout(() => person.abort('SIGINT'), 50)
      await offAtNode.promise
    }
    const path = join(directory, CONTROL_SOCKET)
    const server = await openControlSocket({ path, methods: { pay }, counters: createCounters() })
    try {
      const io = recordingIo({ workingDirectory: directory, signal: person.signal })
      const args = ['pay', '4.20', 'EUR', '--out', 'r.cose', '--data', directory]
      assert.is(await within(5_000, runCommandLine(args, io)), 1)
      assert.is(
        io.err(),
        `stopped: the payment was called off. webx payment show ${reference} says what became of it.\n`,
      )
      assert.is(io.out(), '')
      assert.not(existsSync(join(directory, 'r.cose')))
      await within(2_000, offAtNode.promise, 'the node')
    } finally {
      await server.close()
    }
  }),
)

commands(
  'a payment that stayed open is shown, waited for and closed by its reference',
  withNode(
    { payment: OPEN, awaitPayment: SETTLED, cancelPayment: { ...OPEN, state: 'closed' } },
    async (run, asked) => {
      const { reference } = OPEN
      const at = '2026-09-21T14:13:20.000Z  4.20 EUR'
      assert.is((await run('payment', 'show', reference)).out, `${at}  selected  ${LABEL}\n`)
      assert.is((await run('payment', 'await', reference, '--timeout', '300')).out, `${at}  SETTLED  ${LABEL}\n`)
      assert.equal(JSON.parse((await run('payment', 'await', reference, '--json')).out), { ok: true, ...SETTLED })
      assert.is((await run('payment', 'cancel', reference)).out, `${at}  closed  ${LABEL}\n`)
      assert.equal(asked, [
        ['payment', { reference }],
        ['awaitPayment', { reference, timeoutMs: 300_000 }],
        ['awaitPayment', { reference, timeoutMs: 60_000 }],
        ['cancelPayment', { reference }],
      ])
      for (const wrong of ['3601', '1.5', 'long']) {
        assert.is((await run('payment', 'await', reference, `--timeout=${wrong}`)).code, 2)
      }
      for (const verb of ['show', 'await', 'cancel']) assert.is((await run('payment', verb)).code, 2)
    },
  ),
)

commands(
  'what the node refuses keeps its code, hint and exit code, and leaves no empty receipt',
  withNode(
    {
      pay: new WebxError('no-claim', 'nobody claims this face'),
      issue: new WebxError('over-cap', 'EUR is capped at 100'),
      enrol: new WebxError('faces-differ', 'photograph 2 does not show the same person', { hint: 'Enrol again.' }),
      checkin: new WebxError('not-allowed', 'this net has no terminal "x"'),
      status: new WebxError('internal', 'broken'),
    },
    async (run, _, directory) => {
      const cases: [string[], number, string][] = [
        [['pay', '4.20', 'EUR', '--out', 'r.cose'], 3, 'no-claim: nobody claims this face.\n'],
        [['wallet', 'issue', '1', 'EUR', ACCOUNT], 3, 'over-cap: '],
        [['device', 'enrol', 'x.jpg'], 1, 'faces-differ: photograph 2 does not show the same person. Enrol again.\n'],
        [['device', 'checkin', 'x'], 3, 'not-allowed: '],
        [['device', 'checkout'], 2, 'bad-argument: this node knows no method "checkout".\n'],
      ]
      for (const [args, code, message] of cases) {
        const said = await run(...args)
        assert.is(said.code, code, args.join(' '))
        assert.is(said.out, '')
        assert.ok(said.err.startsWith(message), said.err)
      }
      assert.not(existsSync(join(directory, 'r.cose')))
      const json = await run('status', '--json')
      assert.is((JSON.parse(json.out) as { error: { code: string } }).error.code, 'internal')
    },
  ),
)

commands('without a node, every one of them ends unreachable and says what to do', () =>
  withTemp(async (directory) => {
    writeFileSync(join(directory, 'x.jpg'), '')
    const lines = ['status', 'wallet show', `wallet issue 1 EUR ${ACCOUNT}`, 'device enrol x.jpg', 'device forget']
    for (const line of [
      ...lines,
      'device checkin x',
      'device checkout',
      'device probes',
      'device proof-key',
      'till enrolled',
      'pay 1 EUR --out r',
      'payment show x',
    ]) {
      const io = recordingIo({ workingDirectory: directory })
      const code = await runCommandLine([...line.split(' '), '--data', directory], io)
      assert.is(code, 4, line)
      assert.match(io.err(), /^unreachable: no node listens at .*Start one with webx run/)
    }
    assert.not(existsSync(join(directory, 'r')))
  }),
)

commands.run()
