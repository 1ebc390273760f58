/** BLAKE3's domain flags (BLAKE3 paper, table 3) and the sizes of its blocks and chunks. */

export const CHUNK_START: u32 = 1, CHUNK_END: u32 = 2, PARENT: u32 = 4, ROOT: u32 = 8
/** Bytes of a block. */
export const BLOCK: u32 = 64
/** Bytes of a chunk, and its blocks. */
export const CHUNK: u32 = 1024, CHUNK_BLOCKS: u32 = 16
