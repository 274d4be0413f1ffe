// A stand-in for the server while working on the console: `npm run mock`, then `npm run dev`. It keeps what is saved in memory.
//
// MOCK=empty serves a new workspace. Sign in as admin, manager, operator or viewer with any password but "wrong"; "fresh"
// has to change its password. A tag saved with If-Match "stale" in its purpose is refused as changed by somebody else.

import { createServer } from "node:http";
import * as data from "./data.mjs";
import { check, complete, leaves, say } from "./rules.mjs";

const empty = process.env.MOCK === "empty";
const port = Number(process.env.PORT ?? 8090);
const grants = ["read", "customers.read", "query", "export", "assign", "consent", "compute", "define", "import", "sources", "tokens", "users", "audit", "maintain"];
const upTo = { viewer: 3, operator: 7, manager: 9, admin: 14 };
const people = { admin: ["系统管理员", "admin"], manager: ["王莉", "manager"], operator: ["周敏", "operator"], viewer: ["林晓", "viewer"], fresh: ["新同事", "viewer"] };

const tags = empty ? [] : data.tags;
const segments = empty ? [] : data.segments;
const assignments = [];
let mustChange = true;
const run = (id, as_of, entered, left, took_ms, more = {}) => ({ id: String(id), kind: "compute", as_of, started: as_of, finished: as_of, state: "done", took_ms, entered, left, repaired: 0, ...more });
const runs = empty ? [] : [
  run(12, data.now, 1204, 988, 2140),
  run(11, "2026-11-20T18:00:00.000+08:00", 1181, 1043, 2093),
  run(10, "2026-11-19T18:00:00.000+08:00", 0, 0, 412, { state: "failed", error: "磁盘空间不足" }),
  run(9, "2026-11-19T18:00:00.000+08:00", 1320, 871, 2204),
  run(8, "2026-09-30T23:59:59.999+08:00", 16904, 0, 3870, { kind: "snapshot" }),
];
const users = [
  { name: "admin", display: "系统管理员", role: "admin", state: "active", last_sign_in: "2026-11-21T17:50:11.000+08:00" },
  { name: "wang.li", display: "王莉", role: "manager", state: "active", last_sign_in: "2026-11-21T09:02:40.000+08:00" },
  { name: "zhou.min", display: "周敏", role: "operator", state: "locked", last_sign_in: "2026-11-19T14:22:09.000+08:00" },
  { name: "lin.xiao", display: "林晓", role: "viewer", state: "disabled" },
];
const tokens = [
  { id: "3", name: "营销系统", role: "operator", created: "2026-08-01T10:00:00.000+08:00", last_used: "2026-11-21T17:59:02.000+08:00", state: "active" },
  { id: "2", name: "报表", role: "viewer", created: "2026-05-11T10:00:00.000+08:00", expires: "2027-05-11T23:59:59.999+08:00", state: "active" },
  { id: "1", name: "试用", role: "viewer", created: "2026-01-11T10:00:00.000+08:00", expires: "2026-02-11T23:59:59.999+08:00", state: "expired" },
];
const sources = [
  { name: "小程序", created: "2026-03-02T09:00:00.000+08:00", keys: [{ id: "1", masked: "tgw_7f…c2a9", created: "2026-03-02T09:00:00.000+08:00", state: "revoked" }, { id: "4", masked: "tgw_1b…90fe", created: "2026-09-01T09:00:00.000+08:00", state: "active" }] },
  { name: "官网", created: "2026-03-02T09:05:00.000+08:00", keys: [{ id: "2", masked: "tgw_aa…31d0", created: "2026-03-02T09:05:00.000+08:00", state: "active" }] },
];
const audit = [
  { id: "5", at: "2026-11-21T17:52:10.000+08:00", actor: { kind: "user", name: "admin" }, from: "10.2.0.15", action: "token.add", object: { kind: "token", key: "营销系统" }, outcome: "done" },
  { id: "4", at: "2026-11-18T15:41:22.000+08:00", actor: { kind: "user", name: "wang.li" }, from: "10.2.0.31", action: "tag.change", object: { kind: "tag", key: "purchase_frequency" }, outcome: "done", before: { cases: [{ value: "高频购买", when: 'events.order_paid.last("90d").count() >= 5' }] }, after: { cases: [{ value: "高频购买", when: 'events.order_paid.last("90d").count() >= 4' }] } },
  { id: "3", at: "2026-11-18T15:40:02.000+08:00", actor: { kind: "user", name: "lin.xiao" }, from: "10.2.0.40", action: "tag.change", object: { kind: "tag", key: "stage" }, outcome: "refused" },
];

