/**
 * The commands around rewards, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION } from './spec-shape.ts'

const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
  json: JSON_OPTION,
}
const EPOCH_OPTION = { value: 'NUMBER', about: 'epoch that is meant (default: the newest that has ended)' }

/** `webx rewards …`. */
export const REWARD_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'rewards list',
    operands: [],
    summary: 'List what seats earned in the epochs that are over, computed from the hand-overs since the genesis.',
    details:
      'With --epoch, one line for each seat. Nothing is emitted by default: then amounts are 0, and points say who did what.',
    options: {
      epoch: { value: 'NUMBER', about: 'show every seat of this epoch' },
      last: { value: 'COUNT', about: 'newest epochs to show, 1 to 10000 (default: 10)' },
      ...STATION_OPTIONS,
    },
    example: 'webx rewards list --epoch 12',
  },
  {
    name: 'rewards explain',
    operands: ['[WHO]'],
    summary: 'Say why somebody earned what it did in an epoch, and why not more: cause, amount and evidence.',
    details: 'WHO is me, a label, an id, or the first characters of either (default: me).',
    options: { epoch: EPOCH_OPTION, ...STATION_OPTIONS },
    example: 'webx rewards explain me --epoch 12',
  },
  {
    name: 'rewards prove',
    operands: ['[WHO]'],
    summary: 'Write a file that proves to strangers what somebody earned in an epoch.',
    details: 'It holds the hand-overs of all epochs up to that one: whoever has the genesis can check all of it.',
    options: {
      epoch: EPOCH_OPTION,
      out: { value: 'FILE', about: 'file to write; must not exist' },
      ...STATION_OPTIONS,
    },
    example: 'webx rewards prove me --epoch 12 --out mine.reward',
  },
  {
    name: 'rewards verify',
    operands: ['FILE'],
    summary: 'Verify a proof of a reward offline, with nothing but the genesis of its net.',
    options: {
      net: { value: 'GENESIS', about: 'genesis file of the net' },
      profile: STATION_OPTIONS.profile,
      json: JSON_OPTION,
    },
    example: 'webx rewards verify mine.reward --net shop.genesis',
  },
]
