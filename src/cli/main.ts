/**
 * The command line: finds the command, runs it, and ends with an exit code that programs can rely on.
 *
 * A command's file is loaded only when it is called, so that `webx id show` never waits for a broker or a model to be read in.
 */

import { readFileSync } from 'node:fs'
import { WebxError } from '../core/errors.ts'
import { didYouMean } from './arguments.ts'
import { helpOf, overview } from './help.ts'
import { type Command, type Io, processIo } from './io.ts'
import { EXIT, reportError } from './output.ts'
import { COMMANDS, specOf } from './spec.ts'

const LOAD: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./demo.ts')).command,
  run: async () => (await import('./run.ts')).command,
  pay: async () => (await import('./pay.ts')).command,
  'payment show': async () => (await import('./payment.ts')).show,
  'payment await': async () => (await import('./payment.ts')).awaitSettled,
  'payment cancel': async () => (await import('./payment.ts')).cancel,
  status: async () => (await import('./status.ts')).command,
  'swarm status': async () => (await import('./swarm.ts')).status,
  'swarm matrix': async () => (await import('./swarm-matrix.ts')).matrix,
  'swarm roles': async () => (await import('./swarm.ts')).roles,
  'swarm epochs': async () => (await import('./swarm-epochs.ts')).epochs,
  'swarm explain': async () => (await import('./swarm-explain.ts')).explain,
  'swarm leave': async () => (await import('./swarm-place.ts')).leave,
  'swarm turn': async () => (await import('./swarm-place.ts')).turn,
  'rewards list': async () => (await import('./rewards.ts')).list,
  'rewards explain': async () => (await import('./rewards.ts')).explain,
  'rewards prove': async () => (await import('./rewards.ts')).prove,
  'rewards verify': async () => (await import('./rewards-verify.ts')).verify,
  'device enrol': async () => (await import('./device.ts')).enrol,
  'device forget': async () => (await import('./device.ts')).forget,
  'device checkin': async () => (await import('./device.ts')).checkin,
  'device checkout': async () => (await import('./device.ts')).checkout,
  'device probes': async () => (await import('./device.ts')).probes,
  'device proof-key': async () => (await import('./device.ts')).proofKey,
  'till enrol': async () => (await import('./till.ts')).enrol,
  'till enrolled': async () => (await import('./till.ts')).enrolled,
  'till unenrol': async () => (await import('./till.ts')).unenrol,
  'wallet show': async () => (await import('./wallet.ts')).show,
  'wallet issue': async () => (await import('./wallet.ts')).issue,
  'receipt verify': async () => (await import('./receipt.ts')).verify,
  doctor: async () => (await import('./doctor.ts')).command,
  'id create': async () => (await import('./id.ts')).create,
  'id show': async () => (await import('./id.ts')).show,
  'id words': async () => (await import('./id-recovery.ts')).words,
  'id guard': async () => (await import('./id-recovery.ts')).guard,
  'id recover': async () => (await import('./id-recovery.ts')).recover,
  'id seal': async () => (await import('./id-recovery.ts')).seal,
  'id unseal': async () => (await import('./id-recovery.ts')).unseal,
  'id daily': async () => (await import('./id-recovery.ts')).daily,
  'id rotate': async () => (await import('./id-log.ts')).rotate,
  'id delegate': async () => (await import('./id-log.ts')).delegate,
  'id revoke': async () => (await import('./id-log.ts')).revoke,
  'id veto': async () => (await import('./id-log.ts')).veto,
  'id log': async () => (await import('./id-log.ts')).log,
  'id settled': async () => (await import('./id-settled.ts')).settled,
  'id recovery': async () => (await import('./id-reclaim.ts')).recovery,
  'id reclaim': async () => (await import('./id-reclaim.ts')).reclaim,
  'id export': async () => (await import('./id-export.ts')).command,
  'id backup': async () => (await import('./backup.ts')).backupIdentity,
  'id restore': async () => (await import('./backup.ts')).restoreKeys,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./backup.ts')).restore,
  'qnt seal': async () => (await import('./qnt.ts')).seal,
  'qnt open': async () => (await import('./qnt.ts')).open,
  'qnt verify': async () => (await import('./qnt.ts')).verify,
  'qnt info': async () => (await import('./qnt.ts')).info,
  'qnt recipient': async () => (await import('./qnt.ts')).recipient,
  'qnt keep': async () => (await import('./vault.ts')).keep,
  'qnt list': async () => (await import('./vault.ts')).list,
  'qnt log': async () => (await import('./vault.ts')).log,
  'qnt grant': async () => (await import('./qnt-change.ts')).grant,
  'qnt revoke': async () => (await import('./qnt-change.ts')).revoke,
  'qnt rekey': async () => (await import('./qnt-change.ts')).rekey,
  'qnt update': async () => (await import('./qnt-change.ts')).update,
  'qnt shred': async () => (await import('./qnt-change.ts')).shred,
  'qnt export': async () => (await import('./qnt-age.ts')).exportFile,
  'qnt import': async () => (await import('./qnt-age.ts')).importFile,
  'ping holder': async () => (await import('./ping.ts')).holder,
  'ping mint': async () => (await import('./ping.ts')).mint,
  'ping narrow': async () => (await import('./ping-offline.ts')).narrow,
  'ping show': async () => (await import('./ping-offline.ts')).show,
  'ping verify': async () => (await import('./ping-offline.ts')).verify,
  'ping revoke': async () => (await import('./ping.ts')).revoke,
  'ping list': async () => (await import('./ping.ts')).list,
  'ping redeem': async () => (await import('./ping-redeem.ts')).redeem,
  'ping notices': async () => (await import('./ping-notices.ts')).notices,
  'credential issue': async () => (await import('./credential.ts')).issue,
  'credential show': async () => (await import('./credential.ts')).show,
  'question ask': async () => (await import('./question.ts')).ask,
  prove: async () => (await import('./question.ts')).prove,
  check: async () => (await import('./question.ts')).check,
  'public append': async () => (await import('./public.ts')).append,
  'public prove': async () => (await import('./public.ts')).prove,
  'public verify': async () => (await import('./public-verify.ts')).verify,
  'public watch': async () => (await import('./public.ts')).watch,
  'shared create': async () => (await import('./shared.ts')).create,
  'shared write': async () => (await import('./shared.ts')).write,
  'shared rule': async () => (await import('./shared.ts')).rule,
  'shared read': async () => (await import('./shared.ts')).read,
  'shared prove': async () => (await import('./shared-receipt.ts')).prove,
  'shared verify': async () => (await import('./shared-receipt.ts')).verify,
  'shared list': async () => (await import('./shared.ts')).list,
  'net found': async () => (await import('./net.ts')).found,
  'net admit': async () => (await import('./net.ts')).admitDevice,
  'net show': async () => (await import('./net.ts')).show,
  'dsr new': async () => (await import('./dsr.ts')).create,
  'dsr build': async () => (await import('./dsr.ts')).build,
  'dsr check': async () => (await import('./dsr.ts')).check,
  'dsr run': async () => (await import('./dsr.ts')).run,
  'dsr test': async () => (await import('./dsr.ts')).test,
  'dsr override': async () => (await import('./dsr-override.ts')).override,
  'models install': async () => (await import('./models.ts')).install,
  'models list': async () => (await import('./models.ts')).list,
}

