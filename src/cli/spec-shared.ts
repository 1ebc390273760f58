/**
 * The commands around shared objects, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION } from './spec-shape.ts'

const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
  json: JSON_OPTION,
}
const WRITERS_OPTION = {
  value: 'LIST',
  about: 'ids, inceptions or key logs, or files with one of these, with commas between them; 16 writers at most',
}
const NEEDED_OPTION = { value: 'COUNT', about: 'how many writers must want another rule (default: 1)' }
const FILE_OPTION = { value: 'FILE', about: 'file with the value, instead of VALUE' }
const OID = '3fbe07ac6f0c66c5d58b63a4f5e8b1bd0a4d3f4be57a5d5b8f6c0b0c5d3a2f7e'

/** `webx shared …`. */
export const SHARED_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'shared create',
    operands: ['[VALUE]'],
    summary: 'Begin an object that several identities write, through the node on this machine; done once it is final.',
    details:
      'This node’s identity is always one of the writers. A value has up to 1024 bytes. Whoever begins an object must have been known to the neighborhood when the epoch began.',
    options: { writers: WRITERS_OPTION, needed: NEEDED_OPTION, file: FILE_OPTION, ...STATION_OPTIONS },
    example: 'webx shared create in-the-yard --writers driver.id,customs.id --needed 2',
  },
  {
    name: 'shared write',
    operands: ['OBJECT', '[VALUE]'],
    summary: 'Write a shared object; done once it is final, for everybody in the same place.',
    details:
      'With --after the object must still be where it was read: else exit code 3, and nothing is written. Without, the value comes after whatever is there.',
    options: {
      after: { value: 'NUMBER', about: 'sequence number that the value must follow' },
      file: FILE_OPTION,
      ...STATION_OPTIONS,
    },
    example: `webx shared write ${OID} on-the-truck --after 4`,
  },
  {
    name: 'shared rule',
    operands: ['OBJECT'],
    summary:
      'Say that other identities should write a shared object; in force once enough of its writers say the same.',
    details: 'Every writer who wants it runs this with the same LIST and COUNT. Saying the present rule takes it back.',
    options: { writers: WRITERS_OPTION, needed: NEEDED_OPTION, ...STATION_OPTIONS },
    example: `webx shared rule ${OID} --writers driver.id,warehouse.id --needed 2`,
  },
  {
    name: 'shared read',
    operands: ['OBJECT'],
    summary: 'Show a shared object as final blocks have left it: value, writers, and what was written last.',
    options: {
      last: { value: 'COUNT', about: 'newest changes to show, 1 to 32 (default: 5)' },
      ...STATION_OPTIONS,
    },
    example: `webx shared read ${OID} --last 10`,
  },
  {
    name: 'shared list',
    operands: [],
    summary: 'List the shared objects of this neighborhood, as the node on this machine knows them.',
    options: STATION_OPTIONS,
    example: 'webx shared list --json',
  },
  {
    name: 'shared prove',
    operands: ['OBJECT', 'NUMBER'],
    summary: 'Write a receipt for the change that was applied to a shared object at a sequence number.',
    details:
      'The state with which the next epoch begins shows it: before, there is none. A node has receipts for the newest 32 changes that it has seen.',
    options: { out: { value: 'FILE', about: 'file to write; must not exist' }, ...STATION_OPTIONS },
    example: `webx shared prove ${OID} 5 --out crate-7.shared`,
  },
  {
    name: 'shared verify',
    operands: ['FILE'],
    summary: 'Verify such a receipt offline, with the genesis of its net and its epochs.',
    options: {
      net: { value: 'GENESIS', about: 'genesis file of the net' },
      epochs: { value: 'FILE', about: 'epochs of the net, as any node writes them (webx swarm epochs --out)' },
      profile: STATION_OPTIONS.profile,
      json: JSON_OPTION,
    },
    example: 'webx shared verify crate-7.shared --net shop.genesis --epochs shop.epochs',
  },
]
