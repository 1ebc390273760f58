/**
 * Port Consent at a terminal: one question at a time, and everything but a clear yes is a no.
 *
 * What was typed before a question was shown does not answer it, and what a merchant writes into the question cannot
 * move the cursor or hide what is asked.
 */

import { createInterface } from 'node:readline/promises'
import type { Clock, Consent } from '../kernel/ports.ts'

export interface ConsoleConsentOptions {
  /** Asked only where this is a terminal; no otherwise. */
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream
  readonly clock: Clock
}

const TEXT_CHARACTERS_MAX = 400
/** For so long, what arrives was typed before the question could be read. */
const TYPED_AHEAD_MS = 150

/** Asks on a console. A second question waits until the first is answered. */
export function consoleConsent(options: ConsoleConsentOptions): Consent {
  let last: Promise<unknown> = Promise.resolve()
  return {
    ask(question) {
      const answer = last.then(() => ask(options, question.text, question.timeoutMs))
      last = answer.catch(() => undefined)
      return answer
    },
  }
}

/** A text without control, format and line characters, such as could redraw a terminal. */
export function harmless(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').slice(0, TEXT_CHARACTERS_MAX)
}

async function ask(options: ConsoleConsentOptions, text: string, timeoutMs: number): Promise<boolean> {
  const { input, output, clock } = options
  if (input.isTTY !== true) return false
  await discardTypedAhead(input, clock)
  const controller = new AbortController()
  const cancel = clock.after(timeoutMs, () => controller.abort())
  const console = createInterface({ input, output, terminal: false })
  console.once('close', () => controller.abort())
  try {
    const answer = await console.question(`${harmless(text)} [y/N] `, { signal: controller.signal })
    return /^y(es)?$/i.test(answer.trim())
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error
    output.write('no answer: no\n')
    return false
  } finally {
    cancel()
    console.close()
  }
}

async function discardTypedAhead(input: NodeJS.ReadableStream, clock: Clock): Promise<void> {
  const discard = (): void => undefined
  input.on('data', discard)
  await new Promise<void>((resolve) => clock.after(TYPED_AHEAD_MS, resolve))
  input.off('data', discard)
  input.pause()
}
