import assert from "node:assert/strict";
import { test } from "node:test";
import { numberOf, textOf } from "../support/world.mjs";

export function runs(world) {
  const panel = (page, title) => page.locator(".panel", { has: page.getByRole("heading", { name: title, exact: true }) });
  const chart = (page) => page.getByRole("img", { name: /最近一分钟/ });

  test("how far everybody is, and what runs there were", async () => {
    const page = await world().signedIn();
    await page.locator(".fresh-line a").click();
    await page.getByRole("heading", { name: "运行与时效", level: 1 }).waitFor();
    const api = world().api(page.context());
    const given = await api.get("/freshness");
    for (const reader of ["历史", "标签索引", "实时判定"]) await panel(page, "各环节的进度").locator(".ant-table-row", { hasText: reader }).first().waitFor();
    const live = panel(page, "实时判定");
    await live.getByText("正常", { exact: true }).waitFor();
    assert.equal(await numberOf(live.locator(".facts div", { hasText: "标签和分群" }).locator("dd")), given.live.subjects);
    await panel(page, "标签的时效").locator(".ant-table-row", { hasText: "实时" }).waitFor();
    await chart(page).waitFor();
    const { items } = await api.get("/runs?limit=3");
    for (const run of items) await page.locator(`.runs-table tr[data-row-key="${run.id}"]`).waitFor();
    await page.close();
  });

  test("a run is started, and opens to what it changed, by the keyboard", async () => {
    const page = await world().signedIn(undefined, "/runs");
    const before = (await world().api(page.context()).get("/runs?limit=1")).items[0].id;
    await page.getByRole("button", { name: "立即计算" }).focus();
    await page.keyboard.press("Enter");
    const row = page.locator(`.runs-table tr[data-row-key="${Number(before) + 1}"]`);
    await row.getByText("完成", { exact: true }).waitFor();
    assert.match(await textOf(row), /手动计算 admin/);
    await row.getByRole("button").first().focus();
    await page.keyboard.press("Enter");
    await page.locator(".run-detail").getByText("个标签和分群").waitFor();
    await page.close();
  });

  test("what comes in is seen, without reloading", async () => {
    const page = await world().signedIn(undefined, "/runs");
    await chart(page).waitFor();
    const { write_key: key } = await world().api(page.context()).post("/sources", { name: "walk_runs" });
    const sent = await page.context().request.post(`${world().shop.address}/v1/track`, {
      headers: { Authorization: `Basic ${Buffer.from(`${key}:`).toString("base64")}`, "Content-Type": "application/json" },
      data: { userId: "walk_runs", event: "page_view", messageId: "walk-runs-1" },
    });
    assert.equal(sent.status(), 200);
    await page.getByRole("img", { name: /共接收 [1-9]/ }).waitFor();
    await page.close();
  });

  test("without an answer the page says so, and keeps what it has", async () => {
    world().expect(/^failed GET \/api\/v1\/freshness/);
    const page = await world().signedIn(undefined, "/runs");
    await chart(page).waitFor();
    await page.route("**/api/v1/freshness", (route) => route.abort());
    await page.getByText("没能更新").waitFor();
    await chart(page).waitFor();
    await page.unroute("**/api/v1/freshness");
    await page.getByText("没能更新").waitFor({ state: "detached" });
    await page.close();
  });
}
