/**
 * The commands around the swarm that a running node belongs to, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, PASSPHRASE_OPTION } from './spec-shape.ts'

const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
  json: JSON_OPTION,
}

/** `webx swarm …`, and `webx net admit`, by which nodes come to it. */
export const SWARM_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'swarm status',
    operands: [],
    summary: 'Show the neighborhood of the node on this machine: its epoch, its seats, and this node’s own place.',
    options: STATION_OPTIONS,
    example: 'webx swarm status --data /var/lib/webx',
  },
  {
    name: 'swarm matrix',
    operands: [],
    summary: 'Draw the seats of the neighborhood: who sits where, who is up, who has which role; then the spares.',
    details: 'Up and down are what this node heard lately; nothing is decided by them.',
    options: STATION_OPTIONS,
    example: 'webx swarm matrix',
  },
  {
    name: 'swarm roles',
    operands: [],
    summary: 'Show who was drawn as MasterNode and Broker in this epoch and who comes next, with every share checked.',
    details:
      'A lot is drawn from the share that a seat gave to the seed of the epoch: nobody can choose its own. The next in line takes over from one who falls silent.',
    options: STATION_OPTIONS,
    example: 'webx swarm roles --json',
  },
  {
    name: 'swarm epochs',
    operands: [],
    summary: 'Show how the last epochs ended: who got a seat, who lost it, who was there; checked from the genesis on.',
    options: {
      last: { value: 'COUNT', about: 'newest epochs to show, 1 to 10000 (default: 10)' },
      out: {
        value: 'FILE',
        about: 'write all hand-overs there, for `webx receipt verify --epochs`; must not exist yet',
      },
      ...STATION_OPTIONS,
    },
    example: 'webx swarm epochs --last 5',
  },
  {
    name: 'swarm explain',
    operands: ['[WHO]'],
    summary: 'Say why somebody has its place in the neighborhood, and what would have to happen for it to get a seat.',
    details: 'WHO is me, a label, an id, or the first characters of either (default: me).',
    options: STATION_OPTIONS,
    example: 'webx swarm explain 29820fec',
  },
  {
    name: 'swarm leave',
    operands: [],
    summary: 'Give up the place of the node on this machine; done when the epoch has ended that it had it in.',
    details:
      'The node must run until then. It stays part of the net as a device is, and applies again only where it is started with an admission.',
    options: STATION_OPTIONS,
    example: 'webx swarm leave',
  },
  {
    name: 'swarm turn',
    operands: [],
    summary: 'Have the seat of the node on this machine wish for the end of the epoch.',
    details: 'One seat alone ends none: it takes the wish of more seats than may lie, 9 of 25.',
    options: STATION_OPTIONS,
    example: 'webx swarm turn',
  },
  {
    name: 'net admit',
    operands: ['FILE'],
    summary:
      'Let a device apply for a place in the neighborhood, as the organization of the net whose genesis is FILE.',
    details:
      'Prints the admission: the device runs with it, `webx run --admission TEXT`. Two seats must answer for it before it is a spare; the lot decides when it gets a seat.',
    options: {
      offer: { value: 'TEXT', about: 'what `webx id show` prints as seat on the device' },
      can: {
        value: 'LIST',
        about: 'what the device can do for others: masterNode, broker, operator, relay, natOpen, natConsistent',
      },
      keys: { value: 'KEYS', about: 'key file of the organization' },
      'passphrase-file': PASSPHRASE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx net admit shop.genesis --keys shop.keys --offer g1ggVjBf --can masterNode,relay',
  },
]
