/**
 * The commands around pings, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, type OptionSpec, PASSPHRASE_OPTION } from './spec-shape.ts'

const KEYS_OPTION: OptionSpec = { value: 'FILE', about: 'key file of the identity that does it' }
const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
  json: JSON_OPTION,
}
const GRANT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  to: { value: 'HOLDER', about: 'who may hold it: the text of `webx ping holder`, or a file with it' },
  operations: { value: 'LIST', about: 'of read, derive, aggregate, verify, notify, with commas between' },
  purposes: { value: 'LIST', about: 'what the data may be used for, with commas between' },
  range: { value: 'FROM:TO', about: 'bytes of the content, such as 0:65536 (default: all of it)' },
  uses: { value: 'N', about: 'how often it may be redeemed (default: without end)' },
  'not-before': { value: 'TIME', about: 'when it begins, such as 2027-01-31 or 2h' },
  expires: { value: 'TIME', about: 'when it ends, such as 2027-01-31 or 30d (default: 7d)' },
}
const OUT_OPTION: OptionSpec = { value: 'FILE', about: 'write it there (mode 0600) instead of to stdout' }
const ISSUER_OPTION: OptionSpec = {
  value: 'INCEPTION|LOG',
  about: 'who must have signed it: an inception, a key log, or a file with either',
}

/** `webx ping …`. */
export const PING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'ping holder',
    operands: [],
    summary: 'Show the text that owners need to mint pings for these keys.',
    options: { keys: KEYS_OPTION, 'passphrase-file': PASSPHRASE_OPTION, json: JSON_OPTION },
    example: 'webx ping holder --keys ben.key',
  },
  {
    name: 'ping mint',
    operands: ['FILE'],
    summary: 'Grant narrow access to a .qnt of yours, through your running node: a ping carries neither data nor key.',
    details:
      'FILE is the .qnt, or its data id. The ping names one server, which redeems it and counts its uses; fields are shown to whoever sees the ping.',
    options: {
      ...GRANT_OPTIONS,
      server: {
        value: 'IDENTITY',
        about: 'id or inception of the node that redeems it (default: the node that is asked)',
      },
      fields: { value: 'LIST', about: 'names of fields to disclose, with commas between, or all' },
      disclosures: { value: 'FILE', about: 'what opens the fields: `webx qnt seal --disclosures` wrote it' },
      'version-from': {
        value: 'N',
        about: 'earliest version of the file that it is for (default: the one that is named)',
      },
      out: OUT_OPTION,
      ...STATION_OPTIONS,
    },
    example: 'webx ping mint report.qnt --to ben.holder --operations read,notify --purposes billing --expires 30d',
  },
  {
    name: 'ping narrow',
    operands: ['PRESENTATION'],
    summary: 'Pass on part of what a ping grants to you, offline; more than you hold cannot be passed on.',
    details: 'What no option names stays as it is.',
    options: {
      keys: KEYS_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      ...GRANT_OPTIONS,
      range: { value: 'FROM:TO', about: 'bytes of the content, such as 0:65536' },
      uses: { value: 'N', about: 'how often it may be redeemed' },
      expires: { value: 'TIME', about: 'when it ends, such as 2027-01-31 or 30d' },
      fields: { value: 'LIST', about: 'names of the fields that it still shows, with commas between, or none' },
      out: OUT_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx ping narrow report.ping --keys ben.key --to carol.holder --operations read --uses 1',
  },
  {
    name: 'ping show',
    operands: ['PRESENTATION'],
    summary: 'Show what a ping says; its signatures are checked only where its issuer is named.',
    options: { issuer: ISSUER_OPTION, json: JSON_OPTION },
    example: 'webx ping show report.ping',
  },
  {
    name: 'ping verify',
    operands: ['PRESENTATION'],
    summary: 'Verify a ping without a network: signatures, every narrowing, its time, and revocation by a status list.',
    details:
      'Ends with exit code 3 where it is revoked, out of its time or wrongly passed on, 1 where it is not by a key that acts for the issuer, or cannot be read. Says how old what it knows of revocations is.',
    options: {
      issuer: ISSUER_OPTION,
      status: { value: 'FILE', about: 'status list of the issuer: `statusList` of `webx ping mint|revoke --json`' },
      json: JSON_OPTION,
    },
    example: 'webx ping verify report.ping --issuer anna.inception',
  },
  {
    name: 'ping revoke',
    operands: ['PING'],
    summary: 'Revoke a ping of yours for good, through your running node, with all that was narrowed from it.',
    details:
      'PING is the ping, or its id. Servers refuse it as soon as they hear of it; what was read before stays read.',
    options: STATION_OPTIONS,
    example: 'webx ping revoke 5f0c66c5d58b63a4f5e8b1bd0a4d3f4b',
  },
  {
    name: 'ping list',
    operands: [],
    summary: 'List the pings that your running node has minted, oldest first.',
    options: STATION_OPTIONS,
    example: 'webx ping list --json',
  },
  {
    name: 'ping redeem',
    operands: ['PRESENTATION', '[TARGET]'],
    summary: 'Redeem a ping through your running node at the server that it names.',
    details:
      'TARGET must not exist yet; it gets the content, or what the server made of it. Ends with exit code 3 where the server refuses, and says by which rule.',
    options: {
      purpose: { value: 'PURPOSE', about: 'what for: one of the purposes of the ping' },
      operation: { value: 'NAME', about: 'read, derive, aggregate, verify or notify (default: read)' },
      range: { value: 'FROM:TO', about: 'bytes of the content (default: all that the ping grants)' },
      question: { value: 'FILE', about: 'for verify: what is asked, made by `webx question ask`' },
      override: { value: 'FILE', about: 'the owner’s override of the file’s runnable, made by `webx dsr override`' },
      ...STATION_OPTIONS,
    },
    example: 'webx ping redeem report.ping report.pdf --purpose billing',
  },
  {
    name: 'ping notices',
    operands: [],
    summary: 'List the last notices of new versions that came to your running node, oldest first.',
    details:
      'Notices come of files that you watch: `webx ping redeem --operation notify`. With --json, `payload` is what the file’s own rule says of the version, in base64url.',
    options: STATION_OPTIONS,
    example: 'webx ping notices --json',
  },
]
