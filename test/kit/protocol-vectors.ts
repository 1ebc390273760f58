/**
 * Writes the vectors of the protocol as JSON:
 *
 *     node test/kit/protocol-vectors.ts > test/vectors/protocol.json
 *
 * Only where the protocol was changed on purpose; `test/protocol.test.ts` fails until then.
 */

import { toHex } from '../../src/core/bytes.ts'
import { buildProtocol, NOW_MS } from './protocol.ts'
import { buildRefused } from './protocol-refused.ts'

/** The file's content: everything in hexadecimal. */
export interface ProtocolVectors {
  readonly about: string
  readonly nowMs: number
  readonly digests: Readonly<Record<string, string>>
  readonly golden: Readonly<Record<string, string>>
  readonly refused: readonly {
    readonly name: string
    readonly reader: string
    readonly code: string
    readonly bytes: string
  }[]
}

const ABOUT = [
  'Golden bytes of webx protocol 1. An Ed25519 or X25519 private key is 32 times one byte: organization 1, members 2 to 5, terminal 6, shopper 7, recovered 8',
  'to 9, next keys 100 and recovery keys 200 more, epoch keys 12 to 15, check-in 41, answers 42, ephemeral 43 and 44, transport 51; salts are 16 times the number of their person.',
  '"refused" has one thing wrong each; "reader" says what reads the bytes, "code" how they are refused.',
].join(' ')

/** The vectors of today's code. */
export function protocolVectors(): ProtocolVectors {
  const protocol = buildProtocol()
  const hex = (list: Readonly<Record<string, Uint8Array>>) =>
    Object.fromEntries(Object.entries(list).map(([name, bytes]) => [name, toHex(bytes)]))
  return {
    about: ABOUT,
    nowMs: NOW_MS,
    digests: hex(protocol.digests),
    golden: hex(protocol.bytes),
    refused: buildRefused(protocol).map(({ bytes, ...rest }) => ({ ...rest, bytes: toHex(bytes) })),
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(protocolVectors(), null, 2)}\n`)
