/**
 * What a watcher of the public log is told, in order, once it is stored.
 */

import type { Checkpoint } from '../consensus/publiclog/checkpoint.ts'

export type LogNews =
  | { readonly kind: 'leaf'; readonly index: number; readonly body: Uint8Array }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'cosigned'; readonly checkpoint: Checkpoint; readonly weight: number; readonly total: number }
  | { readonly kind: 'generation'; readonly generation: number; readonly epoch: number; readonly size: number }
  | { readonly kind: 'fork'; readonly guilty: Uint8Array; readonly offence: string; readonly bytes: Uint8Array }
