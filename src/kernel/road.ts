/**
 * The one road that every byte from outside walks:
 *
 *     receive → decode → verify → authorize → decide → store → apply → emit
 *
 * Messages are taken in turns. All of a turn is stored by one commit before anything of it is applied or sent, so no vote and no acknowledgement
 * leaves before what it promises is on the disk. A turn that promises nothing waits for the commit of the next one that does. Services put *lanes* on the road, one for each message type; what a service wants to do on its own account goes
 * through `run`, and so through the same store and emit.
 */

import { equal, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { type SignatureCheck, verifyGroups } from '../core/crypto.ts'
import type { Envelope } from '../core/envelope.ts'
import { decodeEnvelope, encodeEnvelope, isStatement, signedBytes, TYPE } from '../core/envelope.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { assertTimely, decodeFrame, encodeFrame, ReplayGuard } from '../core/frame.ts'
import { LIMITS } from '../core/limits.ts'
import { type Arrival, Inbox } from './inbox.ts'
import type { Decision, Lane, Message, Outgoing } from './lane.ts'
import type { Clock, Counters, Directory, Keys, Link, Log, Store } from './ports.ts'

export type { Decision, Lane, Message, Outgoing } from './lane.ts'

/** Asked once at the end of each turn for what follows from all of it, such as one batch of votes. */
export type EndOfTurn = () => Promise<Decision | null>

/** What the road is laid on. */
export interface RoadPorts {
  readonly netId: Uint8Array
  readonly boot: number
  readonly clock: Clock
  readonly keys: Keys
  readonly store: Store
  readonly link: Link
  readonly directory: Directory
  readonly counters: Counters
  readonly log: Log
  /** Numbers this node's frames, each once: one count for all roads of one identity. */
  readonly nextSequence?: () => number
  /** Called once if a turn cannot be stored: the node must stop. */
  readonly halt: (error: WebxError) => void
}

export class Road {
  readonly #ports: RoadPorts
  readonly #lanes = new Map<number, Lane>()
  readonly #endsOfTurn: EndOfTurn[] = []
  readonly #inbox: Inbox
  readonly #replay = new ReplayGuard()
  /** A broker repeats a node's retained health to every newcomer, after newer frames of that node perhaps: it is compared with its like only. */
  readonly #replayOfHealth = new ReplayGuard()
  readonly #tasks: Task[] = []
  readonly #nextSequence: () => number
  #turning: Promise<void> | null = null
  #wanted = false
  #stopped: WebxError | null = null
  /** Ends the wait of writes that may wait; null where everything is on the disk. */
  #cancelWait: (() => void) | null = null

  constructor(ports: RoadPorts) {
    this.#ports = ports
    this.#nextSequence = ports.nextSequence ?? countFromOne()
    this.#inbox = new Inbox(ports.counters)
  }

  /** Puts a lane on the road. Throws `internal` where a type has one already. */
  lay(lane: Lane): void {
    for (const type of lane.types) {
      if (this.#lanes.has(type)) throw new WebxError('internal', `two lanes for message type ${type}`)
      this.#lanes.set(type, lane)
    }
  }

  atEndOfTurn(end: EndOfTurn): void {
    this.#endsOfTurn.push(end)
  }

  /** Stage 1: takes a message from a link. Never throws, never waits. */
  receive(topic: string, bytes: Uint8Array): void {
    if (this.#stopped) return
    if (bytes.length === 0) return
    this.#ports.counters.count('received')
    this.#inbox.push({ topic, bytes })
    this.poke()
  }

  /** True while messages wait. */
  get busy(): boolean {
    return !this.#inbox.empty
  }

  /** Runs a decision of a service's own in a turn; resolves when it is stored and applied. Rejects with what `decide` throws. */
  run(decide: () => Decision | null): Promise<void> {
    return new Promise((done, failed) => {
      if (this.#stopped) {
        failed(this.#stopped)
        return
      }
      this.#tasks.push({ decide, done, failed })
      this.poke()
    })
  }

  /** Asks for a turn soon. */
  poke(): void {
    this.#wanted = true
    if (this.#turning || this.#stopped) return
    this.#turning = this.#drive()
  }

  /** Takes no more messages and resolves when the turn under way has ended. */
  async stop(): Promise<void> {
    this.#stopped ??= new WebxError('stopped', 'this node is stopped')
    await this.#turning
    this.#cancelWait?.()
    for (const task of this.#tasks.splice(0)) task.failed(this.#stopped)
  }

  async #drive(): Promise<void> {
    try {
      while (this.#wanted && !this.#stopped) {
        this.#wanted = false
        await this.#turn(this.#inbox.take(), this.#tasks.splice(0))
        if (!this.#inbox.empty) this.#wanted = true
        // lets sockets be read between turns
        await new Promise((resume) => setImmediate(resume))
      }
    } catch (error) {
      // a turn that could not be stored or applied: nothing of it was sent, and nothing more may be
      this.#stopped = asWebxError(error)
      this.#ports.log.error({ error }, 'the road is closed: a turn could not be stored')
      for (const task of this.#tasks.splice(0)) task.failed(this.#stopped)
      this.#ports.halt(this.#stopped)
    } finally {
      this.#turning = null
    }
  }

  async #turn(arrivals: readonly Arrival[], tasks: readonly Task[]): Promise<void> {
    const decisions: Decision[] = []
    const accepted: { task: Task; decision: Decision | null }[] = []
    try {
      for (const message of this.#admit(arrivals)) {
        const decision = this.#attempt(message.topic, () => this.#decide(message))
        if (decision) decisions.push(decision)
      }
      for (const task of tasks) {
        try {
          const decision = task.decide()
          if (decision) decisions.push(decision)
          accepted.push({ task, decision })
        } catch (error) {
          task.failed(error)
        }
      }
      for (const end of this.#endsOfTurn) {
        const decision = await end()
        if (decision) decisions.push(decision)
      }
      await this.#store(decisions)
    } catch (error) {
      for (const task of tasks) task.failed(error)
      throw error
    }
    const faults = new Map(decisions.map((decision) => [decision, this.#apply(decision)]))
    for (const { task, decision } of accepted) {
      const fault = decision && faults.get(decision)
      if (fault) task.failed(fault)
      else task.done()
    }
    for (const decision of decisions) for (const outgoing of decision.emit ?? []) await this.#emit(outgoing)
  }

  /** Stages decode and verify, all signatures of the turn together: what is left may be judged by its meaning. */
  #admit(arrivals: readonly Arrival[]): Message[] {
    const candidates: { message: Message; checks: readonly SignatureCheck[] }[] = []
    for (const arrival of arrivals) {
      const candidate = this.#attempt(arrival.topic, () => this.#decode(arrival))
      if (candidate) candidates.push(candidate)
    }
    const verdicts = verifyGroups(candidates.map(({ checks }) => checks))
    return candidates.flatMap(({ message }, i) => {
      const admitted = this.#attempt(message.topic, () => {
        if (!verdicts[i])
          throw new WebxError('bad-signature', `signature of a message of type ${message.envelope.type} does not hold`)
        return message
      })
      return admitted ? [admitted] : []
    })
  }

  #decode(arrival: Arrival): { message: Message; checks: readonly SignatureCheck[] } | null {
    const { topic, bytes } = arrival
    const envelope = decodeEnvelope(bytes)
    const lane = this.#laneOf(envelope.type)
    if (isStatement(envelope.type)) {
      if (lane.topicOf?.(envelope) !== topic)
        throw new WebxError('wrong-topic', `statement of type ${envelope.type} does not belong on "${topic}"`)
      const message = { topic, envelope, frame: null, bytes }
      const checks = lane.checks ? lane.checks(message) : []
      return checks ? { message, checks } : null
    }
    if (!equal(envelope.scope, this.#ports.netId)) throw new WebxError('wrong-net', 'frame of another net')
    if (envelope.attachment.length > 0) throw new WebxError('bad-shape', 'frame: nothing unsigned is attached to it')
    const frame = decodeFrame(envelope)
    if (equal(frame.sender, this.#ports.keys.id) && frame.boot === this.#ports.boot) return null
    assertTimely(frame, topic, this.#ports.clock.nowMs())
    this.#replayGuardOf(envelope).check(frame)
    const key = this.#ports.directory.keyOf(frame.sender)
    if (!key) throw new WebxError('unknown-sender', `nobody has introduced ${toHex(frame.sender).slice(0, 8)}… here`)
    const signed = signedBytes(envelope.type, envelope.scope, envelope.body)
    const checks = [{ key, message: signed, signature: envelope.signature }]
    return { message: { topic, envelope, frame, bytes }, checks }
  }

  /** Stages authorize and decide, one message after the other. */
  #decide(message: Message): Decision | null {
    if (message.frame) {
      // again: its double may have come in the same turn
      const guard = this.#replayGuardOf(message.envelope)
      guard.check(message.frame)
      guard.accept(message.frame)
    }
    const lane = this.#laneOf(message.envelope.type)
    lane.authorize?.(message)
    return lane.decide(message)
  }

  /** Stage store: everything of the turn in one commit, with what waited. */
  async #store(decisions: readonly Decision[]): Promise<void> {
    const writes = decisions.flatMap((decision) => decision.writes ?? [])
    if (writes.length > 0) this.#ports.store.write(writes)
    if (writes.length === 0 && !this.#cancelWait) return
    if (decisions.every(promisesNothing)) {
      this.#cancelWait ??= this.#ports.clock.after(LIMITS.writesWaitMsMax, () => {
        // where it fails, the road is closed and says so
        this.run(() => ({ apply: () => {} })).catch(() => {})
      })
      return
    }
    this.#cancelWait?.()
    this.#cancelWait = null
    await this.#ports.store.sync()
  }

  /** Stage apply. What is stored stays stored: a fault here is ours, is logged, and stops nobody else. */
  #apply(decision: Decision): unknown {
    try {
      decision.apply?.()
      return null
    } catch (error) {
      this.#ports.counters.count('broken.apply')
      this.#ports.log.error({ error }, 'what was stored could not be applied')
      return error
    }
  }

  /** Stage emit: in order, without waiting for the broker. What the link cannot take, or is too long, is counted; whoever needs it asks again. */
  async #emit(outgoing: Outgoing): Promise<void> {
    const { link, counters } = this.#ports
    const unsent = (error: unknown): void => counters.count(`unsent.${asWebxError(error).code}`)
    try {
      const bytes = 'bytes' in outgoing ? outgoing.bytes : await this.#sign(outgoing)
      link
        .publish(outgoing.topic, bytes, { retain: outgoing.retain ?? false })
        .then(() => counters.count('sent'), unsent)
    } catch (error) {
      unsent(error)
      this.#ports.log.error({ topic: outgoing.topic, error }, 'a message of our own could not be made')
    }
  }

  async #sign(outgoing: Extract<Outgoing, { payload: Cbor }>): Promise<Uint8Array> {
    const { clock, keys, netId, boot } = this.#ports
    const sentMs = clock.nowMs()
    const { topic, type, payload, lifetimeMs } = outgoing
    const expiresMs = sentMs + Math.min(lifetimeMs, LIMITS.frameLifetimeMsMax)
    const body = encodeFrame({
      sender: keys.id,
      boot,
      sequence: this.#nextSequence(),
      sentMs,
      expiresMs,
      topic,
      payload,
    })
    const signature = await keys.sign(signedBytes(type, netId, body))
    return encodeEnvelope({ type, scope: netId, body, signature, attachment: NOTHING })
  }

  #replayGuardOf({ type }: Envelope): ReplayGuard {
    return type === TYPE.health ? this.#replayOfHealth : this.#replay
  }

  #laneOf(type: number): Lane {
    const lane = this.#lanes.get(type)
    if (!lane) throw new WebxError('unknown-type', `message type ${type} is not handled by this node`)
    return lane
  }

  #attempt<T>(topic: string, action: () => T): T | null {
    try {
      return action()
    } catch (error) {
      this.#refuse(topic, error)
      return null
    }
  }

  #refuse(topic: string, thrown: unknown): void {
    const error = asWebxError(thrown)
    this.#ports.counters.count(`refused.${error.code}`)
    if (error.fault === 'ours') this.#ports.log.error({ topic, error }, 'a message broke us')
    else this.#ports.log.debug({ topic, error }, 'a message was refused')
  }
}

/** True where the disk need not have a decision before it is applied. */
function promisesNothing({ writes = [], apply, emit = [], mayWait = false }: Decision): boolean {
  return emit.length === 0 && (mayWait || (writes.length === 0 && !apply))
}

const NOTHING = new Uint8Array(0)

/** A count that begins at 1. */
export function countFromOne(): () => number {
  let count = 0
  return () => ++count
}

interface Task {
  readonly decide: () => Decision | null
  readonly done: () => void
  readonly failed: (error: unknown) => void
}
