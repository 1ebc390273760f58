/**
 * The commands around .qnt files, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, type OptionSpec, PASSPHRASE_OPTION } from './spec-shape.ts'

/** `--keys` of commands that an identity does. */
export const KEYS_OPTION: OptionSpec = { value: 'FILE', about: 'key file of the identity that does it' }
const KEYS = { keys: KEYS_OPTION, 'passphrase-file': PASSPHRASE_OPTION }
const OWNER_OPTION: OptionSpec = {
  value: 'INCEPTION',
  about:
    'whose file it must be: the inception or the log that `webx id show` and `webx id log` print there, or a file with it',
}
const OWN_LOG_OPTION: OptionSpec = {
  value: 'LOG',
  about: 'your own key log, where your key file does not know it as far back as the file was signed',
}
const SUITE_OPTION: OptionSpec = {
  value: 'x-wing|x25519',
  about: 'how the key is wrapped to you: x25519 is small, x-wing (default) withstands quantum computers, too',
}
/** What a manifest says beside whose file it is. */
const TERMS: Readonly<Record<string, OptionSpec>> = {
  tier: { value: 'TIER', about: 'who agrees on its versions: private (you alone), protected, public' },
  purposes: { value: 'WORDS', about: 'what it may be used for, with commas between (none: anything)' },
  'retain-until': { value: 'TIME', about: 'from when on nothing is allowed any more: a date, 30d from now, or ever' },
  jurisdictions: { value: 'CODES', about: 'where it may be used: CH, EU, US-CA …, with commas between' },
  'legal-basis': {
    value: 'BASIS',
    about:
      'none, consent, contract, legal-obligation, vital-interests, public-task or legitimate-interests (GDPR article 6)',
  },
  fields: { value: 'NAME=VALUE,…', about: 'metadata that is blinded: whole numbers, true, false, or text' },
  'fields-file': { value: 'JSON', about: 'the same as an object in a file; bytes are {"hex": "00ff"}' },
  disclosures: { value: 'FILE', about: 'new file that keeps what `webx ping mint --disclosures` shows of the fields' },
  decoys: {
    value: 'N',
    about: 'so many recipients more that are nobody, and fields that are nothing where they are blinded here',
  },
  runnable: {
    value: 'HOOK=MODULE[:FUEL[:PARAMS]],…',
    about: 'runnables: access, expire, notify or aggregate, the module’s file, fuel (default: 1000000), params in hex',
  },
  parents: { value: 'FILES', about: 'the .qnt files that it was made from, with commas between' },
}
const TO_OPTION: OptionSpec = {
  value: 'TEXTS',
  about: 'for whom else: texts of `webx qnt recipient`, or files with one a line, with commas between',
}
const TO_AGAIN: OptionSpec = { ...TO_OPTION, about: `${TO_OPTION.about}; who is not named does not read it any more` }
const NO_TREE_OPTION: OptionSpec = {
  about: 'store no hash tree: 0.05 % smaller, but no range can be read by itself',
}

