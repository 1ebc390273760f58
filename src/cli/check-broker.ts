/**
 * The doctor's check of the broker: can it be reached, does it speak MQTT, how far away is it.
 *
 * Speaks the two packets needed (MQTT 3.1.1 §3.1, §3.2) over a plain socket: the real link would hide at which step it failed.
 */

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Finding, fine } from './finding.ts'

const TIMEOUT_MS = 4_000
/** CONNECT, MQTT 3.1.1, clean session, keep-alive 10 s, empty client id, nobody's name. */
const CONNECT = Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 10, 0, 0)
const DISCONNECT = Uint8Array.of(0xe0, 0)
const CONNACK = 0x20
const RETURN_CODES = [
  'lets anyone in',
  'refuses this version of MQTT',
  'wants a client id',
  'is not available',
  'wants to know who signs in',
  'wants to know who signs in',
]

/** Looks at a broker; no URL: nothing to look at. */
export async function checkBroker(url: string | undefined): Promise<Finding> {
  if (url === undefined || url === '') return fine('broker', 'none is configured', 'skip')
  const place = URL.canParse(url) ? new URL(url) : null
  if (place === null || !['mqtt:', 'mqtts:'].includes(place.protocol)) {
    return failed(`"${url}" is not the URL of a broker`, 'Write it like mqtt://192.168.1.10:1883.')
  }
  const shown = `${place.protocol}//${place.host}`
  const startMs = performance.now()
  try {
    const returnCode = await ask(place)
    const roundTrip = `${(performance.now() - startMs).toFixed(0)} ms`
    const said = RETURN_CODES[returnCode] ?? `answers with code ${returnCode}`
    if (returnCode === 1) return failed(`${shown} ${said}`, 'webx needs MQTT 3.1.1: update the broker.')
    if (returnCode === 3) return failed(`${shown} ${said}`, 'Look at the log of the broker.')
    return fine('broker', `${shown} answers in ${roundTrip} and ${said}`)
  } catch (thrown) {
    return failed(`${shown}: ${(thrown as Error).message}`, remedyOf((thrown as NodeJS.ErrnoException).code))
  }
}

/** Return code of the CONNACK. */
function ask(place: URL): Promise<number> {
  const tls = place.protocol === 'mqtts:'
  const host = place.hostname.replace(/^\[|\]$/g, '')
  const port = Number(place.port || (tls ? 8_883 : 1_883))
  const socket: Socket = tls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = setTimeout(
    () => reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
    TIMEOUT_MS,
  )
  let answer = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on(tls ? 'secureConnect' : 'connect', () => socket.write(CONNECT))
  socket.on('error', reject)
  socket.on('close', () => reject(Object.assign(new Error('hung up without an answer'), { code: 'EPROTO' })))
  socket.on('data', (chunk: Buffer) => {
    answer = Buffer.concat([answer, chunk])
    if (answer[0] !== CONNACK) reject(Object.assign(new Error('does not speak MQTT'), { code: 'EPROTO' }))
    else if (answer.length >= 4) resolve(answer[3]!)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    socket.end(DISCONNECT)
    socket.destroySoon()
    socket.unref()
  })
}

function remedyOf(code: string | undefined): string {
  if (code === 'ECONNREFUSED') return 'Nothing listens there: start the broker, or correct host and port.'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'The name is not known: correct it, use the address, or look at DNS.'
  if (code === 'EPROTO') return 'Something else listens there: correct the port, and write mqtts:// for TLS.'
  if (code?.includes('CERT') || code?.includes('SELF_SIGNED')) {
    return 'Its certificate is not trusted here: point NODE_EXTRA_CA_CERTS at your authority.'
  }
  return 'Look at the cable, the network and the firewall between here and there.'
}

function failed(found: string, remedy: string): Finding {
  return { check: 'broker', state: 'fail', found, remedy }
}
