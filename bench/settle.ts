/**
 * How long an order takes to be SETTLED by 25 nodes in one process, through the embedded broker, with every store on the disk and synced.
 *
 * Timed is the whole way of a signed order: sent, locked by 17, certified, confirmed by 17, settled in the register of a node without a seat that listens to the votes.
 * With concurrency c, c owners keep one order each under way.
 */

import { performance } from 'node:perf_hooks'
import { createTestnet, type Testnet } from '../src/testnet.ts'
import { type Owner, Owners } from '../test/kit/owners.ts'

const SEATS = 25
const SETTLE_MS_MAX = 60_000

/** One line of the result; times in milliseconds. */
export interface Row {
  readonly case: string
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
}

/** Measures concurrency 1 and 64 in one neighborhood of 25. */
export async function run(): Promise<{ rows: Row[] }> {
  const testnet = await createTestnet(SEATS)
  try {
    const rows: Row[] = []
    for (const [concurrency, rounds] of [
      [1, 40],
      [64, 8],
    ] as const) {
      process.stderr.write(`settle: n=${SEATS} c=${concurrency}\n`)
      rows.push(await measure(testnet, concurrency, rounds))
    }
    return { rows }
  } finally {
    await testnet.close()
  }
}

async function measure(testnet: Testnet, concurrency: number, rounds: number): Promise<Row> {
  const watcher = await testnet.addNode(`watcher-${concurrency}`, { hearsVotes: true })
  const owners = new Owners(watcher)
  const payers = await owners.funded(testnet.organization, concurrency, 1_000)
  const payOnce = async (payer: Owner): Promise<number> => {
    const order = owners.pay(payer, watcher.wallet.account, 1)
    const startMs = performance.now()
    await owners.settle(order, SETTLE_MS_MAX)
    return performance.now() - startMs
  }
  await Promise.all(payers.map(payOnce))
  const startMs = performance.now()
  const times = (
    await Promise.all(
      payers.map(async (payer) => {
        const own: number[] = []
        for (let round = 0; round < rounds; round++) own.push(await payOnce(payer))
        return own
      }),
    )
  ).flat()
  const elapsedMs = performance.now() - startMs
  await watcher.stop()
  times.sort((a, b) => a - b)
  return {
    case: `n=${SEATS} c=${concurrency}`,
    p50Ms: tenths(times[Math.floor(times.length * 0.5)] ?? 0),
    p99Ms: tenths(times[Math.floor(times.length * 0.99)] ?? 0),
    perSecond: tenths((times.length * 1000) / elapsedMs),
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}
