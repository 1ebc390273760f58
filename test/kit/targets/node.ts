/**
 * Runs the bundled vectors, with the runtime's own worker threads, in a Node of any processor and prints the reports as
 * one line of JSON:
 *
 *     node test/kit/targets/node.ts BUNDLE FOLDER_OF_KERNELS
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HASH_THREADS } from '../../../src/drivers/hash-workers.ts'

const [bundle = '', folder = ''] = process.argv.slice(2)
const { answers } = (await import(pathToFileURL(bundle).href)) as typeof import('./entry.ts')
const reports = await answers((file) => readFile(join(folder, file)), HASH_THREADS)
process.stdout.write(`${JSON.stringify({ arch: process.arch, version: process.version, reports })}\n`)
