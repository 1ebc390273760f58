/** `webx public` against a running station, and offline against its receipts. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { leafHash9162, verifyInclusion9162 } from '../kit/rfc9162.ts'
