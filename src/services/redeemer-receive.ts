/**
 * How what was granted is received: fetched block by block, its key unwrapped, and opened only if it is what the owner, or for a range the server, put a root to.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { AgreementHalf } from '../core/hpke.ts'
import { verifyManifest } from '../data/manifest.ts'
import { type Recipient, unwrapKey } from '../data/recipients.ts'
import type { GrantBody, RedeemGrant } from '../data/redeem-answer.ts'
import { chunkLayout } from '../data/stream.ts'
import { CHUNK_LOG2 } from '../data/tree.ts'
import type { FetchTarget, OpenedManifest, Redeemed } from '../kernel/redeeming.ts'

/** What a holder needs beside its context. */
export interface RedeemerParts {
  /** The private half of the key that its pings name for agreement. */
  readonly agreement: AgreementHalf
  /** The Ed25519 key of an owner at a position of its key log; null where that is not known. */
  readonly keyOf: (ownerId: Uint8Array, ownerPosition: number) => Uint8Array | null
}

/** A grant to read. */
export interface ReadGrant {
  /** 32-byte id of the file that the ping is of. */
  readonly dataId: Uint8Array
  readonly granted: RedeemGrant
  readonly body: Extract<GrantBody, { kind: 'file' | 'range' }>
}

/** Sealed bytes that must be fetched for a grant. */
export function bytesToFetch({ body }: ReadGrant): number {
  return body.kind === 'file' ? body.fileBytes : chunkLayout(body.contentBytes).sealedBytes
}

/** Opens what was put into the target. Throws `unknown-owner`, `bad-signature`, `wrong-file`, `tampered`, `bad-key`, and what the target throws. */
export async function openFetched(
  parts: RedeemerParts,
  grant: ReadGrant,
  target: FetchTarget,
): Promise<NonNullable<Redeemed['content']>> {
  const { body } = grant
  const wiped: Uint8Array[] = []
  const keep = (opened: OpenedManifest): OpenedManifest => {
    wiped.push(opened.keys.contentKey)
    return opened
  }
  try {
    if (body.kind === 'range') {
      return { from: body.from, bytes: await target.openChunks(keep(ofRange(parts, grant, body))), isWhole: false }
    }
    const unlock = async (document: Uint8Array) => keep(ofFile(parts, grant, document))
    return { from: 0, bytes: await target.openFile(unlock), isWhole: true }
  } finally {
    for (const key of wiped) key.fill(0)
  }
}

/** The manifest in the file must be the owner's, of the file of the ping, and the one that was granted. */
function ofFile({ agreement, keyOf }: RedeemerParts, grant: ReadGrant, document: Uint8Array): OpenedManifest {
  const { dataId, granted, body } = grant
  const { manifest, digest } = verifyManifest(document, keyOf)
  const isGranted = equal(digest, granted.digest) && manifest.fileVersion === granted.fileVersion
  if (!equal(manifest.dataId, dataId) || !isGranted) {
    throw new WebxError('wrong-file', 'the server has sent another file than it has granted')
  }
  const { keyEpoch, keyCommitment, root, contentBytes, chunkLog2 } = manifest
  const contentKey = unwrapped(agreement, body.recipient, dataId, keyEpoch)
  return { keys: { contentKey, dataId, keyEpoch }, commitment: keyCommitment, root, contentBytes, chunkLog2 }
}

/** The key epoch of a range is the version that it is out of. */
function ofRange(
  { agreement }: RedeemerParts,
  { dataId, granted }: ReadGrant,
  { recipient, commitment, root, contentBytes }: Extract<GrantBody, { kind: 'range' }>,
): OpenedManifest {
  const keyEpoch = granted.fileVersion
  const contentKey = unwrapped(agreement, recipient, dataId, keyEpoch)
  return { keys: { contentKey, dataId, keyEpoch }, commitment, root, contentBytes, chunkLog2: CHUNK_LOG2 }
}

function unwrapped(half: AgreementHalf, recipient: Recipient, dataId: Uint8Array, keyEpoch: number): Uint8Array {
  const key = unwrapKey([recipient], { suite: 'x25519', half }, { dataId, keyEpoch })
  if (key) return key
  throw new WebxError('wrong-holder', 'the content key is wrapped to another agreement key than that of this node', {
    hint: 'The ping must name the keys that “webx ping holder” shows for this identity.',
  })
}
