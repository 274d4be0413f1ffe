// Just enough of the language to look at the editor: names that do not exist are faults, dots complete.

const events = ["order_paid", "view", "search", "add_to_cart", "favorite", "refund", "share", "sign_in"];
const traits = ["city", "level", "gender", "birthday", "company", "occupation"];
const tags = ["purchase_frequency", "rfm", "stage", "high_value", "churn_risk", "r_score"];
const filters = [["last", "只看最近一段时间的行为", "(span)"], ["where", "只看满足条件的行为", "(e, condition)"], ["before", "只看一段时间之前的行为", "(span)"], ["count", "次数", "number"], ["days", "有行为的天数", "number"], ["sum", "数值之和", "number"], ["latest", "最近一次", "event"], ["top", "最多的值", "value"]];

const bytes = (text) => Buffer.byteLength(text);

export function check(expression) {
  const faults = [];
  const known = { events, traits, tags };
  for (const match of expression.matchAll(/\b(events|traits|tags)\.([\p{L}_]+)/gu)) {
    const names = known[match[1]];
    if (names.includes(match[2]) || ["all", "any"].includes(match[2])) continue;
    const place = match.index + match[1].length + 1;
    const start = bytes(expression.slice(0, place));
    const near = names.find((name) => name[0] === match[2][0]);
    faults.push({
      start, end: start + bytes(match[2]), line: expression.slice(0, place).split("\n").length,
      column: [...expression.slice(expression.lastIndexOf("\n", place - 1) + 1, place)].length + 1,
      message: `没有名为 ${match[2]} 的${{ events: "行为", traits: "属性", tags: "标签" }[match[1]]}`,
      hint: near ? `是不是想写 ${match[1]}.${near}？` : "",
    });
  }
  const open = (expression.match(/\(/g) ?? []).length - (expression.match(/\)/g) ?? []).length;
  if (open > 0) faults.push({ start: bytes(expression), end: bytes(expression), line: 1, column: expression.length + 1, message: "少了右括号", hint: "在末尾补上 )" });
  const type = /[<>=!]=|[<>]|\bhas\(|&&|\bin\b|^true$/.test(expression) ? "condition" : "number";
  if (faults.length > 0) return { ok: false, type: "", faults, warnings: [] };
  return { ok: true, type, faults: [], warnings: [], sentence: say(expression), canonical: expression, formatted: expression.replace(/ +/g, " ") };
}

export function say(text) {
  const zh = text.replace(/&&/g, "且").replace(/\|\|/g, "或").replace(/events\.(\w+)\.last\("(\d+)d"\)\.count\(\)/g, "近$2天 $1 次数").replace(/events\.(\w+)\.count\(\)/g, "$1 次数").replace(/days_since\(events\.(\w+)\.latest\(\)\.time\)/g, "距最近一次 $1 的天数").replace(/traits\.level/g, "等级").replace(/traits\.city/g, "城市").replace(/>=/g, "≥").replace(/==/g, "等于").replace(/"/g, "").replace(/events\.(\w+)\.last\("1y"\)\.sum\(e, e\.(\w+)\)/, "近1年 $1 的 $2 之和");
  const en = text.replace(/&&/g, "and").replace(/events\.(\w+)\.last\("(\d+)d"\)\.count\(\)/g, "number of $1 in the last $2 days").replace(/>=/g, "≥").replace(/==/g, "is").replace(/"/g, "");
  return { zh, en };
}

export function leaves(expression) {
  return expression.split(/&&|\|\|/).map((text, index) => ({ text: text.trim(), sentence: say(text.trim()), holds: [4210, 1830, 9044, 311][index % 4], rows: 84021, share: [0.2105, 0.0915, 0.4522, 0.0155][index % 4] }));
}

export function complete(text, cursor) {
  const before = Buffer.from(text).subarray(0, cursor).toString();
  const option = (label, kind, zh, type = "") => ({ label, insert: label, kind, type, doc: { zh, en: zh && `about ${label}` } });
  let match;
  if ((match = /\b(events|traits|tags)(\.[\p{L}_]*)$/u.exec(before))) {
    const [, root, word] = match;
    const of = { events: ["event", events], traits: ["trait", traits], tags: ["tag", tags] }[root];
    const options = of[1].filter((name) => name.startsWith(word.slice(1))).map((name) => ({ ...option(name, of[0], `${root} 中的 ${name}`), insert: `.${name}` }));
    return { start: cursor - bytes(word), end: cursor, options };
  }
  if ((match = /(\.)([a-z_]*)$/.exec(before))) {
    const options = filters.filter(([name]) => name.startsWith(match[2])).map(([name, zh, type]) => ({ ...option(name, name === "count" || name === "days" || name === "sum" ? "measure" : "filter", zh, type), insert: name === "last" ? '.last("30d")' : `.${name}()` }));
    return { start: cursor - bytes(match[0]), end: cursor, options };
  }
  if ((match = /traits\.(city|level) == "?([^"]*)$/.exec(before))) {
    const values = match[1] === "city" ? ["上海", "北京", "杭州"] : ["普通", "银卡", "金卡", "黑卡"];
    const typed = /"?[^"\s]*$/.exec(before)[0];
    return { start: cursor - bytes(typed), end: cursor, options: values.map((value) => ({ ...option(value, "value", ""), insert: `"${value}"` })) };
  }
  const word = /[\p{L}_]*$/u.exec(before)[0];
  const options = [option("events", "root", "客户的行为"), option("traits", "root", "客户的属性"), option("tags", "root", "客户的标签"), option("has", "function", "是否有值", "condition"), option("days_since", "function", "距某时刻的天数", "number")].filter((each) => each.label.startsWith(word));
  return { start: cursor - bytes(word), end: cursor, options };
}
