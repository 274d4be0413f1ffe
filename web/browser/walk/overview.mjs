import assert from "node:assert/strict";
import { test } from "node:test";
import { admin, numberOf, textOf } from "../support/world.mjs";

export function overview(world) {
  test("the first view", async (t) => {
    // Figures to look at, not limits: they depend on the machine and on what else it does.
    const timed = async (name, page, seen) => {
      const began = performance.now();
      await page.goto(world().shop.address);
      await seen(page).waitFor();
      t.diagnostic(`${name}: ${Math.round(performance.now() - began)} ms`);
    };
    const visitor = await (await world().person()).newPage();
    await timed("sign-in page, nothing cached", visitor, (page) => page.getByLabel("用户名"));
    await world().api(visitor.context()).post("/session", admin);
    const overview = (page) => page.locator(".panel", { hasText: "覆盖客户最多的标签" }).locator("canvas");
    const fresh = await (await world().person({ storageState: await visitor.context().storageState() })).newPage();
    await timed("overview, nothing cached", fresh, overview);
    await timed("overview, scripts cached", fresh, overview);
    await visitor.context().close();
    await fresh.context().close();
  });

  test("the figures are those of the API", async () => {
    const page = await world().signedIn();
    const given = await world().api(page.context()).get("/overview");
    const figure = (name) => page.locator(".figure").filter({ hasText: name }).locator(".figure-count");
    await figure("客户").first().waitFor();
    const shown = {
      customers: await numberOf(page.locator("a.figure[href='/customers'] .figure-count")),
      assigned: Number(await figure("至少有一个标签").evaluate((element) => element.firstChild.textContent.replaceAll(",", ""))),
      events: await numberOf(figure("行为记录")),
      tags: await numberOf(page.locator("a.figure[href='/tags'] .figure-count")),
      segments: await numberOf(page.locator("a.figure[href='/segments'] .figure-count")),
    };
    for (const [name, count] of Object.entries(shown)) assert.equal(count, given[name], name);
    assert.ok(given.customers >= 500 && given.tags > 40);

    assert.match(await textOf(page.locator(".last-run")), /完成/);
    const runs = page.locator(".ant-table-tbody .ant-table-row");
    assert.equal(await runs.count(), given.recent_runs.length);
    await page.locator(".panel", { hasText: "覆盖客户最多的标签" }).locator("canvas").waitFor();
    await page.close();
  });

  test("the language is changed, and remembered", async () => {
    const page = await world().newlySignedIn();
    await page.getByRole("heading", { name: "概览" }).waitFor();
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    await page.getByRole("link", { name: "Tags", exact: true }).click();
    await page.getByRole("heading", { name: "Tags", level: 1 }).waitFor();
    await page.getByRole("button", { name: "中文" }).click();
    await page.getByRole("heading", { name: "标签", level: 1 }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
    await page.context().close();
  });
}
