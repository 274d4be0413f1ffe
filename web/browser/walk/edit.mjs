import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, numberOf, textOf } from "../support/world.mjs";

const rule = "events.order_paid.count() >= 3";

export function edit(world) {
  test("a tag is made: preview, save", async () => {
    const page = await world().signedIn(undefined, "/tags/new");
    const api = world().api(page.context());
    const field = (name) => page.getByRole("group", { name, exact: true });
    await field("名称").locator("input").fill("走查_常客");
    await field("标识").locator("input").fill("walk_regular");
    await field("用途").locator("textarea").first().fill("浏览器测试用的标签");
    await field("分类").getByRole("combobox").click();
    await page.locator(".ant-select-tree-title").first().click();
    await page.getByLabel("值", { exact: true }).fill("常客");
    await page.locator(".cm-content").click();
    await page.keyboard.insertText(rule);
    await page.locator(".rule-sentence").waitFor();

    const save = page.getByRole("button", { name: "保存", exact: true });
    assert.ok(await save.isDisabled(), "nothing is saved that was not previewed");
    await page.locator(".preview").getByRole("button", { name: "预览" }).click();
    const { count } = await api.post("/query", { expression: rule, want: "count" });
    const held = page.locator(".preview-figures b").first();
    await held.waitFor();
    assert.equal(await numberOf(held), count);
    assert.equal(await numberOf(page.locator(".preview-figures b").nth(1)), count, "all of them enter");

    const saved = answerOf(page, "POST", "/tags");
    await save.click();
    assert.equal((await saved).status(), 201);
    await page.waitForURL("**/tags/walk_regular");
    await page.getByRole("heading", { name: "走查_常客", level: 1 }).waitFor();
    await page.close();
  });

  test("two people edit the same tag: the second sees the first's change", async () => {
    world().expect(/^412 PUT \/api\/v1\/tags\/walk_regular$/);
    const first = await world().signedIn(undefined, "/tags/walk_regular/edit");
    const second = await world().open(first.context(), "/tags/walk_regular/edit");
    const purpose = (page) => page.getByRole("group", { name: "用途", exact: true }).locator("textarea").first();
    const owner = (page) => page.getByRole("group", { name: "负责人", exact: true }).locator("input");
    await purpose(first).waitFor();
    await purpose(second).waitFor();

    await purpose(first).fill("第一个人改的用途");
    await first.getByRole("button", { name: "保存", exact: true }).click();
    await first.waitForURL("**/tags/walk_regular");

    await owner(second).fill("第二个人");
    await second.getByRole("button", { name: "保存", exact: true }).click();
    const dialog = second.getByRole("dialog", { name: "有人先保存了修改" });
    await dialog.waitFor();
    assert.match(await textOf(dialog), /第一个人改的用途/);
    assert.match(await textOf(dialog), /第二个人/);
    await dialog.getByRole("button", { name: "保留对方其余修改，用我的值保存" }).click();
    await second.waitForURL("**/tags/walk_regular");

    const tag = await world().api(first.context()).get("/tags/walk_regular");
    assert.equal(tag.purpose, "第一个人改的用途");
    assert.equal(tag.owner, "第二个人");
    await second.getByRole("heading", { name: "走查_常客", level: 1 }).waitFor();
    await second.goto(`${world().shop.address}/tags/walk_regular?tab=versions`);
    await second.locator(".ant-table-row").nth(2).waitFor();
    await first.close();
    await second.close();
  });

  test("what is not saved is not left without a question", async () => {
    const page = await world().signedIn(undefined, "/tags/walk_regular/edit");
    await page.getByRole("group", { name: "负责人", exact: true }).locator("input").fill("别人");
    await page.getByRole("link", { name: "概览" }).click();
    await page.getByRole("dialog", { name: "放弃未保存的修改？" }).waitFor();
    await page.getByRole("button", { name: "继续编辑" }).click();
    assert.match(page.url(), /\/tags\/walk_regular\/edit$/);
    await page.getByRole("link", { name: "概览" }).click();
    await page.getByRole("button", { name: "放弃修改" }).click();
    await page.getByRole("heading", { name: "概览" }).waitFor();
    await page.close();
  });
}
