/**
 * A node's settings as they go into its backup: the text of a profile that says what was not left at its default, without the paths of this machine.
 */

import { stringify } from 'smol-toml'
import { layerFromToml, type ResolvedProfile } from './kernel/profile.ts'
import type { Setting } from './kernel/settings.ts'

/** What a node that is put back finds elsewhere, or chooses anew. */
const OF_THIS_MACHINE = new Set([
  'data.dir',
  'keys.file',
  'keys.passphraseFile',
  'net.genesis',
  'model.cacheDir',
  'log.level',
])

/** TOML for `--profile`; '' where everything is at its default. It may hold the password of a broker. */
export function settingsText({ settings }: ResolvedProfile): string {
  const tree: Record<string, Setting | Record<string, Setting>> = {}
  for (const { name, value, source } of settings) {
    if (source === 'default' || OF_THIS_MACHINE.has(name)) continue
    const [section, key] = name.split('.') as [string, string | undefined]
    if (key === undefined) tree[section] = value
    else tree[section] = { ...(tree[section] as Record<string, Setting> | undefined), [key]: value }
  }
  if (Object.keys(tree).length === 0) return ''
  const text = `${stringify(tree)}\n`
  // what could not be read back would be found out on the day it is needed
  layerFromToml('the settings', text)
  return text
}
