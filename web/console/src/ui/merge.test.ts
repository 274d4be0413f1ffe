import { describe, expect, it } from "vitest";
import { differences, merged } from "./merge";

interface Body {
  name: string;
  owner: string;
  cases?: { when: string }[];
  keep?: string;
}
const base: Body = { name: "频次", owner: "王莉", cases: [{ when: "a" }], keep: "once" };

describe("two edits of one definition", () => {
  it("are listed by field, with clashes marked", () => {
    const theirs: Body = { ...base, owner: "赵阳", name: "购买频次" };
    const mine: Body = { ...base, name: "频次分层", cases: [{ when: "b" }] };
    expect(differences(base, theirs, mine).map(({ field, clash }) => [field, clash])).toEqual([
      ["name", true],
      ["owner", false],
      ["cases", false],
    ]);
    expect(merged(base, theirs, mine)).toEqual({ name: "频次分层", owner: "赵阳", cases: [{ when: "b" }], keep: "once" });
  });

  it("do not clash where both changed to the same", () => {
    const both: Body = { ...base, name: "新" };
    expect(differences(base, both, both)).toMatchObject([{ field: "name", clash: false }]);
  });

  it("keep what I took away, and what they added", () => {
    const mine: Body = { name: "频次", owner: "王莉", cases: [{ when: "a" }] };
    expect(merged({ ...base }, { ...base, owner: "赵阳" }, mine)).toEqual({ name: "频次", owner: "赵阳", cases: [{ when: "a" }] });
    expect(merged(mine, base, mine)).toEqual(base);
  });
});
