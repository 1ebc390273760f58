/** The face model and the sample scenes, installed once into the machine's cache; for system tests and benches. */

import { installModel, readModelManifest, readPackageManifest } from '../../src/drivers/face-files.ts'

/** Installs the default model if need be and answers its manifest. */
export async function defaultModel(): Promise<Awaited<ReturnType<typeof readModelManifest>>> {
  const manifest = await readModelManifest()
  await installModel(manifest)
  return manifest
}

/** Paths of the sample scenes, installed if need be, scene 1 first. */
export async function sampleScenes(): Promise<readonly string[]> {
  const manifest = await readPackageManifest('sample-scenes')
  const { paths } = await installModel(manifest)
  return Object.values(paths)
}
