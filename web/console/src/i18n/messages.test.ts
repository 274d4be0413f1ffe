import { expect, it } from "vitest";
import { en } from "./en";
import { zh } from "./zh";

type Tree = { [key: string]: string | Tree };

function leaves(tree: Tree, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const at = path ? `${path}.${key}` : key;
    if (typeof value === "string") found.set(at, value);
    else for (const [inner, text] of leaves(value, at)) found.set(inner, text);
  }
  return found;
}

const holes = (text: string) => [...text.matchAll(/\{\{(\w+)/g)].map((match) => match[1]).sort();

it("every text is there in both languages, with the same holes", () => {
  const chinese = leaves(zh);
  const english = leaves(en);
  for (const [key, text] of chinese) {
    expect(english.has(key), `en lacks ${key}`).toBe(true);
    expect(holes(english.get(key) ?? ""), key).toEqual(holes(text));
  }
  // Chinese has one plural form; English has a singular beside it.
  for (const key of english.keys()) expect(chinese.has(key.replace(/_one$/, "_other")), `zh lacks ${key}`).toBe(true);
});

it("every text is used", () => {
  const sources = import.meta.glob<string>(["../**/*.ts", "../**/*.tsx", "!./*.ts"], { query: "?raw", import: "default", eager: true });
  const code = Object.values(sources).join("\n");
  // Keys that are put together: `role.${role}` uses all of role.
  const composed = [...code.matchAll(/`(\w+)\.\$\{/g)].map((match) => match[1]);
  for (const key of leaves(zh).keys()) {
    const plain = key.replace(/_other$/, "");
    if (composed.includes(plain.split(".")[0])) continue;
    expect(code.includes(`"${plain}"`), `${key} is not used`).toBe(true);
  }
});
