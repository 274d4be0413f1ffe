"use strict";
const make = (tag, text, cls) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (cls) e.className = cls;
  return e;
};
let doc;
// example writes a schema as a skeleton of JSON.
function example(schema, depth) {
  if (!schema) return null;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 4 ? name : example(doc.components.schemas[name], depth + 1);
  }
  if (schema.enum) return schema.enum.join(" | ");
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "array") return [example(schema.items, depth + 1)];
  if (type === "object") {
    const out = {};
    for (const [k, v] of Object.entries(schema.properties || {})) out[(schema.required || []).includes(k) ? k : k + "?"] = example(v, depth + 1);
    if (schema.additionalProperties && typeof schema.additionalProperties === "object") out["…"] = example(schema.additionalProperties, depth + 1);
    return out;
  }
  return type || "any";
}
const bodyOf = (content) => Object.values(content || {})[0]?.schema;
function show(op, method, path) {
  const d = make("details");
  const s = make("summary");
  s.append(make("span", method, "method " + method), make("code", path), make("span", "  " + (op.summary || ""), "about"));
  const inner = make("div");
  if (op["x-permission"]) inner.append(make("p", "takes the permission " + op["x-permission"], "about"));
  if (op.parameters?.length) {
    const t = make("table");
    for (const p of op.parameters) {
      const row = make("tr");
      const cell = make("td");
      cell.append(make("code", p.name + (p.required ? "" : "?")));
      row.append(cell, make("td", p.in), make("td", p.description || ""));
      t.append(row);
    }
    inner.append(t);
  }
  const body = bodyOf(op.requestBody?.content);
  if (body) inner.append(make("p", "sends"), make("pre", JSON.stringify(example(body, 0), null, 2)));
  for (const [status, r] of Object.entries(op.responses || {})) {
    if (status === "default") continue;
    inner.append(make("p", "answers " + status));
    const schema = bodyOf(r.content);
    if (schema) inner.append(make("pre", JSON.stringify(example(schema, 0), null, 2)));
  }
  d.append(s, inner);
  d.dataset.text = (method + " " + path + " " + (op.summary || "")).toLowerCase();
  return d;
}
fetch("openapi.json").then((r) => r.json()).then((d) => {
  doc = d;
  const root = document.getElementById("routes");
  root.textContent = "";
  const groups = new Map();
  for (const [path, item] of Object.entries(d.paths))
    for (const [method, op] of Object.entries(item)) {
      const g = op.tags?.[0] || "";
      if (!groups.has(g)) groups.set(g, []);
      groups.get(g).push(show(op, method.toUpperCase(), path));
    }
  for (const [name, list] of [...groups].sort()) {
    const section = make("section");
    section.append(make("h2", name), ...list);
    root.append(section);
  }
  document.getElementById("find").addEventListener("input", (e) => {
    const q = e.target.value.toLowerCase();
    for (const el of root.querySelectorAll("details")) el.hidden = !el.dataset.text.includes(q);
    for (const el of root.querySelectorAll("section")) el.hidden = !el.querySelector("details:not([hidden])");
  });
}, (e) => { document.getElementById("routes").textContent = "the document cannot be loaded: " + e; });
