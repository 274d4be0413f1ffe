import { expect, it } from "vitest";
import { colours, fonts, monospace } from "./theme";
import css from "./console.css?raw";

it("console.css and the theme have the same colours and fonts", () => {
  const variable = (name: string) => new RegExp(`--${name}:\\s*([^;]+);`).exec(css)?.[1]?.replace(/\s+/g, " ");
  for (const [name, colour] of Object.entries(colours)) expect(variable(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)), name).toBe(colour);
  expect(variable("sans")).toBe(fonts);
  expect(variable("mono")).toBe(monospace);
});
