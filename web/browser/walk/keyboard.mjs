import assert from "node:assert/strict";
import { test } from "node:test";

export function keyboard(world) {
  test("/ goes to the search, which finds customers and tags", async () => {
    const page = await world().signedIn();
    await page.getByRole("heading", { name: "概览" }).waitFor();
    await page.keyboard.press("/");
    const search = page.getByRole("combobox", { name: "全局搜索" });
    assert.ok(await search.evaluate((element) => element === document.activeElement));
    assert.equal(await search.inputValue(), "", "the key itself is not typed");
    await page.keyboard.type("u000018");
    await page.locator(".search-hit", { hasText: "u000018" }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/customers/user_id%3Au000018");

    await page.keyboard.press("/");
    await page.keyboard.type("潜在");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("客户阶段");
    // What was found for the text before may name it too, further down.
    await page.locator(".search-hit").first().filter({ hasText: "客户阶段" }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/tags/stage");
    await page.close();
  });

  test("arrows move in the table of tags, Enter opens", async () => {
    const page = await world().signedIn(undefined, "/tags");
    const rows = page.locator(".tags-table tr.row-opens");
    await rows.nth(2).waitFor();
    const focused = () => rows.evaluateAll((all) => all.indexOf(document.activeElement));
    await rows.first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(), 2);
    await page.keyboard.press("ArrowUp");
    assert.equal(await focused(), 1);
    const name = await rows.nth(1).getByRole("link").innerText();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    await page.close();
  });

  test("arrows move in the tree", async () => {
    const page = await world().signedIn(undefined, "/tags");
    const items = page.getByRole("treeitem");
    await items.nth(1).waitFor();
    await items.first().focus();
    await page.keyboard.press("ArrowDown");
    await page.waitForURL((url) => url.searchParams.has("category"));
    // The address changes before the tree is drawn again, so wait for this very item.
    await items.nth(1).and(page.locator('[aria-selected="true"]:focus')).waitFor();
    await page.close();
  });
}
