// The server counts a rule's text in UTF-8 bytes, the browser in UTF-16 units.

function width(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** The byte offset of a place in the text. A place inside a pair of surrogates counts as the pair's beginning. */
export function toBytes(text: string, place: number): number {
  let bytes = 0;
  let at = 0;
  for (const character of text) {
    if (at + character.length > place) break;
    at += character.length;
    bytes += width(character.codePointAt(0) ?? 0);
  }
  return bytes;
}

/** The place of a byte offset. One inside a character counts as the character's beginning, one behind the text as its end. */
export function toPlace(text: string, bytes: number): number {
  let at = 0;
  let left = bytes;
  for (const character of text) {
    left -= width(character.codePointAt(0) ?? 0);
    if (left < 0) break;
    at += character.length;
  }
  return at;
}

/** The range of a fault, never empty where the text has something to underline. */
export function toRange(text: string, start: number | undefined, end: number | undefined): { from: number; to: number } {
  let from = toPlace(text, start ?? 0);
  let to = Math.max(from, toPlace(text, end ?? start ?? 0));
  if (from === to) {
    if (to < text.length) to += (text.codePointAt(to) ?? 0) > 0xffff ? 2 : 1;
    else if (from > 0) from -= 1;
  }
  return { from, to };
}
