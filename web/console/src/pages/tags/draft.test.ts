import { describe, expect, it } from "vitest";
import { bodyOf, deciding, draftOf, emptyDraft, type Editable } from "./draft";

const byCases: Editable = { key: "k", name: "n", category: "c", purpose: "p", owner: "o", refresh: "live", kind: "rule", multi: true, keep: "30d", cases: [{ value: "高", when: "a" }], rfm: "R", classes: ["fact"] };
const byValue: Editable = { key: "k", name: "n", category: "c", purpose: "", owner: "", refresh: "daily", kind: "rule", multi: false, value: "measures.m", bands: [{ below: "100", value: "低" }, { value: "高" }] };
const byHand: Editable = { key: "k", name: "n", category: "c", purpose: "", owner: "", refresh: "manual", kind: "manual", multi: true, values: ["金卡"] };

describe("a tag that is opened and saved unchanged", () => {
  it.each([byCases, byValue, byHand])("is the same: $kind", (body) => expect(bodyOf(draftOf(body))).toEqual(body));
});

describe("changing one's mind", () => {
  it("sends only what the chosen way needs, and loses nothing", () => {
    const draft = draftOf(byCases);
    const asFormula = bodyOf({ ...draft, how: "value", value: "measures.f" });
    expect(asFormula).toMatchObject({ kind: "rule", value: "measures.f", multi: false });
    expect(asFormula.cases).toBeUndefined();
    expect(bodyOf({ ...draft, how: "hand" })).toMatchObject({ kind: "manual", refresh: "manual" });
    expect(bodyOf(draft)).toEqual(byCases);
  });
});

it("words alone do not decide who carries a tag", () => {
  expect(deciding({ ...byCases, purpose: "anders", owner: "x", name: "y" })).toBe(deciding(byCases));
  expect(deciding({ ...byCases, keep: "once" })).not.toBe(deciding(byCases));
});

it("a new tag begins with one condition", () => {
  expect(bodyOf(emptyDraft("王莉", "behavior"))).toMatchObject({ owner: "王莉", category: "behavior", cases: [{ value: "", when: "" }] });
});
