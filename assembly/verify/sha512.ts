/** SHA-512 (FIPS 180-4) of a message in parts. */

const K: usize = memory.data<u64>([
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
  0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
  0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
  0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
  0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
  0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
  0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
  0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
  0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
  0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
  0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
], 16)

/** The digest, as eight big-endian words in the order of memory, after `finish`. */
export const DIGEST: usize = memory.data(64, 16)

const STATE: usize = memory.data(64, 16)
const BLOCK: usize = memory.data(128, 16)
/** The last 16 words of the schedule. */
const W: usize = memory.data(128, 16)

let buffered: u32 = 0
let total: u64 = 0

/** Begins a message. */
export function begin(): void {
  store<u64>(STATE, 0x6a09e667f3bcc908); store<u64>(STATE, 0xbb67ae8584caa73b, 8)
  store<u64>(STATE, 0x3c6ef372fe94f82b, 16); store<u64>(STATE, 0xa54ff53a5f1d36f1, 24)
  store<u64>(STATE, 0x510e527fade682d1, 32); store<u64>(STATE, 0x9b05688c2b3e6c1f, 40)
  store<u64>(STATE, 0x1f83d9abfb41bd6b, 48); store<u64>(STATE, 0x5be0cd19137e2179, 56)
  buffered = 0
  total = 0
}

/** Takes in `length` bytes at `from`. */
export function update(from: usize, length: u32): void {
  total += length
  if (buffered > 0) {
    const taken = min(128 - buffered, length)
    memory.copy(BLOCK + buffered, from, taken)
    buffered += taken
    from += taken
    length -= taken
    if (buffered < 128) return
    compress(BLOCK)
    buffered = 0
  }
  for (; length >= 128; from += 128, length -= 128) compress(from)
  memory.copy(BLOCK, from, length)
  buffered = length
}

/** Ends the message: writes `DIGEST`. */
export function finish(): void {
  store<u8>(BLOCK + buffered, 0x80)
  memory.fill(BLOCK + buffered + 1, 0, 127 - buffered)
  if (buffered > 111) {
    compress(BLOCK)
    memory.fill(BLOCK, 0, 128)
  }
  store<u64>(BLOCK, bswap(total << 3), 120)
  compress(BLOCK)
  for (let i: usize = 0; i < 64; i += 8) store<u64>(DIGEST + i, bswap(load<u64>(STATE + i)))
}

function compress(block: usize): void {
  let a = load<u64>(STATE), b = load<u64>(STATE, 8), c = load<u64>(STATE, 16), d = load<u64>(STATE, 24)
  let e = load<u64>(STATE, 32), f = load<u64>(STATE, 40), g = load<u64>(STATE, 48), h = load<u64>(STATE, 56)
  for (let i: usize = 0; i < 128; i += 8) store<u64>(W + i, bswap(load<u64>(block + i)))
  // eight rounds at a time, so that the eight variables end where they began
  for (let i: usize = 0; i < 640; i += 64) {
    const w = W + (i & 64)
    h += round(e, f, g, load<u64>(K + i), load<u64>(w)); d += h; h += majority(a, b, c)
    g += round(d, e, f, load<u64>(K + i, 8), load<u64>(w, 8)); c += g; g += majority(h, a, b)
    f += round(c, d, e, load<u64>(K + i, 16), load<u64>(w, 16)); b += f; f += majority(g, h, a)
    e += round(b, c, d, load<u64>(K + i, 24), load<u64>(w, 24)); a += e; e += majority(f, g, h)
    d += round(a, b, c, load<u64>(K + i, 32), load<u64>(w, 32)); h += d; d += majority(e, f, g)
    c += round(h, a, b, load<u64>(K + i, 40), load<u64>(w, 40)); g += c; c += majority(d, e, f)
    b += round(g, h, a, load<u64>(K + i, 48), load<u64>(w, 48)); f += b; b += majority(c, d, e)
    a += round(f, g, h, load<u64>(K + i, 56), load<u64>(w, 56)); e += a; a += majority(b, c, d)
    if (i < 512) schedule(i & 64)
  }
  store<u64>(STATE, load<u64>(STATE) + a); store<u64>(STATE, load<u64>(STATE, 8) + b, 8)
  store<u64>(STATE, load<u64>(STATE, 16) + c, 16); store<u64>(STATE, load<u64>(STATE, 24) + d, 24)
  store<u64>(STATE, load<u64>(STATE, 32) + e, 32); store<u64>(STATE, load<u64>(STATE, 40) + f, 40)
  store<u64>(STATE, load<u64>(STATE, 48) + g, 48); store<u64>(STATE, load<u64>(STATE, 56) + h, 56)
}

/** Replaces the eight words at byte `at` (0 or 64) of the schedule by those sixteen later. */
@inline
function schedule(at: usize): void {
  for (let i: usize = 0; i < 64; i += 8) {
    const here = at + i
    const w15 = load<u64>(W + (here + 8 & 127)), w2 = load<u64>(W + (here + 112 & 127))
    const s0 = rotr(w15, 1) ^ rotr(w15, 8) ^ (w15 >> 7), s1 = rotr(w2, 19) ^ rotr(w2, 61) ^ (w2 >> 6)
    store<u64>(W + here, load<u64>(W + here) + s0 + load<u64>(W + (here + 72 & 127)) + s1)
  }
}

@inline
function round(e: u64, f: u64, g: u64, k: u64, w: u64): u64 {
  return (rotr(e, 14) ^ rotr(e, 18) ^ rotr(e, 41)) + (g ^ (e & (f ^ g))) + k + w
}

@inline
function majority(a: u64, b: u64, c: u64): u64 {
  return (rotr(a, 28) ^ rotr(a, 34) ^ rotr(a, 39)) + ((a & b) | (c & (a | b)))
}
