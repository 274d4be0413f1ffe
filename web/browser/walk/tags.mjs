import assert from "node:assert/strict";
import { test } from "node:test";
import { numberOf, textOf, thereAre } from "../support/world.mjs";

export function tags(world) {
  test("from the tree to a tag, its distribution, its members, one of them, and why", async () => {
    const page = await world().signedIn(undefined, "/tags");
    const api = world().api(page.context());

    // The tree: a category leaves the tags below it.
    const { items: categories } = await api.get("/categories");
    const category = categories.find((each) => each.name === "状态") ?? categories.at(-1);
    await page.getByRole("treeitem", { name: category.name, exact: false }).first().click();
    await page.waitForURL((url) => url.searchParams.get("category") === category.key);
    const listed = await api.get(`/tags?category=${encodeURIComponent(category.key)}&limit=100`);
    await page.getByRole("link", { name: listed.items[0].name, exact: true }).waitFor();
    const rows = page.locator(".tags-table tr.row-opens");
    await thereAre(rows, listed.items.length);

    // The tag and its distribution.
    await page.goto(`${world().shop.address}/tags?q=${encodeURIComponent("流失")}`);
    const tag = await api.get("/tags/churn_risk");
    await page.getByRole("link", { name: tag.name, exact: true }).click();
    await page.getByRole("heading", { name: tag.name, level: 1 }).waitFor();
    const values = await api.get("/tags/churn_risk/values");
    const table = page.locator(".distribution table");
    for (const item of values.items) {
      const row = table.getByRole("row").filter({ has: page.getByRole("link", { name: item.value.text, exact: true }) });
      assert.equal(await numberOf(row.getByRole("cell").nth(1)), item.count, item.value.text);
    }
    assert.equal(await numberOf(table.getByRole("row").filter({ hasText: "无此标签" }).getByRole("cell").nth(1)), values.absent);
    await page.locator(".distribution canvas").waitFor();
    assert.match(await textOf(page.locator(".cases")), /潜在流失用户/);

    // The members of one value.
    await table.getByRole("link", { name: "潜在流失用户", exact: true }).click();
    const members = await api.get(`/tags/churn_risk/members?value=${encodeURIComponent("潜在流失用户")}`);
    const first = page.getByRole("link", { name: members.items[0].id, exact: true });
    await first.waitFor();
    assert.equal(members.total, values.items.find((item) => item.value.text === "潜在流失用户").count);
    assert.match(await textOf(page.locator(".page")), new RegExp(`/ ${members.total}\\b`));

    // One customer: identifiers and tags as the API has them.
    await first.click();
    await page.waitForURL(`**/customers/${encodeURIComponent(members.items[0].id)}`);
    const customer = await api.get(`/customers/${encodeURIComponent(members.items[0].id)}`);
    await page.getByRole("heading", { name: customer.traits.find((trait) => trait.name === "name").value.text, level: 1 }).waitFor();
    for (const { value } of customer.identifiers) await page.locator(".identifier", { hasText: value }).first().waitFor();
    await thereAre(page.locator(".tag-groups li"), customer.tags.length);
    await page.locator(".timeline li").first().waitFor();

    // Why: what holds, with what proves it.
    await page.getByRole("button", { name: `为什么有这个标签：${tag.name}` }).click();
    const drawer = page.getByRole("dialog");
    await drawer.locator(".leaves > li").first().waitFor();
    const why = await api.post(`/customers/${encodeURIComponent(customer.id)}/explain`, { tag: "churn_risk" });
    assert.match(await textOf(drawer.locator(".answer")), /满足“潜在流失用户”的条件/);
    const leaves = drawer.locator(".leaves > li");
    assert.equal(await leaves.count(), why.leaves.length);
    for (const [index, leaf] of why.leaves.entries()) {
      const mark = leaves.nth(index).getByLabel(leaf.holds ? "满足" : "不满足", { exact: true });
      assert.equal(await mark.count(), 1, leaf.text);
      assert.equal(await leaves.nth(index).locator(".proof time").count(), leaf.events.length, leaf.text);
      for (const event of leaf.events) assert.match(await textOf(leaves.nth(index)), new RegExp(event.name));
    }
    assert.ok(why.leaves.some((leaf) => leaf.events.length > 0), "there is something that proves it");
    await page.close();
  });

  test("why not: a condition that fails is shown as failed", async () => {
    // A segment of two conditions of which a condition joined by "or" fails, so that both marks are there.
    const page = await world().signedIn();
    const api = world().api(page.context());
    await api.post("/segments", {
      key: "walk_either",
      name: "走查二者之一",
      purpose: "浏览器测试",
      owner: "测试",
      when: "events.order_paid.count() >= 1 || events.order_paid.count() >= 1000000",
    });
    const done = await api.post("/query", { expression: "events.order_paid.count() >= 1", want: "sample", limit: 1 });
    const run = await api.post("/runs", {});
    const id = done.items[0].id;
    await page.goto(`${world().shop.address}/customers/${encodeURIComponent(id)}`);
    await page.getByRole("heading", { level: 1 }).filter({ hasText: /\S/ }).waitFor();
    // The run goes on in the background; its end is asked for, page by page of the API, not waited for by the clock.
    await page.waitForFunction(async (run) => (await (await fetch(`/api/v1/runs/${run}`)).json()).state === "done", run.id, { polling: 100 });
    await page.reload();
    await page.getByRole("button", { name: "为什么在这个分群：走查二者之一" }).click();
    const drawer = page.getByRole("dialog");
    await drawer.getByLabel("满足", { exact: true }).waitFor();
    await drawer.getByLabel("不满足", { exact: true }).waitFor();
    assert.match(await textOf(drawer.locator(".answer")), /在此分群/);
    await page.close();
  });
}