/** `webx qnt …` on files. */
export const QNT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'qnt seal',
    operands: ['FILE', 'TARGET'],
    summary: 'Seal a file to yourself and to others: a .qnt that only they can read and everybody can verify.',
    details:
      'FILE - is what comes through a pipe. TARGET must not exist yet. It takes at most 120 MB of memory whatever its size.',
    options: { ...KEYS, to: TO_OPTION, suite: SUITE_OPTION, ...TERMS, 'no-tree': NO_TREE_OPTION, json: JSON_OPTION },
    example:
      'webx qnt seal report.pdf report.qnt --keys anna.key --to ben.recipient --purposes audit --retain-until 2y',
  },
  {
    name: 'qnt open',
    operands: ['FILE', 'TARGET'],
    summary: 'Open a .qnt that is sealed to your keys.',
    details: 'TARGET must not exist yet, and appears only when all of it is verified.',
    options: { ...KEYS, owner: OWNER_OPTION, json: JSON_OPTION },
    example: 'webx qnt open report.qnt report.pdf --keys ben.key --owner anna.inception',
  },
  {
    name: 'qnt verify',
    operands: ['FILE'],
    summary: 'Verify the signature and every chunk of a .qnt; takes no key to read it.',
    options: { owner: OWNER_OPTION, json: JSON_OPTION },
    example: 'webx qnt verify report.qnt --owner anna.inception',
  },
  {
    name: 'qnt info',
    operands: ['FILE'],
    summary: 'Show what a .qnt says of itself, unverified: owner, version, size, recipients, rules.',
    options: { json: JSON_OPTION },
    example: 'webx qnt info report.qnt --json',
  },
  {
    name: 'qnt recipient',
    operands: [],
    summary: 'Show the text that others need to seal files to these keys: an X-Wing public key, or a small X25519 one.',
    options: { ...KEYS, suite: SUITE_OPTION, json: JSON_OPTION },
    example: 'webx qnt recipient --keys ben.key',
  },
  {
    name: 'qnt grant',
    operands: ['FILE', 'TARGET'],
    summary: 'Let more people read a file of yours: its next version, with the same content under the same key.',
    options: { ...KEYS, to: TO_OPTION, owner: OWN_LOG_OPTION, json: JSON_OPTION },
    example: 'webx qnt grant report.qnt report-2.qnt --keys anna.key --to carla.recipient',
  },
  {
    name: 'qnt revoke',
    operands: ['FILE', 'TARGET'],
    summary: 'Take a file of yours from somebody: its next version, under a new key for those who remain.',
    details:
      'Who could read the version before keeps what it could read. A file knows its recipients by nothing that a new key could be wrapped to, so name with --to all who remain.',
    options: {
      ...KEYS,
      from: { value: 'TEXTS', about: 'from whom: texts of `webx qnt recipient`, or files with one a line' },
      ...{ to: TO_AGAIN, suite: SUITE_OPTION, ...TERMS, owner: OWN_LOG_OPTION, json: JSON_OPTION },
    },
    example: 'webx qnt revoke report-2.qnt report-3.qnt --keys anna.key --from carla.recipient --to ben.recipient',
  },
  {
    name: 'qnt rekey',
    operands: ['FILE', 'TARGET'],
    summary: 'Give a file of yours a new key, and other rules if you like: its next version, with the same content.',
    details: 'Options that are left out stay as they were in the version before, but for --to and --decoys.',
    options: { ...KEYS, to: TO_AGAIN, suite: SUITE_OPTION, ...TERMS, owner: OWN_LOG_OPTION, json: JSON_OPTION },
    example: 'webx qnt rekey report.qnt report-2.qnt --keys anna.key --to ben.recipient --tier protected',
  },
  {
    name: 'qnt update',
    operands: ['FILE', 'CONTENT', 'TARGET'],
    summary: 'Give a file of yours other content: its next version, under a new key.',
    details:
      'CONTENT - is what comes through a pipe. Options that are left out stay as they were in the version before, but for --to and --decoys.',
    options: { ...KEYS, to: TO_AGAIN, suite: SUITE_OPTION, ...TERMS, owner: OWN_LOG_OPTION, json: JSON_OPTION },
    example: 'webx qnt update report.qnt report-v2.pdf report-2.qnt --keys anna.key --to ben.recipient',
  },
  {
    name: 'qnt shred',
    operands: ['FILE', 'TOMBSTONE'],
    summary: 'End a file of yours: a signed tombstone, at which every node that keeps the file removes its content.',
    details: 'Hand TOMBSTONE to `webx qnt keep`. FILE itself stays, unless --wipe is given.',
    options: {
      ...KEYS,
      wipe: { about: 'overwrite FILE and remove it; flash memory, snapshots and backups may keep copies' },
      ...{ owner: OWN_LOG_OPTION, json: JSON_OPTION },
    },
    example: 'webx qnt shred report.qnt report.tombstone --keys anna.key --wipe',
  },
  {
    name: 'qnt export',
    operands: ['FILE', 'TARGET'],
    summary: 'Write what a .qnt holds as an age file, for whoever has only age.',
    details: 'An age file has no owner, no versions and no rules; those are left behind.',
    options: {
      ...KEYS,
      as: { value: 'FORMAT', about: 'age (default), the only one there is' },
      to: { value: 'TEXTS', about: 'for whom: age1… or age1pq1…, or files with one a line, with commas between' },
      ...{ owner: OWNER_OPTION, json: JSON_OPTION },
    },
    example: 'webx qnt export report.qnt report.age --keys ben.key --owner anna.inception --to age1zvk…',
  },
  {
    name: 'qnt import',
    operands: ['FILE', 'TARGET'],
    summary: 'Seal what an age file holds to yourself and to others.',
    options: {
      identity: {
        value: 'FILE',
        about: 'identity file of age that opens it: AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…',
      },
      ...{ ...KEYS, to: TO_OPTION, suite: SUITE_OPTION, ...TERMS, 'no-tree': NO_TREE_OPTION, json: JSON_OPTION },
    },
    example: 'webx qnt import report.age report.qnt --identity age.txt --keys anna.key',
  },
]
