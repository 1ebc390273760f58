/**
 * The commands of a till's owner around its shoppers, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION } from './spec-shape.ts'

const STATION_OPTIONS = {
  data: { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' },
  profile: { value: 'NAME|FILE', about: 'firmware profile: one of firmware-profiles/, or a file' },
  json: JSON_OPTION,
}

/** `webx till …`. */
export const TILL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'till enrol',
    operands: ['TEXT'],
    summary: 'Enrol a shopper at the terminal that runs on this machine, so that he may check in anonymously.',
    details:
      'TEXT is what `webx device proof-key` prints on the shopper’s device. Enrol one key a person: each holds one place at the till, a day. The note stays on this machine.',
    options: {
      note: { value: 'TEXT', about: 'whose key it is, for your own list' },
      ...STATION_OPTIONS,
    },
    example: 'webx till enrol gwFYIB… --note Anna',
  },
  {
    name: 'till enrolled',
    operands: [],
    summary: 'Show who is enrolled at the terminal that runs on this machine, and among how many each one hides.',
    options: STATION_OPTIONS,
    example: 'webx till enrolled',
  },
  {
    name: 'till unenrol',
    operands: ['KEY'],
    summary: 'Take a shopper off the list of this terminal; whoever is checked in anonymously proves himself anew.',
    options: STATION_OPTIONS,
    example: 'webx till unenrol 5f0c66c5d58b63a4f5e8b1bd0a4d3f4be57a5d5b8f6c0b0c5d3a2f7e9b1c4d60',
  },
]
