/**
 * Holds values against CDDL (RFC 8610), as far as `src/PROTOCOL.md` uses it, and reads CBOR by itself: a second opinion that shares nothing with `src/core/codec.ts`.
 *
 * In use are: rules, choices, ranges, literals, arrays with occurrences, tags, the empty map, and the controls `.size` and `.cbor`.
 */

/** What CBOR can say here. */
export type Item =
  | number
  | string
  | boolean
  | Uint8Array
  | readonly Item[]
  | { readonly tag: number; readonly of: Item }
  | 'map'

/** Reads one item (RFC 8949) that fills all of `bytes`. Throws where it does not. */
export function readCbor(bytes: Uint8Array): Item {
  let at = 0
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const item = next()
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes are left over`)
  return item

  function next(): Item {
    const head = view.getUint8(at++)
    const major = head >> 5
    if (major === 7) {
      if (head !== 0xf4 && head !== 0xf5) throw new Error(`simple value ${head & 31}`)
      return head === 0xf5
    }
    const n = argument(head & 31)
    if (major === 0) return n
    if (major === 2) return take(n)
    if (major === 3) return new TextDecoder('utf-8', { fatal: true }).decode(take(n))
    if (major === 4) return Array.from({ length: n }, next)
    if (major === 5 && n === 0) return 'map'
    if (major === 6) return { tag: n, of: next() }
    throw new Error(`major type ${major}`)
  }

  function argument(info: number): number {
    if (info < 24) return info
    const width = 2 ** (info - 24)
    const start = at
    at += width
    if (info === 24) return view.getUint8(start)
    if (info === 25) return view.getUint16(start)
    if (info === 26) return view.getUint32(start)
    if (info === 27) return Number(view.getBigUint64(start))
    throw new Error(`additional information ${info}`)
  }

  function take(length: number): Uint8Array {
    if (at + length > bytes.length) throw new Error('truncated')
    at += length
    return bytes.subarray(at - length, at)
  }
}

type Type =
  | { readonly is: 'name'; readonly name: string }
  | { readonly is: 'number'; readonly value: number }
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'bytes'; readonly hex: string }
  | { readonly is: 'range'; readonly from: number; readonly to: number }
  | { readonly is: 'choice'; readonly types: readonly Type[] }
  | { readonly is: 'array'; readonly entries: readonly Entry[] }
  | { readonly is: 'map' }
  | { readonly is: 'tag'; readonly tag: number; readonly of: Type }
  | { readonly is: 'size' | 'cbor'; readonly of: Type; readonly by: Type }

interface Entry {
  readonly name: string
  readonly least: number
  readonly most: number
  readonly type: Type
}

const TOKEN = /h'[0-9a-f]*'|"[^"]*"|#6\.\d+|\.\.|\.[a-z]+|\d+|[A-Za-z][\w-]*|[=[\]{}():,/*+?]/g

/** The rules of all `cddl` blocks of a Markdown text. */
export class Cddl {
  readonly #rules = new Map<string, Type>()
  readonly #used = new Set<string>()

  constructor(markdown: string) {
    const blocks = [...markdown.matchAll(/^```cddl\n(.*?)^```/gms)].map((block) => block[1] as string)
    for (const block of blocks) {
      const parser = new Parser(block.replaceAll(/;.*$/gm, '').match(TOKEN) ?? [])
      for (const [name, type] of parser.rules()) {
        if (this.#rules.has(name)) throw new Error(`two rules are called ${name}`)
        this.#rules.set(name, type)
      }
    }
  }

  /** Names of rules that no value has been held against yet. */
  get unused(): string[] {
    return [...this.#rules.keys()].filter((name) => !this.#used.has(name))
  }

  /** What is wrong with a value as that rule; '' where nothing is. */
  complaint(rule: string, value: Item): string {
    return this.#judge({ is: 'name', name: rule }, value, rule)
  }

  #judge(type: Type, value: Item, where: string): string {
    switch (type.is) {
      case 'name':
        return this.#judgeName(type.name, value, where)
      case 'number':
      case 'text':
        return value === type.value ? '' : `${where}: not ${type.value}`
      case 'bytes':
        return value instanceof Uint8Array && Buffer.from(value).toString('hex') === type.hex
          ? ''
          : `${where}: other bytes`
      case 'range':
        return typeof value === 'number' && value >= type.from && value <= type.to ? '' : `${where}: out of range`
      case 'map':
        return value === 'map' ? '' : `${where}: no map`
      case 'tag': {
        const tagged = typeof value === 'object' && 'tag' in value && value.tag === type.tag ? value : null
        return tagged ? this.#judge(type.of, tagged.of, where) : `${where}: not tagged ${type.tag}`
      }
      case 'choice': {
        const complaints = type.types.map((each) => this.#judge(each, value, where))
        return complaints.includes('') ? '' : complaints.join(' / ')
      }
      case 'size': {
        const length = value instanceof Uint8Array ? value.length : -1
        return this.#judge(type.of, value, where) || this.#judge(type.by, length, `${where} size`)
      }
      case 'cbor':
        return this.#judge(type.of, value, where) || this.#judge(type.by, readCbor(value as Uint8Array), where)
      case 'array':
        return Array.isArray(value) ? this.#judgeArray(type.entries, value, where) : `${where}: no array`
    }
  }

  #judgeName(name: string, value: Item, where: string): string {
    if (name === 'any') return ''
    if (name === 'bstr') return value instanceof Uint8Array ? '' : `${where}: no byte string`
    if (name === 'tstr') return typeof value === 'string' ? '' : `${where}: no text`
    if (name === 'bool') return typeof value === 'boolean' ? '' : `${where}: neither true nor false`
    const rule = this.#rules.get(name)
    if (!rule) throw new Error(`no rule is called ${name}`)
    const complaint = this.#judge(rule, value, where)
    if (complaint === '') this.#used.add(name)
    return complaint
  }

  #judgeArray(entries: readonly Entry[], values: readonly Item[], where: string): string {
    let at = 0
    for (const { name, least, most, type } of entries) {
      let found = 0
      for (; found < most && at < values.length; found++, at++) {
        const complaint = this.#judge(type, values[at] as Item, `${where}.${name}`)
        if (complaint === '') continue
        if (found < least) return complaint
        break
      }
      if (found < least) return `${where}.${name}: missing`
    }
    return at === values.length ? '' : `${where}: ${values.length - at} fields too many`
  }
}

/** Recursive descent over the tokens of one block. */
class Parser {
  readonly #tokens: readonly string[]
  #at = 0

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens
  }

  *rules(): Iterable<[string, Type]> {
    while (this.#at < this.#tokens.length) {
      const name = this.#take()
      this.#expect('=')
      yield [name, this.#type()]
    }
  }

  #type(): Type {
    const types = [this.#controlled()]
    while (this.#skip('/')) types.push(this.#controlled())
    return types.length === 1 ? (types[0] as Type) : { is: 'choice', types }
  }

  #controlled(): Type {
    const type = this.#plain()
    if (this.#skip('..')) {
      const to = this.#plain()
      if (type.is !== 'number' || to.is !== 'number') throw new Error('a range goes from number to number')
      return { is: 'range', from: type.value, to: to.value }
    }
    if (this.#skip('.size')) return { is: 'size', of: type, by: this.#plain() }
    if (this.#skip('.cbor')) return { is: 'cbor', of: type, by: this.#plain() }
    return type
  }

  #plain(): Type {
    const token = this.#take()
    if (token === '[') return { is: 'array', entries: this.#entries() }
    if (token === '(') return this.#closed(this.#type(), ')')
    if (token === '{') return this.#closed({ is: 'map' }, '}')
    if (token.startsWith('#6.')) {
      this.#expect('(')
      return this.#closed({ is: 'tag', tag: Number(token.slice(3)), of: this.#type() }, ')')
    }
    if (token.startsWith('"')) return { is: 'text', value: token.slice(1, -1) }
    if (token.startsWith("h'")) return { is: 'bytes', hex: token.slice(2, -1) }
    if (/^\d/.test(token)) return { is: 'number', value: Number(token) }
    if (/^[A-Za-z]/.test(token)) return { is: 'name', name: token }
    throw new Error(`"${token}" begins no type`)
  }

  #entries(): Entry[] {
    const entries: Entry[] = []
    while (!this.#skip(']')) {
      const { least, most } = this.#occurrence()
      const isNamed = this.#tokens[this.#at + 1] === ':'
      const name = isNamed ? this.#take() : String(entries.length)
      if (isNamed) this.#expect(':')
      entries.push({ name, least, most, type: this.#type() })
      if (!this.#skip(',') && this.#tokens[this.#at] !== ']') throw new Error('a comma is missing')
    }
    return entries
  }

  #occurrence(): { least: number; most: number } {
    if (this.#skip('?')) return { least: 0, most: 1 }
    if (this.#tokens[this.#at + 1] !== '*') return { least: 1, most: 1 }
    const least = Number(this.#take())
    this.#expect('*')
    return { least, most: Number(this.#take()) }
  }

  #closed(type: Type, end: string): Type {
    this.#expect(end)
    return type
  }

  #take(): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new Error('the rules end too early')
    return token
  }

  #skip(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }

  #expect(token: string): void {
    if (!this.#skip(token)) throw new Error(`expected ${token}, got ${this.#tokens[this.#at]}`)
  }
}
