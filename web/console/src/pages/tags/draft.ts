import type { Refresh, Tag, TagBody } from "../../api/types";

/** What of a tag is edited. The reason for the edit is told beside it, and the server knows what kind the values are. */
export type Editable = Required<Pick<TagBody, "key" | "name" | "category" | "purpose" | "owner" | "refresh" | "kind" | "multi">> &
  Pick<TagBody, "keep" | "cases" | "value" | "bands" | "values" | "rfm" | "classes">;

type Rfm = NonNullable<TagBody["rfm"]>;
export const rfmDimensions: Rfm[] = ["R", "F", "M"];

/** A tag while it is edited: all ways of getting a value side by side, so that changing one's mind loses nothing. */
export interface Draft {
  key: string;
  name: string;
  category: string;
  purpose: string;
  owner: string;
  refresh: Refresh;
  how: "cases" | "value" | "hand";
  multi: boolean;
  keep: "no" | "once" | "span";
  keepSpan: string;
  cases: DraftCase[];
  value: string;
  bands: DraftBand[];
  values: string[];
  rfm: Rfm | "";
  classes: string[];
}

export interface DraftCase {
  id: number;
  value: string;
  when: string;
}

export interface DraftBand {
  id: number;
  below: string;
  value: string;
}

let lastId = 0;

/** A key for the rows of lists, which have no name of their own. */
export function newId(): number {
  return ++lastId;
}

export function emptyDraft(owner: string, category: string): Draft {
  return {
    key: "",
    name: "",
    category,
    purpose: "",
    owner,
    refresh: "daily",
    how: "cases",
    multi: false,
    keep: "no",
    keepSpan: "",
    cases: [{ id: newId(), value: "", when: "" }],
    value: "",
    bands: [],
    values: [],
    rfm: "",
    classes: [],
  };
}

export function draftOf(tag: Editable | Tag): Draft {
  return {
    key: tag.key,
    name: tag.name,
    category: tag.category,
    purpose: tag.purpose,
    owner: tag.owner,
    refresh: tag.refresh,
    how: tag.kind === "manual" ? "hand" : tag.value ? "value" : "cases",
    multi: tag.multi,
    keep: !tag.keep ? "no" : tag.keep === "once" ? "once" : "span",
    keepSpan: tag.keep && tag.keep !== "once" ? tag.keep : "",
    cases: (tag.cases?.length ? tag.cases : [{ value: "", when: "" }]).map((each) => ({ id: newId(), value: each.value, when: each.when })),
    value: tag.value ?? "",
    bands: (tag.bands ?? []).map((band) => ({ id: newId(), below: band.below ?? "", value: band.value })),
    values: tag.values ?? [],
    rfm: rfmDimensions.find((each) => each === tag.rfm) ?? "",
    classes: tag.classes ?? [],
  };
}

/** What is sent: only what the chosen way needs. */
export function bodyOf(draft: Draft): Editable {
  const body: Editable = {
    key: draft.key.trim(),
    name: draft.name.trim(),
    category: draft.category,
    purpose: draft.purpose.trim(),
    owner: draft.owner.trim(),
    refresh: draft.how === "hand" ? "manual" : draft.refresh,
    kind: draft.how === "hand" ? "manual" : "rule",
    multi: draft.multi && draft.how !== "value",
  };
  if (draft.rfm) body.rfm = draft.rfm;
  if (draft.classes.length > 0) body.classes = draft.classes;
  if (draft.how === "hand") {
    if (draft.values.length > 0) body.values = draft.values;
    return body;
  }
  if (draft.keep === "once") body.keep = "once";
  if (draft.keep === "span" && draft.keepSpan.trim()) body.keep = draft.keepSpan.trim();
  if (draft.how === "cases") {
    body.cases = draft.cases.map(({ value, when }) => ({ value: value.trim(), when }));
  } else {
    body.value = draft.value;
    const bands = draft.bands.filter((band) => band.value.trim());
    if (bands.length > 0) body.bands = bands.map((band) => (band.below.trim() ? { below: band.below.trim(), value: band.value.trim() } : { value: band.value.trim() }));
  }
  return body;
}

/** The body that a tag would be saved with unchanged. */
export function bodyOfTag(tag: Tag): Editable {
  return bodyOf(draftOf(tag));
}

/** The part of a body that decides who carries the tag: when only words changed, there is nothing to preview. */
export function deciding(body: Editable): string {
  const { kind, multi, keep, cases, value, bands, values } = body;
  return JSON.stringify({ kind, multi, keep, cases, value, bands, values });
}
