/** The list of the best rows found so far: best first, equal scores by row, at most 64. */

export const resultsMax: u32 = 64

/** Rows of the best results (u32), best first. */
export const resultRows: usize = memory.data(64 * 4, 16)
/** Scores of the best results (f32). */
export const resultScores: usize = memory.data(64 * 4, 16)

let results: i32 = 0
let room: i32 = 0
let least: f32 = -Infinity

/** Starts a list of at most `k`. */
export function begin(k: i32): void {
  results = 0
  room = k
  least = -Infinity
}

/** Only a greater score than this enters the list: −∞ until it is full. */
@inline
export function leastScore(): f32 {
  return least
}

/** Offers a row; rows must come in ascending order, so that a later one never displaces an equal one. */
export function offer(row: u32, score: f32): void {
  if (!(score > least)) return
  let place = results < room ? results++ : room - 1
  while (place > 0 && score > load<f32>(resultScores + 4 * (place - 1))) {
    store<f32>(resultScores + 4 * place, load<f32>(resultScores + 4 * (place - 1)))
    store<u32>(resultRows + 4 * place, load<u32>(resultRows + 4 * (place - 1)))
    place--
  }
  store<f32>(resultScores + 4 * place, score)
  store<u32>(resultRows + 4 * place, row)
  if (results == room) least = load<f32>(resultScores + 4 * (room - 1))
}

/** Multiplies every score by `factor` > 0 and returns how many there are. */
export function finish(factor: f32): i32 {
  for (let i: i32 = 0; i < results; i++) {
    store<f32>(resultScores + 4 * i, load<f32>(resultScores + 4 * i) * factor)
  }
  return results
}
