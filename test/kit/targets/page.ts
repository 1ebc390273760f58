/** A page in headless Chromium, served by a server of its own in the way that makes memory shareable. */

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Where Debian and its kin put the browser. */
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const TYPES: Readonly<Record<string, string>> = { mjs: 'text/javascript', wasm: 'application/wasm', html: 'text/html' }
const PAGE = '<!doctype html><html lang="en"><title>webx vectors</title></html>'
const START_MS_MAX = 60_000

/** A page, and the end of it. */
export interface OpenPage {
  readonly page: Page
  /** What the browser calls itself, with its version. */
  readonly version: string
  close(): Promise<void>
}

/**
 * Opens an empty page on an origin that serves these files by their names, cross-origin isolated: without its two
 * headers there is no SharedArrayBuffer. Throws where there is no Chromium, saying how to get it.
 */
export async function openPage(files: ReadonlyMap<string, string>): Promise<OpenPage> {
  const executablePath = BROWSERS.find((path) => existsSync(path))
  if (executablePath === undefined) throw new Error('no browser here: apt-get install chromium')
  const server = await serve(files)
  let browser: Browser | undefined
  const close = async (): Promise<void> => {
    await browser?.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  try {
    // a sandbox of its own is refused to root
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    browser = await chromium.launch({ executablePath, args, headless: true, timeout: START_MS_MAX })
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    return { page, version: browser.version(), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function serve(files: ReadonlyMap<string, string>): Promise<Server> {
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1)
    const path = files.get(name)
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    response.setHeader('Content-Type', TYPES[name === '' ? 'html' : (name.split('.').at(-1) ?? '')] ?? 'text/plain')
    if (name === '') response.end(PAGE)
    else if (path === undefined) response.writeHead(404).end()
    else
      readFile(path).then(
        (bytes) => response.end(bytes),
        (error: Error) => response.writeHead(500).end(error.message),
      )
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  return server
}
