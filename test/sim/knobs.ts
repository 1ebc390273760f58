/**
 * Limits turned down for the simulation: tables that are small overflow in seconds, as big ones would in weeks, and cost less to lay out.
 *
 * Import it before any engine, and only in processes that do nothing else.
 */

import { LIMITS } from '../../src/core/limits.ts'

Object.assign(LIMITS, { openSlotsMax: 128, batchEntriesMax: 32, batchHeadersPerSeatMax: 32, parkedOrdersMax: 128 })