if (import.meta.main) await main()

/** Runs this process's command line, and ends the process once everything is written, whatever a command left open. */
export async function main(): Promise<void> {
  const code = await runCommandLine(process.argv.slice(2), processIo())
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))))
  process.exit(code)
}

/** Runs one command line, given without `node` and `webx`. Answers the exit code; never throws. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  const json = args.includes('--json')
  try {
    const found = find(args)
    if ('text' in found) {
      io.stdout(found.text)
      return EXIT.done
    }
    const load = LOAD[found.name]
    if (load === undefined) throw new WebxError('internal', `command ${found.name} is listed but not built in`)
    return await (await load())(found.rest, io)
  } catch (thrown) {
    return reportError(thrown, io, json)
  }
}

/** This package's version. */
export function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

/** The command that is meant, or the text that was asked for. Throws `usage`. */
function find(args: readonly string[]): { name: string; rest: readonly string[] } | { text: string } {
  const [first, second] = args
  if (first === undefined) throw new WebxError('usage', 'webx needs a command', { hint: 'See webx --help.' })
  if (first === '--version') return { text: `${version()}\n` }
  if (first === '--help' || first === '-h' || first === 'help') {
    const name = args.slice(1).filter(isWord).join(' ')
    return { text: name === '' ? overview() : helpFor(name) }
  }
  const names = COMMANDS.map(({ name }) => name)
  const name = [`${first} ${second ?? ''}`, first].find((candidate) => names.includes(candidate))
  if (name !== undefined) {
    const rest = args.slice(name.split(' ').length)
    const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest
    return own.some((arg) => arg === '--help' || arg === '-h') ? { text: helpOf(specOf(name)) } : { name, rest }
  }
  if (isNoun(first) && (second === undefined || second === '--help' || second === '-h')) {
    if (second !== undefined) return { text: overview(first) }
    throw new WebxError('usage', `webx ${first} needs a verb`, { hint: `See webx ${first} --help.` })
  }
  const tried = isNoun(first) && isWord(second) ? `${first} ${second}` : first
  throw new WebxError('usage', `webx has no command "${tried}"`, {
    hint: didYouMean(tried, names, 'webx ') ?? 'See webx --help.',
  })
}

function helpFor(name: string): string {
  if (isNoun(name)) return overview(name)
  const spec = COMMANDS.find((candidate) => candidate.name === name)
  if (spec !== undefined) return helpOf(spec)
  const names = COMMANDS.map((candidate) => candidate.name)
  throw new WebxError('usage', `webx has no command "${name}"`, {
    hint: didYouMean(name, names, 'webx ') ?? 'See webx --help.',
  })
}

function isNoun(word: string): boolean {
  return COMMANDS.some(({ name }) => name.startsWith(`${word} `))
}

function isWord(arg: string | undefined): arg is string {
  return arg !== undefined && !arg.startsWith('-')
}
