/** The static memory that the parts of the matching kernel share. What a probe leaves behind lies in one piece. */

const PROBE_BYTES: i32 = 512 * 4
const WIDE_BYTES: i32 = 512 * 2
const CODE_BYTES: i32 = 512 / 8

/** The probe: floats or signed bytes. Also what is rotated and quantized. */
export const probe: usize = memory.data(512 * 4 + 512 * 2 + 512 / 8, 16)
/** The probe's bytes as signed 16-bit numbers. */
export const wide: usize = probe + PROBE_BYTES
/** The probe's signs, as `codes.ts` writes them. */
export const probeCode: usize = wide + WIDE_BYTES

/** Wipes the probe and all that was made of it. */
export function wipeProbe(): void {
  memory.fill(probe, 0, PROBE_BYTES + WIDE_BYTES + CODE_BYTES)
}
