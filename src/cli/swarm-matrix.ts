/**
 * `webx swarm matrix`: the seats of a neighborhood as they stand to each other, five in a row; whoever shares a row or a column passes messages on.
 */

import type { Cell, SwarmMatrix } from '../station-swarm.ts'
import type { RoleName } from '../station-swarm-view.ts'
import { SIDE } from '../swarm/matrix.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, type Paint, painter, printJson } from './output.ts'
import { short } from './swarm.ts'

/** Characters of a cell between its lines: five of them fit a terminal of 80. */
const CELL_CHARACTERS = 14
const LETTERS: Readonly<Record<RoleName, string>> = { 'master-node': 'M', broker: 'B', operator: 'O' }

/** Draws the matrix. Throws `unreachable`. */
export async function matrix(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm matrix', args)
  const answer = await askStation<SwarmMatrix>(given, io, { method: 'matrix' })
  if (given.flag('json')) {
    printJson(io, { ok: true, ...answer })
    return EXIT.done
  }
  const paint = painter(io, 'stdout')
  io.stdout(`epoch ${answer.epoch}\n${drawn(answer.cells, paint).join('\n')}\n`)
  io.stdout('* this node   M MasterNode   B Broker   O Operator   mute: named no key, has no vote in this epoch\n')
  if (answer.spares.length === 0) io.stdout('no spares\n')
  else io.stdout('spares, in the order of this epoch; the next one draws its own\n')
  for (const [i, { label, own, why }] of answer.spares.entries())
    io.stdout(`  ${String(i + 1).padStart(2)}  ${label}${own ? ' *' : '  '}  ${why}\n`)
  return EXIT.done
}

/** Lines of the drawing. Small committees have fewer rows and columns. */
export function drawn(cells: SwarmMatrix['cells'], paint: Paint): string[] {
  const columns = Math.min(SIDE, cells.length)
  const border = `+${`${'-'.repeat(CELL_CHARACTERS)}+`.repeat(columns)}`
  const lines = [border]
  for (let first = 0; first < cells.length; first += SIDE) {
    const row = Array.from({ length: columns }, (_, column) => first + column)
    const inRow = (textOf: (seat: number) => string): string => `|${row.map((seat) => `${textOf(seat)}|`).join('')}`
    lines.push(inRow((seat) => headOf(cells[seat], seat, paint)))
    lines.push(inRow((seat) => bodyOf(cells[seat], paint)))
    lines.push(border)
  }
  return lines
}

/** `undefined` lies beyond the last seat, `null` is vacant. */
function headOf(cell: Cell | null | undefined, seat: number, paint: Paint): string {
  if (cell === undefined) return fitted('')
  const marks = cell ? cell.roles.map((role) => LETTERS[role]).join('') : ''
  const text = fitted(`${String(seat).padStart(2)}${cell?.own ? '*' : ' '} ${marks}`)
  return cell?.own ? paint('bold', text) : text
}

function bodyOf(cell: Cell | null | undefined, paint: Paint): string {
  if (cell === undefined) return fitted('')
  if (cell === null) return paint('dim', fitted('vacant'))
  const { label, up, ready } = cell
  if (!ready) return paint('yellow', fitted(`${short(label)} mute`))
  return paint(up ? 'green' : 'red', fitted(`${short(label)} ${up ? 'up' : 'down'}`))
}

function fitted(text: string): string {
  return ` ${text.padEnd(CELL_CHARACTERS - 1)}`
}
