/** Time limits for tests: uvu has none, so that a promise that never settles would hang the whole run. */

/** The promise's outcome, or a failure after `ms` milliseconds. */
export async function within<T>(ms: number, promise: Promise<T>, what = 'this'): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves once `condition` holds, looked at every few milliseconds; fails after `ms`. */
export async function until(ms: number, condition: () => boolean, what = 'the condition'): Promise<void> {
  const endMs = performance.now() + ms
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`${what} did not hold within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
