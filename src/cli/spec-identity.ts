/**
 * The commands around an identity and its key file, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, PASSPHRASE_OPTION } from './spec-shape.ts'

/** `webx id …`. */
export const IDENTITY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'id create',
    operands: ['FILE'],
    summary: 'Make an identity that nobody hands out, and keep its keys in FILE (mode 0600).',
    details:
      'Whoever has FILE and its passphrase is this identity. Write down its 24 words, or name guardians: without them and FILE the identity is lost.',
    options: {
      'passphrase-file': { value: 'PATH', about: 'seal FILE with the passphrase in PATH' },
      kind: { value: 'KIND', about: 'human, organization, device or agent (default: device)' },
      json: JSON_OPTION,
    },
    example: 'webx id create kiosk.keys --kind device',
  },
  {
    name: 'id show',
    operands: ['FILE'],
    summary: 'Show the identity that a key file belongs to; never the keys.',
    options: { 'passphrase-file': PASSPHRASE_OPTION, json: JSON_OPTION },
    example: 'webx id show kiosk.keys --json',
  },
  {
    name: 'id words',
    operands: ['FILE'],
    summary: 'Show the 24 words that bring this identity back on any machine.',
    details: 'Whoever reads them is this identity. Write them on paper; no screen shot, no mail.',
    options: { 'passphrase-file': PASSPHRASE_OPTION, json: JSON_OPTION },
    example: 'webx id words ada.keys',
  },
  {
    name: 'id guard',
    operands: ['FILE'],
    summary: 'Split an identity among guardians: some of them together bring it back, fewer of them know nothing.',
    details: 'A share that was mistyped, damaged or mixed up is found out and named when it is used.',
    options: {
      guardians: { value: 'NAMES', about: 'their names, with commas between them: 2 to 16' },
      needed: { value: 'NUMBER', about: 'how many of them bring it back' },
      out: { value: 'DIR', about: 'write a text for each of them there (default: to stdout)' },
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx id guard ada.keys --guardians Bo,Cy,Di,Ed,Flo --needed 3 --out shares',
  },
  {
    name: 'id recover',
    operands: ['FILE'],
    summary: 'Make the key file of an identity again, from its words or from the shares of its guardians.',
    options: {
      words: { value: 'PATH', about: 'file with the 24 words' },
      shares: { value: 'PATHS', about: 'files with shares, with commas between them; bad ones are named and left out' },
      id: { value: 'LABEL', about: 'whose identity is wanted, by its label or its 64 digits; another one is refused' },
      log: { value: 'LOG', about: 'its key log, where it was rotated or reclaimed: a text, or a file with it' },
      'passphrase-file': { value: 'PATH', about: 'seal FILE with the passphrase in PATH' },
      json: JSON_OPTION,
    },
    example: 'webx id recover ada.keys --shares bo.txt,cy.txt,di.txt',
  },
  {
    name: 'id seal',
    operands: ['FILE'],
    summary: 'Seal a key file with a passphrase, or give a sealed one another.',
    options: {
      'passphrase-file': { value: 'PATH', about: 'file with the new passphrase' },
      'old-passphrase-file': { value: 'PATH', about: 'file with the passphrase of today, where there is one' },
      json: JSON_OPTION,
    },
    example: 'webx id seal ada.keys --passphrase-file secret.txt',
  },
  {
    name: 'id unseal',
    operands: ['FILE'],
    summary: 'Take the passphrase off a key file.',
    options: { 'passphrase-file': PASSPHRASE_OPTION, json: JSON_OPTION },
    example: 'webx id unseal ada.keys --passphrase-file secret.txt',
  },
  {
    name: 'id daily',
    operands: ['FILE', 'TO'],
    summary: 'Make a key file for daily use in TO: it signs and votes, and holds no key that comes next.',
    details:
      'Put FILE away then, where no machine reads it. Whoever steals TO signs until the next rotation, and has the secrets of votes and of sealing at rest, which rotations do not change. TO is sealed with the same passphrase as FILE.',
    options: { 'passphrase-file': PASSPHRASE_OPTION, json: JSON_OPTION },
    example: 'webx id daily ada.keys till.keys',
  },
]
