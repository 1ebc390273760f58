/** The thread that `hash-workers.ts` starts: takes its share of a message whenever it is told to. */

import { parentPort, workerData } from 'node:worker_threads'
import { createShare, type ThreadStart } from '../wasm/hash-shared.ts'

const share = createShare(workerData as ThreadStart, (group) => parentPort?.postMessage(group))
parentPort?.on('message', share)
