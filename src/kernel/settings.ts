/**
 * Every setting of a node, in one table: its name, what it may be, what it is where nobody says anything, and what it is for.
 *
 * The JSON Schema (2020-12) of firmware profiles and of /etc/webx/webx.toml, the names of environment variables, and the types of `Profile` follow from it.
 */

import { LIMITS } from '../core/limits.ts'
import { JURISDICTION } from '../data/policy.ts'

/** A value that a setting can have. */
export type Setting = string | number | boolean | readonly string[]

/** One row: the JSON Schema of the value. */
export interface SettingSchema {
  readonly description: string
  readonly default: Setting
  readonly type: 'string' | 'integer' | 'boolean' | 'array'
  readonly enum?: readonly Setting[]
  readonly pattern?: string
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: {
    readonly type: 'string'
    readonly enum?: readonly string[]
    readonly pattern?: string
    readonly maxLength?: number
  }
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
}

const PATH_CHARACTERS_MAX = 1_024

/** By full name: `section.key`, or a bare key at the top. */
export const SETTINGS: Readonly<Record<string, SettingSchema>> = {
  name: text('What people call this node; shown, never trusted.', '', { maxLength: 64 }),
  roles: {
    description: 'What the node is for: member (has a seat), terminal, device (a shopper’s), tag-reader.',
    type: 'array',
    items: { type: 'string', enum: ['member', 'terminal', 'device', 'tag-reader'] },
    minItems: 1,
    maxItems: 4,
    uniqueItems: true,
    default: ['member'],
  },
  'broker.embedded': flag('Runs the MQTT broker of this net in the node itself.', false),
  'broker.host': text('Address that the embedded broker listens on; 0.0.0.0 for all.', '127.0.0.1'),
  'broker.port': number('Port of the embedded broker; 0 takes a free one.', 1_883, { minimum: 0, maximum: 65_535 }),
  'broker.url': text(
    'Broker to connect to, where none is embedded: mqtt://[user:password@]host:port or mqtts://…',
    '',
    {
      pattern: '^(mqtts?://.+)?$',
    },
  ),
  'net.genesis': path('Genesis file of the net.'),
  'net.admission': text(
    'What the organization gave this node so that it may apply for a place: see "webx net admit".',
    '',
    {
      maxLength: 512,
    },
  ),
  'epochs.seconds': number('How long an epoch lasts as long as nobody comes, leaves or dies.', 3_600, {
    minimum: 1,
    maximum: 30 * 86_400,
  }),
  'epochs.changeSeconds': number('How long an epoch lasts at least where somebody comes, leaves or dies.', 30, {
    minimum: 1,
    maximum: 86_400,
  }),
  'data.dir': text('Folder of everything that the node keeps.', '.webx', { maxLength: PATH_CHARACTERS_MAX }),
  'keys.file': path('Key file of the node; node.key in data.dir where empty.'),
  'keys.passphraseFile': path('File with the passphrase of a sealed key file.'),
  'log.level': text('How much is logged.', 'info', { enum: ['silent', 'error', 'warn', 'info', 'debug'] }),
  'camera.kind': text('Where pictures come from.', 'none', { enum: ['none', 'still', 'command'] }),
  'camera.command': command('Program and arguments that write raw rgb24 frames to their standard output.'),
  'camera.width': number('Width of a frame in pixels.', 640, { minimum: 16, maximum: 8_192 }),
  'camera.height': number('Height of a frame in pixels.', 480, { minimum: 16, maximum: 8_192 }),
  'camera.files': command('Pictures that stand in for a camera, one after the other.'),
  'model.manifest': text('Face model: a name in firmware-profiles/face-models, or a file.', 'faceplugin'),
  'model.cacheDir': path('Where the weights are kept; a folder of the user where empty.'),
  'model.backend': text('What computes the model; auto takes the native one where it loads.', 'auto', {
    enum: ['auto', 'onnxruntime-node', 'onnxruntime-web'],
  }),
  'terminal.asset': text('Asset that a terminal takes where the payment names none: its code in this net.', '', {
    maxLength: LIMITS.assetCodeCharactersMax,
  }),
  'terminal.checkin': text(
    'Who may check in: by name, anonymously by a proof of being enrolled here, or both.',
    'named',
    { enum: ['named', 'anonymous', 'both'] },
  ),
  'payments.floorLimit': number('Up to this amount, in smallest units, a device pays without asking its owner.', 0, {
    minimum: 0,
    maximum: LIMITS.amountMax,
  }),
  'payments.confirm': text(
    'How the owner is asked above the floor limit; never = such payments are declined.',
    'console',
    {
      enum: ['console', 'never'],
    },
  ),
  'sensor.kind': text('Climate sensor: the kernel’s driver (iio), node-dht-sensor (dht), or none.', 'none', {
    enum: ['none', 'dht', 'iio'],
  }),
  'sensor.model': number('11 or 22, as printed on a DHT.', 22, { enum: [11, 22] }),
  'sensor.pin': number('GPIO that the DHT’s data line is on, in Broadcom numbering.', 4, { minimum: 0, maximum: 27 }),
  'sensor.intervalMs': number('Time between two readings.', 30_000, {
    minimum: LIMITS.sensorIntervalMsMin,
    maximum: 86_400_000,
  }),
  'tags.command': command('Program and arguments that print one tag id per line.'),
  'vault.jurisdictions': {
    description:
      'Codes of the one place where this node stands, such as DE and EU; data whose rules name places is handed out at one of those only.',
    type: 'array',
    items: { type: 'string', pattern: JURISDICTION.source, maxLength: 7 },
    maxItems: LIMITS.policyJurisdictionsMax,
    uniqueItems: true,
    default: [],
  },
}

/** JSON Schema of a file of settings; every key is optional, no other key is allowed. */
export function settingsJsonSchema(): Record<string, unknown> {
  const top: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(SETTINGS)) {
    const [section, key] = name.split('.') as [string, string | undefined]
    if (key === undefined) {
      top[section] = schema
      continue
    }
    top[section] ??= { type: 'object', additionalProperties: false, properties: {} }
    ;(top[section] as { properties: Record<string, unknown> }).properties[key] = schema
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'webx settings',
    description: 'A firmware profile, or /etc/webx/webx.toml.',
    type: 'object',
    additionalProperties: false,
    properties: top,
  }
}

/** Such as `WEBX_PAYMENTS_FLOOR_LIMIT` for `payments.floorLimit`. */
export function environmentName(setting: string): string {
  return `WEBX_${setting
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('.', '_')
    .toUpperCase()}`
}

function text(description: string, value: string, rest: Partial<SettingSchema> = {}): SettingSchema {
  return { description, type: 'string', default: value, ...(rest.enum ? {} : { maxLength: 256 }), ...rest }
}

function path(description: string): SettingSchema {
  return text(description, '', { maxLength: PATH_CHARACTERS_MAX })
}

function number(description: string, value: number, rest: Partial<SettingSchema>): SettingSchema {
  return { description, type: 'integer', default: value, ...rest }
}

function flag(description: string, value: boolean): SettingSchema {
  return { description, type: 'boolean', default: value }
}

function command(description: string): SettingSchema {
  const items = { type: 'string', maxLength: PATH_CHARACTERS_MAX } as const
  return { description, type: 'array', items, maxItems: 64, default: [] }
}