class Refused extends Error {
  constructor(status, code, detail, more = {}) {
    super(detail);
    this.problem = { type: "about:blank", title: code, status, code, detail, ...more };
  }
}
const found = (item) => item ?? refuse(404, "not_found", "没有找到");
function refuse(...args) {
  throw new Refused(...args);
}
function page(list, query, size = Number(query.get("limit") ?? 50)) {
  const from = Number(query.get("after") ?? query.get("before") ?? 0);
  const items = list.slice(from, from + size);
  return { items, ...(from + size < list.length ? { next: String(from + size) } : {}), total: list.length };
}
const publicTag = ({ counts: _counts, numberFacts: _facts, ...tag }) => tag;
const bodyOf = ({ key, name, category, purpose, owner, refresh, kind, multi, keep, cases, value, bands, values, rfm }) => ({ key, name, category, purpose, owner, refresh, kind, multi, keep, cases: cases?.map(({ value, when }) => ({ value, when })), value, bands, values, rfm });
const text = (value, kind = "text") => ({ kind, text: String(value) });
const members = (count, value) => Array.from({ length: Math.min(count, 400) }, (_, i) => ({ id: `user_id:${10007 + i * 13}`, customer: 7 + i * 13, ...(value ? { value: value(i) } : {}) }));
const summary = (customer) => ({ id: customer.id, customer: customer.number, identifiers: customer.identifiers, name: customer.name });
const version = (tag) => [
  { version: tag.version, at: tag.updated, actor: tag.actor, reason: "放宽门槛, 配合双十一", body: bodyOf(tag) },
  { version: "2", at: "2026-07-04T11:20:00.000+08:00", actor: "王莉", reason: "", body: { ...bodyOf(tag), purpose: tag.purpose.slice(0, 12), cases: tag.cases?.map((each, i) => ({ value: each.value, when: i === 0 ? each.when.replace("4", "5") : each.when })) } },
  { version: "1", at: tag.created, actor: "admin", reason: "初次建立", body: { ...bodyOf(tag), purpose: "", cases: tag.cases?.slice(0, 2).map(({ value, when }) => ({ value, when })) } },
];

function customer(id) {
  const [kind, value] = [id.slice(0, id.indexOf(":")), id.slice(id.indexOf(":") + 1)];
  const number = kind === "user_id" ? Number(value) - 10000 : NaN;
  if (!(number >= 0 && number < data.customerCount)) refuse(404, "not_found", `没有客户 ${id}`);
  return data.customerAt(number);
}

function carried(who) {
  return tags
    .filter((tag, i) => tag.counts.length > 0 && (i * 31 + who.number) % 5 !== 0)
    .map((tag, i) => {
      const [value] = tag.counts[(who.number + i) % tag.counts.length];
      return { key: tag.key, name: tag.name, category: tag.category, value: text(value, tag.value_kind), ...(tag.bands ? { number: "1284.5" } : {}), since: "2026-11-19T18:00:00.000+08:00", cause: ["run", "event", "edit", "time", "manual"][i % 5], ...(i % 5 === 4 ? { by: "陈立", reason: "拜访后确认" } : { run: "9" }) };
    });
}

