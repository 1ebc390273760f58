/**
 * The commands around the public log, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION } from './spec-shape.ts'

const PROFILE_OPTION = { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' }
const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: PROFILE_OPTION,
  json: JSON_OPTION,
}
const DIGEST_OPTION = { value: 'HEX', about: 'BLAKE3 digest of the document, in place of FILE' }
const OUT_OPTION = { value: 'RECEIPT', about: 'where to keep the receipt; must not exist yet' }

/** `webx public append`, `prove`, `verify` and `watch`. */
export const PUBLIC_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'public append',
    operands: ['[FILE]'],
    summary: 'Put a document’s digest on the public record, in your name; done only when it is WITNESSED.',
    details:
      'Nothing but digest, note and your identity leaves this machine. Where the time is over before there is a receipt, the exit code is 4 and it says how far the document has come: what the log’s home has carried stays, and `webx public prove` gives the receipt once the other homes are back. The receipt says where the digest stands in the log, and who has cosigned; anybody can check it with the genesis alone. When more than two thirds of the network have cosigned in the knowledge that the log’s home had, `webx public prove` gives one of grade NETWORK.',
    options: {
      digest: DIGEST_OPTION,
      note: { value: 'TEXT', about: 'what is to be said with it, up to 200 characters; everybody can read it' },
      out: OUT_OPTION,
      timeout: { value: 'SECONDS', about: 'how long to wait, 1 to 3600 (default: 60)' },
      ...STATION_OPTIONS,
    },
    example: 'webx public append contract.pdf --note signed --out contract.receipt',
  },
  {
    name: 'public prove',
    operands: ['[FILE]'],
    summary: 'Make the newest receipt of a document that is in the public log.',
    details:
      'With --text, the receipt is a C2SP tlog-proof, for the tools of other transparency logs; `webx public verify` does not read that.',
    options: {
      digest: DIGEST_OPTION,
      out: OUT_OPTION,
      text: { about: 'as a C2SP tlog-proof' },
      net: { value: 'GENESIS', about: 'genesis file of the net, for --text' },
      ...STATION_OPTIONS,
    },
    example: 'webx public prove contract.pdf --out contract.receipt',
  },
  {
    name: 'public verify',
    operands: ['RECEIPT'],
    summary: 'Check a receipt offline, with nothing but the genesis of its net.',
    details:
      'Without FILE or digest it says what the receipt is for; with one of them, it fails where the receipt is for something else.',
    options: {
      net: { value: 'GENESIS', about: 'genesis file of the net' },
      file: { value: 'FILE', about: 'the document that the receipt should be for' },
      digest: { value: 'HEX', about: 'the digest that the receipt should be for' },
      profile: PROFILE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx public verify contract.receipt --net shop.genesis --file contract.pdf',
  },
  {
    name: 'public watch',
    operands: [],
    summary: 'Follow the public log as the node on this machine sees it: leaves, checkpoints, cosignatures, alarms.',
    details:
      'Ends when it is interrupted, or after --for. Exit code 1 where somebody was seen to show two views of the log.',
    options: {
      for: { value: 'SECONDS', about: 'end after so long, 1 to 86400' },
      ...STATION_OPTIONS,
      json: { about: 'print a line of JSON on stdout for each piece of news' },
    },
    example: 'webx public watch --data /var/lib/webx',
  },
]
