import { describe, expect, it } from "vitest";
import { toBytes, toPlace, toRange } from "./offsets";

const samples = ["", "events.view", 'traits.城市 == "上海"', "a😀b", "é—𠮷x", "两\n行"];

describe("offsets", () => {
  it("agree with the encoder at every place between characters", () => {
    const encoder = new TextEncoder();
    for (const text of samples) {
      let place = 0;
      for (const character of [...text, ""]) {
        const bytes = encoder.encode(text.slice(0, place)).length;
        expect(toBytes(text, place), `${text} at ${place}`).toBe(bytes);
        expect(toPlace(text, bytes), `${text} at byte ${bytes}`).toBe(place);
        place += character.length;
      }
    }
  });

  it("go to the beginning of a character when they are inside of it", () => {
    expect(toPlace("上海", 4)).toBe(1);
    expect(toBytes("a😀b", 2)).toBe(1);
  });

  it("stay within the text", () => {
    expect(toPlace("上", 99)).toBe(1);
    expect(toBytes("上", 99)).toBe(3);
  });
});

describe("the range of a fault", () => {
  it("is where the server says", () => {
    expect(toRange('traits.城 == "上"', 7, 10)).toEqual({ from: 7, to: 8 });
  });

  it("has something to underline, also at the end and at surrogates", () => {
    expect(toRange("count(", 6, 6)).toEqual({ from: 5, to: 6 });
    expect(toRange("a😀", 1, 1)).toEqual({ from: 1, to: 3 });
    expect(toRange("", 0, 0)).toEqual({ from: 0, to: 0 });
  });

  it("copes without places", () => {
    expect(toRange("abc", undefined, undefined)).toEqual({ from: 0, to: 1 });
  });
});
