import { expect, it } from "vitest";
import { lines } from "./download";

const member = (id: string, text?: string) => ({ id, customer: 1, ...(text === undefined ? {} : { value: { kind: "text" as const, text } }) });

it("writes identifiers one on each line", () => {
  expect(lines([member("user_id:1"), member('mail:"a", b')], true)).toBe('id\nuser_id:1\n"mail:""a"", b"\n');
});

it("writes values beside them", () => {
  expect(lines([member("user_id:1", "3.5"), member("user_id:2", "上,下"), member("user_id:3")], false)).toBe('id,value\nuser_id:1,3.5\nuser_id:2,"上,下"\nuser_id:3,\n');
});