const routes = {
  "GET /session": (r) => r.session,
  "POST /session/password": (r) => (r.body.old === "wrong" ? refuse(422, "invalid", "当前密码不对") : ((mustChange = false), undefined)),
  "GET /overview": () => ({
    zone: "Asia/Shanghai", now: data.now, stopped: false, customers: empty ? 0 : data.customerCount, events: empty ? 0 : 1284051, tags: tags.length, segments: segments.length, assigned: empty ? 0 : 19412,
    ...(runs[0] ? { last_run: runs[0] } : {}), recent_runs: runs, fresh: { live: true, lag_ms: 120, rate: 14.2, failing: false, next_run: "2026-11-22T01:00:00.000+08:00" },
    top_tags: [...tags].sort((a, b) => (b.held ?? 0) - (a.held ?? 0)).slice(0, 10).map(({ key, name, held }) => ({ key, name, held })),
    dimensions: [["nature", "behavior", 8], ["nature", "attribute", 7], ["nature", "interest", 4], ["nature", "lifecycle", 1], ["origin", "fact", 6], ["origin", "behavior", 8], ["origin", "source", 1], ["origin", "state", 2], ["six_dimensions", "basic", 4]].map(([set, key, n]) => ({ set, key, name: key, tags: empty ? 0 : n })),
    max_depth: 3, avg_depth: 2.9,
  }),
  "GET /runs": ({ query }) => page(runs, query),
  "GET /freshness": () => ({
    now: data.now, stopped: false, failed: [],
    readers: [["warehouse", "event_log"], ["index", "change_log"], ["live", "event_log"]].map(([name, log]) => ({ name, log, position: 1284051, end: 1284051, lag: 0, lag_ms: 0, rate: 14.2 })),
    intake: { rate: 14.2, recent: Array.from({ length: 60 }, (_, i) => 10 + ((i * 7) % 9)), refused: 0, refusals: Array(60).fill(0), waiting: 0 },
    live: { ready: true, as_of: data.now, lag_ms: 120, subjects: 25, leaves: 40, bytes: 401280, decided: 5120, changes: 812, woken: 31, builds: 1, repaired: 0 },
    refresh: [{ refresh: "live", tags: 25, never: 0, as_of: data.now, lag_ms: 120 }, { refresh: "daily", tags: tags.length, never: 0, as_of: data.now, lag_ms: 61_000_000, next_run: "2026-11-22T01:00:00.000+08:00" }],
  }),
  "POST /runs": (r) => {
    need(r, "compute");
    const started = run(13, data.now, 0, 0, 900, { state: "running", finished: undefined, done: 8192, all: 20000 });
    runs.unshift(started);
    setTimeout(() => Object.assign(started, run(13, data.now, 31, 12, 2210)), 3000);
    return started;
  },
  "GET /categories": () => ({ items: empty ? [] : data.categoryTree(tags) }),
  "GET /tags": ({ query }) => {
    const q = (query.get("q") ?? "").toLowerCase();
    const is = (name, value) => !query.get(name) || query.get(name) === value;
    const list = tags.filter((tag) => tag.state === "active" && (!q || (tag.name + tag.key + tag.purpose).toLowerCase().includes(q)) && (!query.get("category") || `${tag.category}/`.startsWith(`${query.get("category")}/`)) && (!query.get("class") || tag.classes.includes(query.get("class"))) && is("owner", tag.owner) && is("kind", tag.kind));
    return page(list.map(publicTag), query);
  },
  "POST /tags": (r) => {
    need(r, "define");
    if (tags.some((tag) => tag.key === r.body.key)) refuse(409, "conflict", `标识 ${r.body.key} 已被使用`);
    const tag = { ...r.body, category_name: r.body.category, value_kind: "text", classes: r.body.classes ?? [], version: "1", state: "active", users: [], depends: [], warnings: [], created: data.now, updated: data.now, actor: r.session.user.display, counts: [] };
    tags.push(tag);
    return publicTag(tag);
  },
  "POST /tags/preview": ({ body }) => {
    const faulty = (body.cases ?? [{ when: body.value }]).flatMap((each) => check(each.when).faults);
    if (faulty.length > 0) refuse(422, "invalid", faulty[0].message, { errors: faulty });
    const before = tags.find((tag) => tag.key === body.key);
    return {
      held: 7822, entered: 412, left: 96, enter: members(8).map((m) => m.id), leave: members(4).map((m) => m.id),
      by_value: (body.cases ?? body.bands ?? []).map((each, i) => ({ value: each.value, held: 1900 - i * 340, before: before?.counts[i]?.[1] ?? 0 })),
      warnings: [], same: [], similar: [{ kind: "segment", key: "loyal_high_value", name: "忠诚高价值", jaccard: 0.83 }], users: before?.users ?? [],
    };
  },
  "GET /tags/:key": ({ key }) => publicTag(found(tags.find((tag) => tag.key === key))),
  "PUT /tags/:key": (r) => {
    need(r, "define");
    const tag = found(tags.find((each) => each.key === r.key));
    if (r.body.purpose.includes("stale") && r.match === `"${tag.version}"` && tag.version === "3") {
      Object.assign(tag, { version: "4", owner: "赵阳", updated: data.now, actor: "赵阳", purpose: `${tag.purpose}, 以及新品试用` });
    }
    if (r.match !== `"${tag.version}"`) refuse(412, "stale", "已被别人修改", { current: tag.version });
    delete r.body.reason;
    Object.assign(tag, r.body, { cases: r.body.cases?.map((each) => ({ ...each, sentence: say(each.when) })), version: String(Number(tag.version) + 1), updated: data.now, actor: r.session.user.display });
    return publicTag(tag);
  },
  "DELETE /tags/:key": (r) => {
    need(r, "define");
    const tag = found(tags.find((each) => each.key === r.key));
    if (tag.users.length > 0) refuse(409, "conflict", "还有内容用到它", { users: tag.users });
    tag.state = "retired";
  },
  "GET /tags/:key/versions": ({ key, query }) => page(version(found(tags.find((tag) => tag.key === key))), query),
  "GET /tags/:key/values": ({ key }) => {
    const tag = found(tags.find((each) => each.key === key));
    const held = tag.counts.reduce((sum, [, count]) => sum + count, 0);
    return { held, absent: data.customerCount - held, items: tag.held === undefined ? [] : tag.counts.map(([value, count]) => ({ value: text(value, tag.value_kind), count })), more: false, ...(tag.numberFacts ? { number: tag.numberFacts } : {}) };
  },
  "GET /tags/:key/members": ({ key, query }) => {
    const tag = found(tags.find((each) => each.key === key));
    const value = query.get("value");
    const total = value ? (tag.counts.find(([each]) => each === value)?.[1] ?? 0) : (tag.held ?? 0);
    return { ...page(members(total, (i) => text(value ?? tag.counts[i % tag.counts.length][0], tag.value_kind)), query), total, ...(tag.computed_at ? { as_of: tag.computed_at } : {}) };
  },
  "GET /segments": ({ query }) => page(segments.filter((each) => each.name.includes(query.get("q") ?? "")), query),
  "POST /segments": (r) => {
    need(r, "define");
    const segment = { ...r.body, version: "1", state: "active", sentence: say(r.body.when), users: [], depends: [], warnings: [], created: data.now, updated: data.now, actor: r.session.user.display };
    segments.push(segment);
    return segment;
  },
  "GET /segments/:key": ({ key }) => found(segments.find((each) => each.key === key)),
  "PUT /segments/:key": (r) => {
    need(r, "define");
    const segment = found(segments.find((each) => each.key === r.key));
    if (r.match !== `"${segment.version}"`) refuse(412, "stale", "已被别人修改", { current: segment.version });
    return Object.assign(segment, r.body, { version: String(Number(segment.version) + 1) });
  },
  "DELETE /segments/:key": (r) => (need(r, "define"), void segments.splice(segments.findIndex((each) => each.key === r.key), 1)),
  "GET /segments/:key/members": ({ key, query }) => {
    const segment = found(segments.find((each) => each.key === key));
    return { ...page(members(segment.held ?? 0), query), total: segment.held ?? 0, as_of: data.now };
  },
  "POST /rules/check": ({ body }) => {
    const result = check(body.expression);
    if (result.ok && body.want === "condition" && result.type !== "condition") return { ...result, ok: false, faults: [{ start: 0, end: Buffer.byteLength(body.expression), line: 1, column: 1, message: "这里需要一个条件，而这是一个数字", hint: "加上比较, 例如 >= 1" }] };
    return result;
  },
  "POST /rules/complete": ({ body }) => complete(body.text, body.cursor),
  "POST /rules/format": ({ body }) => ({ expression: body.expression.replace(/ +/g, " ") }),
  "POST /rules/explain": ({ body }) => ({ as_of: data.now, customers: data.customerCount, holds: 412, leaves: leaves(body.expression), sentence: say(body.expression) }),
  "POST /query": (r) => {
    const { body } = r;
    const { ok, type, faults } = check(body.expression);
    if (!ok) refuse(422, "invalid", faults[0].message, { errors: faults });
    if (body.want === "ids" || body.want === "values") need(r, "export");
    const none = body.expression.includes("== 99");
    const items = none ? [] : members(412, type === "condition" ? undefined : (i) => text((i * 37.5 + 12).toFixed(2), "number"));
    const answer = { as_of: body.as_of ? `${body.as_of}T23:59:59.999+08:00` : data.now, type, took_ms: 84, uncomputed: body.expression.includes("new_launch") ? ["new_launch"] : [] };
    answer.count = none ? 0 : type === "condition" ? 412 : 13168;
    if (body.want === "count") return answer;
    const from = Number(body.after ?? 0);
    return { ...answer, items: items.slice(from, from + body.limit), ...(from + body.limit < items.length ? { next: String(from + body.limit) } : {}) };
  },
  "GET /customers": ({ query }) => {
    const q = query.get("q");
    if (empty) return { items: [] };
    const list = [];
    for (let i = 0; i < 3000 && list.length < Number(query.get("limit") ?? 50); i++) {
      const who = data.customerAt(i);
      if (who.identifiers.some((each) => each.value.startsWith(q))) list.push(summary(who));
    }
    return { items: list };
  },
  "GET /customers/:key": ({ key }) => {
    const who = customer(key);
    const bare = who.number === 9;
    return {
      id: who.id, customer: who.number, first_seen: "2025-04-18T20:11:09.000+08:00", identifiers: who.identifiers, events: bare ? 0 : 94,
      traits: bare ? [] : [["name", who.name], ["city", who.city], ["level", who.level], ["gender", "女"], ["birthday", "1993-11-24", "date"], ["occupation", "设计师"], ["points", "12840", "number"], ["contact_preference", "企业微信"]].map(([name, value, kind]) => ({ name, value: text(value, kind), since: "2026-10-02T09:00:00.000+08:00" })),
      consents: bare ? [] : [{ name: "sms", value: true, since: "2025-04-18T20:11:09.000+08:00" }, { name: "email", value: false }],
      tags: bare ? [] : carried(who),
      segments: bare ? [] : [{ key: "loyal_high_value", name: "忠诚高价值", since: data.now }, { key: "birthday_gift", name: "会员生日礼", since: data.now }],
    };
  },
  "GET /customers/:key/timeline": ({ key, query }) => {
    const names = query.get("names")?.split(",");
    const who = customer(key);
    const { items, next } = page(who.number === 9 ? [] : data.eventsOf(who.number).filter((event) => !names || names.includes(event.name)), query);
    return { items, ...(next ? { next } : {}) };
  },
  "POST /customers/:key/explain": ({ key, body }) => {
    const who = customer(key);
    const as_of = body.as_of ? `${body.as_of}T23:59:59.999+08:00` : data.now;
    if (body.as_of && body.as_of < "2025-04-18") return { as_of, in_universe: false, expression: "", sentence: { zh: "", en: "" }, leaves: [] };
    const definition = body.tag ? found(tags.find((tag) => tag.key === body.tag)) : found(segments.find((each) => each.key === body.segment));
    const carries = body.tag ? carried(who).find((tag) => tag.key === body.tag) : { value: text("true", "bool") };
    const rule = definition.when ?? definition.value ?? definition.cases?.[0]?.when;
    const orders = data.eventsOf(who.number).filter((event) => event.name === "order_paid");
    const proofs = orders.slice(0, 3).map(({ at, name, properties }) => ({ at, name, properties }));
    return {
      as_of, answer: definition.cases ? text(carries ? "true" : "false", "bool") : carries?.value, in_universe: true, expression: rule ?? "", case: definition.cases ? (carries?.value.text ?? definition.cases[0].value) : undefined,
      sentence: definition.sentence ?? definition.cases?.[0]?.sentence ?? { zh: "", en: "" },
      leaves: rule ? rule.split("&&").map((leaf, i) => ({ text: leaf.trim(), sentence: say(leaf.trim()), holds: i % 2 === 0, value: text(i % 2 ? 2 : orders.length, "number"), events: i % 2 ? [] : proofs, more: i % 2 ? 0 : orders.length - 3 })) : [],
      ...(carries?.by ? { by_hand: { action: "set", by: carries.by, at: carries.since, reason: carries.reason } } : {}),
    };
  },
  "GET /assignments": ({ query }) => page([...assignments, ...(query.get("tag") === "relation" ? [{ id: "1", customer: "user_id:10020", tag: "relation", value: "决策人", action: "set", at: "2026-11-02T10:20:00.000+08:00", reason: "拜访后确认", by: "陈立" }] : [])], query),
  "POST /assignments": (r) => {
    need(r, "assign");
    return {
      results: r.body.items.map((item, index) => {
        const ok = /^\w+:.+/.test(item.customer);
        if (ok) assignments.push({ id: String(assignments.length + 10), ...item, at: data.now, by: r.session.user.display });
        return ok ? { index, ok } : { index, ok, problem: { title: "invalid", status: 422, detail: "请写作 种类:值" } };
      }),
    };
  },
  "GET /users": (r) => (need(r, "users"), { items: users }),
  "POST /users": (r) => (need(r, "users"), users.push({ ...r.body, state: "active" }), users.at(-1)),
  "PATCH /users/:key": (r) => (need(r, "users"), Object.assign(found(users.find((user) => user.name === r.key)), r.body, r.body.unlock ? { state: "active" } : {})),
  "GET /tokens": (r) => (need(r, "tokens"), { items: empty ? [] : tokens }),
  "POST /tokens": (r) => (need(r, "tokens"), tokens.unshift({ ...r.body, id: String(tokens.length + 1), created: data.now, state: "active" }), { id: String(tokens.length), token: "tgm_9hK3vTqLm2xZ8bRfWnYcP4sDgJ6aEu1" }),
  "DELETE /tokens/:key": (r) => (need(r, "tokens"), void Object.assign(found(tokens.find((token) => token.id === r.key)), { state: "revoked" })),
  "GET /sources": (r) => (need(r, "sources"), { items: empty ? [] : sources }),
  "POST /sources": (r) => (need(r, "sources"), sources.push({ name: r.body.name, created: data.now, keys: [] }), { name: r.body.name, write_key: "tgw_51c07a2e9f4b4d7f" }),
  "POST /sources/:key/keys": (r) => (need(r, "sources"), { write_key: "tgw_51c07a2e9f4b4d7f" }),
  "GET /audit": (r) => (need(r, "audit"), page(audit.filter((row) => row.actor.name.includes(r.query.get("actor") ?? "")), r.query)),
};

