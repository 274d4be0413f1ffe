import { expect, it } from "vitest";
import { tokens } from "./tokens";

const kinds = (text: string) => tokens(text).map((token) => [text.slice(token.from, token.to), token.kind]);

it("colours the parts of a rule", () => {
  expect(kinds('tags.购买频次 == "高" && events.buy.count() >= 1.5 // 注释')).toEqual([
    ["tags", "root"],
    ["购买频次", "name"],
    ["==", "operator"],
    ['"高"', "text"],
    ["&&", "operator"],
    ["events", "root"],
    ["buy", "name"],
    ["count", "call"],
    [">=", "operator"],
    ["1.5", "number"],
    ["// 注释", "comment"],
  ]);
});

it("takes an unfinished text to the end of its line", () => {
  expect(kinds('"上海\nnow')).toEqual([
    ['"上海', "text"],
    ["now", "root"],
  ]);
});

it("keeps slashes in texts", () => {
  expect(kinds('"a//b"')).toEqual([['"a//b"', "text"]]);
});
