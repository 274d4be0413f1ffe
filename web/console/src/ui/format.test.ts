import { describe, expect, it } from "vitest";
import { formatBytes, formatClock, formatCount, formatDay, formatDecimal, formatDuration, formatInstant, formatRate, formatSecond, formatShare, formatSpan, formatValue } from "./format";

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

it("lengths of time are told in one unit", () => {
  const words = { now: "now", s: "s", min: "min", h: "h", d: "d" };
  const told = [0, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 47 * 3_600_000, 48 * 3_600_000].map((ms) => formatSpan(ms, words));
  expect(told).toEqual(["now", "now", "1 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d"]);
});

it("rates and sizes", () => {
  expect([0, 0.44, 12.5, 1204.4].map(formatRate)).toEqual(["0", "0.4", "12.5", "1,204"]);
  expect([0, 1023, 1536, 12_345_678].map(formatBytes)).toEqual(["0 B", "1,023 B", "1.5 KB", "11.8 MB"]);
});
