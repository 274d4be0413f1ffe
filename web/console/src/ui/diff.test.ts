import { expect, it } from "vitest";
import { bodyLines, diffLines } from "./diff";

it("finds the lines that changed", () => {
  expect(diffLines("a\nb\nc", "a\nx\nc\nd").map((line) => [line.kind, line.text])).toEqual([
    ["same", "a"],
    ["old", "b"],
    ["new", "x"],
    ["same", "c"],
    ["new", "d"],
  ]);
});

it("has nothing to take away where there was nothing", () => {
  expect(diffLines("", "a")).toEqual([{ kind: "new", text: "a" }]);
  expect(diffLines("a", "")).toEqual([{ kind: "old", text: "a" }]);
  expect(diffLines("", "")).toEqual([]);
});

it("writes a definition line by line, without what is empty", () => {
  const body = { name: "频次", purpose: "", multi: false, cases: [{ value: "高", when: "a &&\nb" }], values: [], bands: ["x"], rfm: null };
  expect(bodyLines(body)).toBe("name: 频次\nmulti: false\ncases:\n  - value: 高\n    when: \n        a &&\n        b\nbands:\n  - x");
});
