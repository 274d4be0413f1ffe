import { answer, api } from "../../api/client";
import type { Member } from "../../api/types";

const pageSize = 10_000;

/** Fetches all customers of an answer page by page, and hands them to the browser as a file: identifiers of a condition, identifiers with values else. */
export async function download(asked: { expression: string; as_of?: string }, condition: boolean, onProgress: (count: number) => void): Promise<void> {
  const members: Member[] = [];
  let after: string | undefined;
  let asOf = "";
  do {
    const page = await answer(api.POST("/api/v1/query", { body: { ...asked, want: condition ? "ids" : "values", limit: pageSize, after } }));
    members.push(...(page.items ?? []));
    onProgress(members.length);
    after = page.next;
    asOf ||= page.as_of;
  } while (after);
  save(lines(members, condition), `tagma-${asOf.slice(0, 10)}.csv`);
}

/** The members as CSV with a heading. */
export function lines(members: Member[], condition: boolean): string {
  const rows = members.map((member) => (condition ? field(member.id) : `${field(member.id)},${field(member.value?.text ?? "")}`));
  return [condition ? "id" : "id,value", ...rows, ""].join("\n");
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
