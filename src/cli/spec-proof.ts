/**
 * The commands around credentials and proofs, as data: part of `spec.ts`.
 */

import { type CommandSpec, JSON_OPTION, PASSPHRASE_OPTION } from './spec-shape.ts'

/** `webx credential …`, `webx question …`, `webx prove` and `webx check`. */
export const PROOF_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'credential issue',
    operands: [],
    summary: 'Vouch for a number or a day about somebody, who can then prove things about it without showing it.',
    details: 'The file is a secret of its subject: hand it over on a safe way and keep no copy.',
    options: {
      keys: { value: 'FILE', about: 'key file of the issuer' },
      'passphrase-file': PASSPHRASE_OPTION,
      to: { value: 'IDENTITY', about: 'whom it is about: id, inception, or the text of `webx ping holder`' },
      what: { value: 'NAME', about: 'what the number is, such as birthday or balance' },
      value: { value: 'NUMBER|DAY', about: 'such as 250000 or 1990-05-01' },
      expires: { value: 'TIME', about: 'when it ends to count, such as 2027-01-31 or 30d (default: 365d)' },
      out: { value: 'FILE', about: 'where to write it (mode 0600)' },
      json: JSON_OPTION,
    },
    example:
      'webx credential issue --keys town.key --to anna.inception --what birthday --value 1990-05-01 --out anna.credential',
  },
  {
    name: 'credential show',
    operands: ['FILE'],
    summary: 'Show whom and what a credential is about, and until when; not the value.',
    options: { value: { about: 'show the value, too' }, json: JSON_OPTION },
    example: 'webx credential show anna.credential',
  },
  {
    name: 'question ask',
    operands: [],
    summary: 'Ask whether a number that an issuer vouched for is at least, or at most, a bound.',
    details: 'Keep the file: the answer counts for this very question, audience and purpose.',
    options: {
      what: { value: 'NAME', about: 'what the number is, such as balance (with --age: birthday)' },
      'at-least': { value: 'NUMBER|DAY', about: 'the number must be that, or more' },
      'at-most': { value: 'NUMBER|DAY', about: 'the number must be that, or less' },
      age: { value: 'YEARS', about: 'whoever has that birthday must be that old today (UTC)' },
      bits: {
        value: 'N',
        about: '8, 16, 32 or 64: the number lies less than 2^N off the bound (default: 16 for days, else 64)',
      },
      audience: { value: 'IDENTITY', about: 'who asks: id, inception, or the text of `webx ping holder`' },
      purpose: { value: 'PURPOSE', about: 'what for' },
      ping: { value: 'ID', about: 'ping under which it is asked, in hexadecimal' },
      out: { value: 'FILE', about: 'write it there instead of to stdout' },
      json: JSON_OPTION,
    },
    example: 'webx question ask --age 18 --audience shop.inception --purpose age --out q.txt',
  },
  {
    name: 'prove',
    operands: ['QUESTION'],
    summary: 'Answer a question with yes from a credential; where the truth is no, there is no answer.',
    details: 'The answer shows whom it is about and who vouches, and of the number nothing but yes.',
    options: {
      credential: { value: 'FILE', about: 'the credential, which stays here' },
      out: { value: 'ANSWER', about: 'write it there instead of to stdout' },
      json: JSON_OPTION,
    },
    example: 'webx prove q.txt --credential anna.credential --out a.txt',
  },
  {
    name: 'check',
    operands: ['QUESTION', 'ANSWER'],
    summary: 'Check an answer: exit code 0 is yes, 3 is no.',
    details:
      'That a question is answered for once is the business of whoever asked: --spend marks QUESTION as answered, and refuses a second answer.',
    options: {
      issuer: {
        value: 'INCEPTION|LOG',
        about: 'who must have vouched: an inception, a key log, or a file with either',
      },
      subject: { value: 'IDENTITY', about: 'whom it must be about (default: whoever the answer says)' },
      spend: { about: 'let QUESTION be answered only once: needs it as a file' },
      json: JSON_OPTION,
    },
    example: 'webx check q.txt a.txt --issuer town.inception --spend',
  },
]
