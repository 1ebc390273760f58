/** How tests name what was refused. */

import { WebxError } from '../../src/core/errors.ts'

/** The code of the WebxError that `action` throws; fails the test where it throws something else or nothing. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof WebxError) return error.code
    throw error
  }
  throw new Error('expected a refusal, got none')
}

/** The same for a promise. */
export async function codeOfAsync(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (error instanceof WebxError) return error.code
    throw error
  }
  throw new Error('expected a refusal, got none')
}
