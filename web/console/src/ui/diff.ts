export interface DiffLine {
  kind: "same" | "old" | "new";
  text: string;
}

/** The lines of two texts beside each other, by their longest common subsequence. For texts of a definition's size. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before === "" ? [] : before.split("\n");
  const b = after === "" ? [] : after.split("\n");
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i] ?? "" });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: "old", text: a[i] ?? "" });
      i++;
    } else {
      lines.push({ kind: "new", text: b[j] ?? "" });
      j++;
    }
  }
  return lines;
}

/** A definition's body as lines, one field or list element on each, so that a diff reads well. */
export function bodyLines(body: unknown, indent = ""): string {
  if (Array.isArray(body)) {
    return body
      .map((item) => {
        if (item === null || typeof item !== "object") return `${indent}- ${scalar(item, indent)}`;
        const lines = bodyLines(item, `${indent}  `);
        return `${indent}- ${lines.slice(indent.length + 2)}`;
      })
      .join("\n");
  }
  if (body !== null && typeof body === "object") {
    return Object.entries(body)
      .filter(([, value]) => value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0))
      .map(([key, value]) =>
        typeof value === "object" ? `${indent}${key}:\n${bodyLines(value, `${indent}  `)}` : `${indent}${key}: ${scalar(value, indent)}`,
      )
      .join("\n");
  }
  return indent + scalar(body, indent);
}

function scalar(value: unknown, indent: string): string {
  const text = String(value);
  return text.includes("\n") ? `\n${text.trimEnd().replace(/^/gm, `${indent}    `)}` : text;
}
