/**
 * The commands around the key log of an identity, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, type OptionSpec, PASSPHRASE_OPTION } from './spec-shape.ts'

const RECOVERED_OPTION: OptionSpec = {
  about: 'the recovery at the end of the log is in force by now, which the log alone does not show',
}
const INSTEAD_OPTION: OptionSpec = {
  about: 'also where that log says something else than this one, because nobody took what was said here',
}
const RECOVERY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  recovery: {
    value: 'KEYS|DIGEST',
    about: 'key file that is put away to bring this identity back, or its digest (webx id recovery)',
  },
  delay: {
    value: 'TIME',
    about: 'how long everybody else may object to a recovery, such as 3d or 12h (default: as before, or 3d)',
  },
  with: { value: 'KEYS', about: 'key file with the recovery key of today' },
  'recovery-passphrase-file': { value: 'PATH', about: 'file with the passphrase of --recovery' },
  'with-passphrase-file': { value: 'PATH', about: 'file with the passphrase of --with' },
}

/** `webx id …`, where a key log is written or read. */
export const KEY_LOG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'id rotate',
    operands: ['FILE'],
    summary: 'Put the next key in place of the key of today; FILE must hold the root.',
    details:
      'Whoever stole the old key is out, and so is everybody it let act: all delegations end but those that --keep names. The log beside FILE (FILE.log) says so; a node that runs with FILE hands it in within seconds: start it again once webx status says that the rotation is settled. Others get the log from webx id log. Daily files must be made anew.',
    options: {
      keep: { value: 'KEYS', about: 'delegated keys, or labels of devices, that go on, with commas between them' },
      ...RECOVERY_OPTIONS,
      recovered: RECOVERED_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id rotate ada.keys --recovery safe.keys --delay 3d',
  },
  {
    name: 'id delegate',
    operands: ['FILE'],
    summary: 'Let the key of a device or an AI agent act for this identity, within scopes and until a time.',
    details:
      'A delegated key never rotates, recovers, delegates, revokes or vetoes. A rotation ends it unless it keeps it.',
    options: {
      to: {
        value: 'INCEPTION|FILE',
        about: 'who is to act: an inception or log (webx id show, webx id log), or a file with it',
      },
      scopes: { value: 'WORDS', about: 'what it may do, such as pay,qnt.open' },
      expires: { value: 'TIME', about: 'until when: 30d, 2027-01-31 or 2027-01-31T12:00:00Z' },
      'amount-per-day': { value: 'UNITS', about: 'smallest units that it may spend a day (default: no bound)' },
      uses: { value: 'NUMBER', about: 'how often in all (default: no bound)' },
      recovered: RECOVERED_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id delegate ada.keys --to kiosk.txt --scopes pay --expires 30d --amount-per-day 5000',
  },
  {
    name: 'id revoke',
    operands: ['FILE'],
    summary: 'End the delegation of a key for good.',
    options: {
      key: { value: 'KEY|LABEL', about: 'the delegated key, or the label of its device' },
      reason: { value: 'REASON', about: 'lost, stolen, replaced or retired (default: retired)' },
      recovered: RECOVERED_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id revoke ada.keys --key 29820fec-0bd9-817b-9924-5b0aa3d5d099 --reason stolen',
  },
  {
    name: 'id veto',
    operands: ['FILE'],
    summary: 'Object to a recovery of this identity that is pending and that its owner did not want.',
    details:
      'It works once. Renew the recovery keys then (webx id rotate --recovery): a second recovery cannot be vetoed.',
    options: {
      log: { value: 'LOG', about: 'the log with that recovery: a text, or a file with it' },
      instead: INSTEAD_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id veto ada.keys --log seen.txt',
  },
  {
    name: 'id log',
    operands: ['FILE'],
    summary: 'Show what an identity has said of its keys, how old that is, and write it as text for others.',
    details:
      'FILE is a key file, or the log of anybody: a text, or a file with it. What is shown was verified offline: what came later is not known here.',
    options: {
      out: { value: 'TEXT', about: 'write the log there as text, for others' },
      take: { value: 'LOG', about: 'first take over a log that goes on where this one ends' },
      instead: INSTEAD_OPTION,
      recovered: RECOVERED_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id log ada.keys --out ada-log.txt',
  },
  {
    name: 'id settled',
    operands: ['[IDENTITY]'],
    summary:
      'Show how far the neighborhood has settled a key log, and what waits in it, as the node on this machine knows it.',
    details:
      'IDENTITY is an inception, a log, or 64 digits; this node’s own without it. The text that --out writes ends with the recovery that waits, if one does: webx id veto takes it with --log.',
    options: {
      out: { value: 'TEXT', about: 'write the log there as text' },
      data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
      profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
      json: JSON_OPTION,
    },
    example: 'webx id settled --out seen.txt',
  },
  {
    name: 'id recovery',
    operands: ['FILE'],
    summary: 'Show the digest that promises a key of this key file, which is put away, to another identity.',
    details: 'For who keeps the two files on two machines. Each digest serves once; it tells nobody whose key it is.',
    options: {
      for: { value: 'LOG', about: 'whose identity is to be brought back: its log or inception, or a file with it' },
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id recovery safe.keys --for ada-log.txt',
  },
  {
    name: 'id reclaim',
    operands: ['FILE'],
    summary: 'Bring an identity back with its recovery keys: FILE gets a new root, the identity stays.',
    details:
      'Its keys act once the delay of the log is over and nobody has objected. Whatever was stolen is worth nothing then. The words and guardians of FILE bring it back together with its log only.',
    options: {
      log: { value: 'LOG', about: 'its key log: a text, or a file with it' },
      ...RECOVERY_OPTIONS,
      'passphrase-file': { value: 'PATH', about: 'seal FILE with the passphrase in PATH' },
      json: JSON_OPTION,
    },
    example: 'webx id reclaim new.keys --log ada-log.txt --with safe.keys',
  },
  {
    name: 'id export',
    operands: ['FILE'],
    summary: 'Say who this identity is in the words of other systems: did:key or did:webvh.',
    details:
      'did:key names the key of today and knows no rotation. did:webvh is a file for a web server, did.jsonl; export again after each rotation into the same file, which goes on.',
    options: {
      as: { value: 'METHOD', about: 'did:key or did:webvh' },
      domain: { value: 'DOMAIN', about: 'where did.jsonl will lie, such as example.org or example.org:ids:ada' },
      out: { value: 'PATH', about: 'the did.jsonl that is made or goes on' },
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id export ada.keys --as did:webvh --domain example.org --out did.jsonl',
  },
]
