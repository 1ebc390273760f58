/**
 * What strangers wrote, for a terminal: it stays within its line, and says nothing that looks like a word of ours.
 */

/** A text in which signs that control a terminal, end a line or turn the direction of writing stand as `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
}
