import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Events } from '../../src/kernel/events.ts'
import { ErrorLog } from '../kit/node.ts'

const test = suite('events')

test('handlers hear in the order in which they came, at once, their own event only', () => {
  const events = new Events(new ErrorLog())
  const heard: string[] = []
  events.on('link', ({ up }) => void heard.push(`first ${up}`))
  events.on('link', ({ up }) => void heard.push(`second ${up}`))
  events.on('tag', ({ tag }) => void heard.push(tag))
  events.emit('link', { up: true })
  events.emit('tag', { tag: '04A1', atMs: 1 })
  assert.equal(heard, ['first true', 'second true', '04A1'])
})

test('who has gone hears nothing more, also when he goes while the event is told', () => {
  const events = new Events(new ErrorLog())
  const heard: string[] = []
  const unhear = events.on('link', () => {
    heard.push('once')
    unhear()
  })
  events.on('link', () => void heard.push('always'))
  events.emit('link', { up: true })
  events.emit('link', { up: false })
  assert.equal(heard, ['once', 'always', 'always'])
})

test('a handler that throws is logged, and the others still hear', () => {
  const log = new ErrorLog()
  const events = new Events(log)
  const heard: boolean[] = []
  events.on('link', () => {
    throw new Error('deaf')
  })
  events.on('link', ({ up }) => void heard.push(up))
  events.emit('link', { up: true })
  assert.equal(heard, [true])
  assert.is(log.errors.length, 1)
  assert.match(log.errors[0] ?? '', 'deaf')
})

test('nobody needs to listen', () => {
  const events = new Events(new ErrorLog())
  assert.not.throws(() => events.emit('link', { up: true }))
})

test.run()
