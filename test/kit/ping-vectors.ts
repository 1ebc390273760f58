/**
 * Writes the vectors of pings as JSON:
 *
 *     node test/kit/ping-vectors.ts > test/vectors/ping.json
 *
 * Only where the format was changed on purpose; `test/data/ping.test.ts` fails until then.
 */

import { fromBase64url, toHex } from '../../src/core/bytes.ts'
import { holderText } from '../../src/data/holder-text.ts'
import { encodePresentation } from '../../src/data/presentation.ts'
import { challengeFor } from '../../src/data/redemption.ts'
import { statusStatement } from '../../src/data/statuslist.ts'
import { refusedPings } from './ping-refused.ts'
import * as kit from './pings.ts'

/** The file's content: everything in hexadecimal. */
export interface PingVectors {
  readonly about: string
  readonly nowMs: number
  readonly secret: string
  readonly keys: Readonly<Record<string, string>>
  readonly golden: Readonly<Record<string, string>>
  readonly refused: readonly {
    readonly name: string
    readonly reader: string
    readonly code: string
    readonly bytes: string
  }[]
}

const ABOUT = [
  'Pings of webx, version 1. An Ed25519 or X25519 private key is 32 times one byte: owner 1, Alice 21, Bob 22, Carol 23. The server is 32 times 9, the file 32 times 4 in version 3, the net 32 times 11.',
  '"refused" has one thing wrong each; "reader" says how far the bytes come: read as a presentation, verified against the owner’s key, redeemed one second after "nowMs"',
  'with the golden status list, or taken in the place of that list; "code" says how they are refused.',
].join(' ')

/** The vectors of today's code. */
export function pingVectors(): PingVectors {
  const ping = kit.mint()
  const [bobs, carols] = kit.chain(ping, [
    [kit.ALICE, kit.TO_BOB],
    [kit.BOB, kit.TO_CAROL],
  ]) as [Uint8Array, Uint8Array]
  const disclosures = kit.disclosuresOf('title', 'rows')
  const shown = encodePresentation({ ping, narrowings: [bobs, carols], disclosures })
  const golden = {
    ping,
    narrowingToBob: bobs,
    narrowingToCarol: carols,
    presentationBlank: encodePresentation({ ping, narrowings: [], disclosures: [] }),
    presentationOfCarol: shown,
    challenge: challengeFor(kit.SERVER, kit.SECRET, kit.fill(16, 8), kit.NOW_MS),
    redemption: kit.answer(shown, kit.CAROL),
    statusList: kit.statusList(),
    statusStatement: statusStatement(kit.fill(32, 11), kit.statusList()),
    holderText: fromBase64url(
      holderText({ id: kit.fill(32, 12), holderKey: kit.ALICE.key, agreementKey: kit.ALICE.agreementKey }),
    ),
  }
  return {
    about: ABOUT,
    nowMs: kit.NOW_MS,
    secret: toHex(kit.SECRET),
    keys: hex({ owner: kit.OWNER.key, alice: kit.ALICE.key, bob: kit.BOB.key, carol: kit.CAROL.key }),
    golden: hex(golden),
    refused: refusedPings().map(({ name, reader, code, bytes }) => ({ name, reader, code, bytes: toHex(bytes) })),
  }
}

function hex(list: Readonly<Record<string, Uint8Array>>): Record<string, string> {
  return Object.fromEntries(Object.entries(list).map(([name, bytes]) => [name, toHex(bytes)]))
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(pingVectors(), null, 2)}\n`)
