import { describe, expect, it } from "vitest";
import { formatClock, formatCount, formatDay, formatDecimal, formatDuration, formatInstant, formatSecond, formatShare, formatValue } from "./format";

it("counts have thousands separators", () => {
  expect(formatCount(1284051)).toBe("1,284,051");
  expect(formatCount(0)).toBe("0");
});

describe("decimals", () => {
  it.each([
    ["1234567.890", "1,234,567.890"],
    ["-1234", "-1,234"],
    ["999", "999"],
    ["12345678901234567890.000000000000000001", "12,345,678,901,234,567,890.000000000000000001"],
    ["not a number", "not a number"],
    ["", ""],
  ])("%s is shown exactly as %s", (given, shown) => expect(formatDecimal(given)).toBe(shown));
});

describe("shares", () => {
  it.each([
    [0, 100, "0%"],
    [1, 100_000, "<0.1%"],
    [123, 1000, "12.3%"],
    [99_999, 100_000, ">99.9%"],
    [5, 5, "100%"],
    [0, 0, "–"],
  ])("%d of %d is %s", (part, whole, shown) => expect(formatShare(part, whole)).toBe(shown));
});

describe("instants", () => {
  const text = "2026-11-21T18:03:05.120+08:00";
  it("show the clock of the workspace, wherever the browser is", () => {
    expect(formatInstant(text)).toBe("2026-11-21 18:03");
    expect(formatSecond(text)).toBe("2026-11-21 18:03:05");
    expect(formatDay(text)).toBe("2026-11-21");
    expect(formatClock(text)).toBe("18:03");
  });
  it("may be days, missing or strange", () => {
    expect(formatInstant("2026-11-21")).toBe("2026-11-21");
    expect(formatInstant(undefined)).toBe("–");
    expect(formatInstant("soon")).toBe("soon");
    expect(formatInstant("2026-11-21T10:03:05Z")).toBe("2026-11-21 10:03");
  });
});

it("durations use the unit that fits", () => {
  const words = { ms: "毫秒", s: "秒", min: "分" };
  expect(formatDuration(84.4, words)).toBe("84 毫秒");
  expect(formatDuration(2140, words)).toBe("2.1 秒");
  expect(formatDuration(125_000, words)).toBe("2 分 5 秒");
});

it("values are shown by their kind", () => {
  const show = (kind: Parameters<typeof formatValue>[0]["kind"], text: string, items?: string[]) => formatValue({ kind, text, items }, { yes: "是", no: "否", list: (each) => each.join("、") });
  expect(show("number", "12840")).toBe("12,840");
  expect(show("bool", "true")).toBe("是");
  expect(show("bool", "false")).toBe("否");
  expect(show("list", "a,b,c", ["a,b", "c"])).toBe("a,b、c");
  expect(show("time", "2026-11-21T18:03:05.120+08:00")).toBe("2026-11-21 18:03");
  expect(show("text", "12840")).toBe("12840");
});
