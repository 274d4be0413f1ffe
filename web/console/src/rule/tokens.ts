export type TokenKind = "text" | "number" | "comment" | "root" | "call" | "name" | "operator";

export interface Token {
  kind: TokenKind;
  from: number;
  to: number;
}

const roots = new Set(["events", "traits", "tags", "segments", "measures", "ids", "consent", "customer", "now"]);
const pattern = /(\/\/[^\n]*)|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(\d+(?:\.\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|([&|!=<>+\-*/%?:]+)/gu;

/** The coloured parts of a rule's text. Only for the eye: what a rule means is the server's to say. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (const match of text.matchAll(pattern)) {
    const from = match.index;
    const to = from + match[0].length;
    found.push({ kind: kindOf(match, text, to), from, to });
  }
  return found;
}

function kindOf(match: RegExpMatchArray, text: string, to: number): TokenKind {
  if (match[1] !== undefined) return "comment";
  if (match[2] !== undefined) return "text";
  if (match[3] !== undefined) return "number";
  if (match[5] !== undefined) return "operator";
  if (text[to] === "(") return "call";
  if (roots.has(match[0]) && text[(match.index ?? 0) - 1] !== ".") return "root";
  return match[0] === "in" || match[0] === "true" || match[0] === "false" ? "operator" : "name";
}
