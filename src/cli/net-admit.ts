/**
 * `webx net admit`: the organization of a net lets a device apply for a place in its neighborhood.
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { equal, fromHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { openKeyFile } from '../drivers/key-file.ts'
import '../drivers/wasm-files.ts'
