import type { Value } from "../api/types";

// Numbers and dates as people read them. Instants come from the server with the offset of the workspace's zone, so the
// clock they show is read off the text: the browser's own zone never takes part.

/** 20000 → "20,000". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** Groups the digits of an exact decimal without rounding it: "-1234567.890" → "-1,234,567.890". */
export function formatDecimal(text: string): string {
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
  if (!match) return text;
  const [, sign = "", whole = "", fraction = ""] = match;
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + fraction;
}

/** 0.1234 → "12.3%"; a share that is not nothing never reads as 0%. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const percent = (part / whole) * 100;
  if (part > 0 && percent < 0.1) return "<0.1%";
  if (part < whole && percent > 99.9) return ">99.9%";
  return `${percent.toLocaleString("en-US", { maximumFractionDigits: 1 })}%`;
}

const instant = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/** "2026-11-21T18:03:05.120+08:00" → "2026-11-21 18:03". */
export function formatInstant(text: string | undefined): string {
  if (!text) return "–";
  const match = instant.exec(text);
  if (!match) return text;
  return match[2] ? `${match[1]} ${match[2]}` : (match[1] ?? text);
}

/** The same with seconds. */
export function formatSecond(text: string): string {
  const match = instant.exec(text);
  return match?.[3] ? `${match[1]} ${match[2]}:${match[3]}` : formatInstant(text);
}

/** The local day of an instant: "2026-11-21". */
export function formatDay(text: string | undefined): string {
  return text ? (instant.exec(text)?.[1] ?? text) : "–";
}

/** The clock of an instant: "18:03". */
export function formatClock(text: string): string {
  return instant.exec(text)?.[2] ?? "";
}

export interface DurationWords {
  ms: string;
  s: string;
  min: string;
}

/** 1234 → "1.2 s". */
export function formatDuration(ms: number, words: DurationWords): string {
  if (ms < 1000) return `${Math.round(ms)} ${words.ms}`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} ${words.s}`;
  return `${Math.floor(ms / 60_000)} ${words.min} ${Math.round((ms % 60_000) / 1000)} ${words.s}`;
}

export interface SpanWords {
  /** For less than a second. */
  now: string;
  s: string;
  min: string;
  h: string;
  d: string;
}

/** How long ago, in one unit: 90_000 → "1 min". */
export function formatSpan(ms: number, words: SpanWords): string {
  const whole = (unit: number) => Math.floor(ms / unit);
  if (ms < 1000) return words.now;
  if (ms < 60_000) return `${whole(1000)} ${words.s}`;
  if (ms < 3_600_000) return `${whole(60_000)} ${words.min}`;
  if (ms < 48 * 3_600_000) return `${whole(3_600_000)} ${words.h}`;
  return `${whole(24 * 3_600_000)} ${words.d}`;
}

/** A number a second: "0", "0.4", "12.5", "1,204". */
export function formatRate(rate: number): string {
  return rate.toLocaleString("en-US", { maximumFractionDigits: rate < 100 ? 1 : 0 });
}

/** 12_345_678 → "11.8 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let size = bytes;
  while (size >= 1024 && at < units.length - 1) {
    size /= 1024;
    at++;
  }
  return `${size.toLocaleString("en-US", { maximumFractionDigits: at === 0 || size >= 100 ? 0 : 1 })} ${units[at]}`;
}

export interface ValueWords {
  yes: string;
  no: string;
  list: (items: string[]) => string;
}

/** The text of a value. */
export function formatValue(value: Value, words: ValueWords): string {
  switch (value.kind) {
    case "number":
      return formatDecimal(value.text);
    case "bool":
      return value.text === "true" ? words.yes : words.no;
    case "time":
      return formatInstant(value.text);
    case "list":
      return words.list(value.items ?? value.text.split(","));
    case "date":
    case "text":
      return value.text;
  }
}
