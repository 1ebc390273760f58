/**
 * What members of a neighborhood say to find out who is there: the payload of SWIM frames.
 *
 * After SWIM (Das, Gupta, Motivala 2002), with one difference: every word is the sender's own, for the frame's signature is nobody else's. So a word need
 * not be proven, and nobody can put one into another's mouth. Layout and CDDL: `src/PROTOCOL.md` §33.
 */

import { fromHex, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** What the sender holds of somebody: it cannot reach him (it accuses him), or it can again. */
export interface Word {
  /** Identity in 64 hexadecimal digits. */
  readonly about: string
  readonly accuses: boolean
  /** The newest incarnation of his that the sender knows. */
  readonly incarnation: number
}

interface Spoken {
  /** The sender's own: it raises it when it is accused, and with every start. */
  readonly incarnation: number
  readonly words: readonly Word[]
}

/** *Are you there?*, *I am*, and *he does not answer me either*. `number` ties them together; it is the asker's. */
export interface Ping extends Spoken {
  readonly kind: 'ping' | 'ack' | 'nack'
  readonly number: number
}

/** *Ask him for me*: whoever is asked pings `target`, and answers with an ack or a nack under the asker's number. */
export interface Request extends Spoken {
  readonly kind: 'request'
  readonly number: number
  /** Identity in 64 hexadecimal digits. */
  readonly target: string
}

/** *Hear me*: words for everybody, not only for whom one pings. */
export interface News extends Spoken {
  readonly kind: 'news'
}

export type SwimMessage = Ping | Request | News

const KINDS = ['ping', 'ack', 'nack', 'request', 'news'] as const
const IDENTITY_BYTES = 32

/** The payload of a frame of type `TYPE.swim`. */
export function swimPayload(message: SwimMessage): Cbor {
  const { kind, incarnation } = message
  const words = message.words.map(({ about, accuses, incarnation }) => [fromHex(about), accuses, incarnation])
  const head = [KINDS.indexOf(kind), incarnation]
  if (message.kind === 'news') return [...head, words]
  if (message.kind === 'request') return [...head, message.number, fromHex(message.target), words]
  return [...head, message.number, words]
}

/** The message in such a payload. Throws `bad-shape`. */
export function readSwim(payload: Cbor): SwimMessage {
  const fields = new Fields('swim', payload)
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as (typeof KINDS)[number]
  const incarnation = fields.uint('incarnation')
  let message: SwimMessage
  if (kind === 'news') message = { kind, incarnation, words: readWords(fields) }
  else {
    const number = fields.uint('number')
    if (kind === 'request') {
      const target = toHex(fields.bytes('target', IDENTITY_BYTES))
      message = { kind, incarnation, number, target, words: readWords(fields) }
    } else message = { kind, incarnation, number, words: readWords(fields) }
  }
  fields.end()
  return message
}

function readWords(fields: Fields): Word[] {
  const words = fields.list('words', LIMITS.swimWordsMax, (item) => {
    const word = new Fields('word', item)
    const about = toHex(word.bytes('about', IDENTITY_BYTES))
    const read = { about, accuses: word.boolean('accuses'), incarnation: word.uint('incarnation') }
    word.end()
    return read
  })
  if (new Set(words.map(({ about }) => about)).size !== words.length) {
    throw new WebxError('bad-shape', 'swim: two words about one member')
  }
  return words
}
