/** Reading a command's arguments: what is taken, and that everything else is refused with advice. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { didYouMean, nearest, readArguments } from '../../src/cli/arguments.ts'
import { COMMANDS } from '../../src/cli/spec.ts'
import { WebxError } from '../../src/core/errors.ts'

const reading = suite('cli: arguments')

reading('takes options in any place and form', () => {
  for (const args of [
    ['a.keys', '--kind', 'human', '--json'],
    ['--kind=human', '--json', 'a.keys'],
    ['--json', '--kind', 'human', '--', 'a.keys'],
  ]) {
    const given = readArguments('id create', args)
    assert.is(given.operands['FILE'], 'a.keys')
    assert.is(given.text('kind'), 'human')
    assert.is(given.flag('json'), true)
  }
  const bare = readArguments('id create', ['--', '--json'])
  assert.is(bare.operands['FILE'], '--json')
  assert.is(bare.flag('json'), false)
  assert.is(bare.text('kind'), undefined)
  assert.is(readArguments('models install', []).operands['NAME'], undefined)
  assert.is(readArguments('models install', ['other']).operands['NAME'], 'other')
})

reading('refuses what it does not know, and says what is near', () => {
  const refused: [string, string[], string, string][] = [
    ['doctor', ['--jsno'], 'has no option --jsno', 'Did you mean --json?'],
    ['doctor', ['--brokr=mqtt://x'], 'has no option --brokr', 'Did you mean --broker?'],
    ['doctor', ['-j'], 'has no option -j', 'See webx doctor --help.'],
    ['doctor', ['--no-json'], 'has no option', ''],
    ['doctor', ['--xyzzy'], 'has no option --xyzzy', 'See webx doctor --help.'],
    ['doctor', ['--__proto__'], 'has no option --__proto__', ''],
    ['doctor', ['--json=yes'], 'takes no value', ''],
    ['doctor', ['--broker'], 'needs a value (URL)', ''],
    ['doctor', ['--broker='], 'needs a value (URL)', ''],
    ['doctor', ['--broker', '--json'], 'needs a value (URL)', 'Write --broker=--json'],
    ['doctor', ['--json', '--json'], 'stands twice', ''],
    ['doctor', ['now'], 'does not know what to do with "now"', ''],
    ['id create', [], 'needs FILE', ''],
    ['wallet issue', ['4.20', 'EUR'], 'needs TO', 'See webx wallet issue --help.'],
  ]
  for (const [name, args, message, hint] of refused) {
    try {
      readArguments(name, args)
      assert.unreachable(`${name} ${args.join(' ')}`)
    } catch (thrown) {
      assert.instance(thrown, WebxError, String(thrown))
      const error = thrown as WebxError
      assert.is(error.code, 'usage')
      assert.ok(error.message.includes(message), error.message)
      assert.ok(error.hint.includes(hint), error.hint)
    }
  }
})

reading('a command that asks for an option not in its spec is our mistake', () => {
  assert.throws(() => readArguments('doctor', []).text('kind'), /not in the spec/)
  assert.throws(() => readArguments('dance', []), /no command is called dance/)
})

reading('nearest: typing errors, beginnings, and nothing where nothing is near', () => {
  const words = ['demo', 'doctor', 'id create', 'models install']
  assert.is(nearest('docotr', words), 'doctor')
  assert.is(nearest('doc', words), 'doctor')
  assert.is(nearest('dmeo', words), 'demo')
  assert.is(nearest('id creat', words), 'id create')
  assert.is(nearest('models instal', words), 'models install')
  assert.is(nearest('payment', words), null)
  assert.is(nearest('', words), null)
  assert.is(didYouMean('jsn', ['json'], '--'), 'Did you mean --json?')
  assert.is(didYouMean('zebra', ['json']), undefined)
})

reading('every command has an example that its own spec accepts', () => {
  for (const { name, example } of COMMANDS) {
    const words = example.split(' ')
    assert.is(words[0], 'webx')
    assert.is(words.slice(1, 1 + name.split(' ').length).join(' '), name)
    readArguments(name, words.slice(1 + name.split(' ').length))
  }
})

reading.run()
