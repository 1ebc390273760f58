/**
 * Coarse copies of rows of floats: bytes, a quarter of the memory that a scan has to read, with a bound on what they
 * can be wrong by. A scan of them proves of nearly every row that it is not among the best; only the others are looked
 * at as floats, so that the result is exactly that of a scan of all floats.
 *
 * With a = s·c + r (row, its step and bytes, the rest) and q = t·d + p (probe): a·q = s·t·(c·d) + s·c·p + r·q, whence
 * cos(a, q) ≤ (c·d)·(s/|a|)·(t/|q|) + (1 + |r|/|a|)·|p|/|q| + |r|/|a|.
 */

/** Above what floats added up in 32 bits can be wrong by, as a cosine. */
const ROUNDING: f64 = 2e-5

let step: f64 = 0
let rest: f64 = 0

/**
 * Writes the bytes of `count` floats of length `length` at `from` as `T`, i8 or i16, to `to`. `lastStep` and `lastRest`
 * tell of it afterwards.
 */
export function coarsen<T>(to: usize, from: usize, count: u32, length: f64): void {
  let most: f32 = 0
  for (let i: u32 = 0; i < count; i++) most = max<f32>(most, abs<f32>(load<f32>(from + 4 * i)))
  step = <f64>most / 127
  const inverse = 127 / <f64>most
  let squared: f64 = 0
  for (let i: u32 = 0; i < count; i++) {
    const value = <f64>load<f32>(from + 4 * i)
    const byte = nearest<f64>(value * inverse)
    const missed = value - byte * step
    squared += missed * missed
    store<T>(to + i * sizeof<T>(), <T><i32>byte)
  }
  step /= length
  rest = sqrt<f64>(squared) / length
}

/** The step between two bytes, s/|a|. */
@inline
export function lastStep(): f64 {
  return step
}

/** What the bytes leave out, |r|/|a|. */
@inline
export function lastRest(): f64 {
  return rest
}

/** By how much a cosine may exceed that of the coarse copies. */
@inline
export function slack(rowRest: f64, probeRest: f64): f64 {
  return (1 + rowRest) * probeRest + rowRest + ROUNDING
}