function need(r, permission) {
  if (!r.session.permissions.includes(permission)) refuse(403, "forbidden", `需要权限 ${permission}`);
}

function find(method, path) {
  const [, noun, key, ...rest] = path.split("/");
  const exact = routes[`${method} ${path}`];
  if (exact) return { handler: exact };
  const handler = routes[`${method} /${[noun, ":key", ...rest].join("/")}`];
  return handler ? { handler, key: decodeURIComponent(key) } : undefined;
}

createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  const path = url.pathname.replace(/^\/api\/v1/, "");
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
  const send = (status, answer, headers = {}) => {
    response.writeHead(status, { "Content-Type": status >= 400 ? "application/problem+json" : "application/json", ...headers });
    response.end(answer === undefined ? undefined : JSON.stringify(answer));
  };
  try {
    if (path === "/session" && request.method === "POST") {
      if (!people[body.name] || body.password === "wrong") refuse(401, "unauthenticated", "用户名或密码不对");
      return send(200, sessionOf(body.name), { "Set-Cookie": `tagma_session=${body.name}; Path=/; HttpOnly; SameSite=Lax` });
    }
    if (path === "/session" && request.method === "DELETE") return send(204, undefined, { "Set-Cookie": "tagma_session=; Path=/; Max-Age=0" });
    const name = /tagma_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
    if (!name) refuse(401, "unauthenticated", "请先登录");
    const route = find(request.method, path) ?? refuse(404, "not_found", `没有 ${path}`);
    const answer = route.handler({ key: route.key, query: url.searchParams, body, match: request.headers["if-match"], session: sessionOf(name) });
    send(answer === undefined ? 204 : 200, answer);
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    const problem = error instanceof Refused ? error.problem : { title: "internal", status: 500, code: "internal", detail: String(error) };
    send(problem.status, problem);
  }
}).listen(port, "127.0.0.1", () => console.log(`mock on http://127.0.0.1:${port}`));

function sessionOf(name) {
  const [display, role] = people[name];
  return { user: { name, display, role, must_change: name === "fresh" && mustChange }, permissions: grants.slice(0, upTo[role]) };
}
