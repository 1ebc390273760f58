/**
 * The commands around the vault of a running node, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION } from './spec-shape.ts'

const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
  json: JSON_OPTION,
}

/** `webx qnt keep`, `list` and `log`. */
export const VAULT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'qnt keep',
    operands: ['FILE'],
    summary: 'Have the node that runs on this machine keep a copy of a .qnt, or obey a tombstone.',
    details:
      'A new version takes the place of the one before. Versions of tier protected and public go before the neighborhood where the file is this node’s own. FILE itself stays as it is. A tombstone, as `webx qnt shred` writes it, frees the room of the copy for good.',
    options: STATION_OPTIONS,
    example: 'webx qnt keep report.qnt --data /var/lib/webx',
  },
  {
    name: 'qnt list',
    operands: [],
    summary: 'Show the files that the node on this machine keeps: the newest version of each.',
    options: STATION_OPTIONS,
    example: 'webx qnt list --json',
  },
  {
    name: 'qnt log',
    operands: ['FILE'],
    summary: 'Show the history of a file as the node on this machine knows it, its end included.',
    details: 'FILE is a .qnt, a tombstone, or a data id as `webx qnt info` prints it.',
    options: STATION_OPTIONS,
    example: 'webx qnt log report.qnt',
  },
]
