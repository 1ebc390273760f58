/**
 * The commands around backups, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, type OptionSpec } from './spec-shape.ts'

const SEAL_OPTION: OptionSpec = {
  value: 'PATH',
  about: 'file with the passphrase of the backup; without it nobody opens it',
}

/** `webx backup`, `webx restore`, `webx id backup` and `webx id restore`. */
export const BACKUP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'backup',
    operands: ['TARGET'],
    summary:
      'Back up the node of this machine, running or not, into one encrypted file: keys, money, files, pings, settings.',
    details:
      'TARGET must not exist yet. It opens with the passphrase in PATH and nothing else; a sealed key file stays sealed inside. Keep TARGET on another machine, and the passphrase somewhere else.',
    options: {
      'passphrase-file': SEAL_OPTION,
      data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
      keys: { value: 'FILE', about: 'key file of the node (default: from the profile, or node.key in DIR)' },
      net: { value: 'GENESIS', about: 'genesis of the net, where neither a profile nor a running node says it' },
      profile: { value: 'NAME|FILE', about: 'the profile that the node runs with; its settings are backed up, too' },
      json: JSON_OPTION,
    },
    example: 'webx backup /media/usb/till.backup --data /var/lib/webx --passphrase-file secret.txt',
  },
  {
    name: 'restore',
    operands: ['FILE'],
    summary: 'Put a node back from its backup, into a folder that is not there yet or is empty.',
    details:
      'FILE - is what comes through a pipe. Everything is written beside and checked first; whatever fails leaves everything as it was. Let the same node never run twice.',
    options: {
      'passphrase-file': SEAL_OPTION,
      data: { value: 'DIR', about: 'the folder that the node gets' },
      json: JSON_OPTION,
    },
    example: 'webx restore /media/usb/till.backup --data /var/lib/webx --passphrase-file secret.txt',
  },
  {
    name: 'id backup',
    operands: ['FILE', 'TARGET'],
    summary: 'Back up one key file and its log into one encrypted file.',
    details: 'TARGET must not exist yet. A sealed key file stays sealed inside.',
    options: { 'passphrase-file': SEAL_OPTION, json: JSON_OPTION },
    example: 'webx id backup ada.keys ada.backup --passphrase-file secret.txt',
  },
  {
    name: 'id restore',
    operands: ['BACKUP', 'FILE'],
    summary: 'Put a key file and its log back; neither FILE nor FILE.log may exist yet.',
    details: 'BACKUP - is what comes through a pipe.',
    options: { 'passphrase-file': SEAL_OPTION, json: JSON_OPTION },
    example: 'webx id restore ada.backup ada.keys --passphrase-file secret.txt',
  },
]
