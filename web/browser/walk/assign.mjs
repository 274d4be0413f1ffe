import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "../support/world.mjs";

const reason = "门店里说起过";

export function assign(world) {
  test("a tag is assigned by hand, and says by whom and why", async () => {
    const page = await world().signedIn(undefined, "/tags/relation?tab=assignments");
    const api = world().api(page.context());
    const tag = await api.get("/tags/relation");
    const [{ id }] = (await api.post("/query", { expression: "events.order_paid.count() >= 1", want: "sample", limit: 1 })).items;

    await page.locator(".page-actions").getByRole("button", { name: "人工标注" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("客户标识").fill(`${id}\nuser_id:nobody`);
    await dialog.getByLabel("值", { exact: true }).click();
    const value = tag.values[0];
    await page.locator(".ant-select-item-option", { hasText: value }).first().click();
    await dialog.getByLabel("说明").fill(reason);
    await dialog.getByRole("button", { name: "提交 2 位" }).click();
    // One is done; the other stays, with the reason.
    await dialog.getByText("1 位未能处理").waitFor();
    assert.match(await textOf(dialog.locator(".ant-alert")), /user_id:nobody \S/);
    await dialog.getByRole("button", { name: "取消" }).click();
    const row = page.locator(".ant-table-row", { hasText: id });
    await row.waitFor();
    assert.match(await textOf(row), new RegExp(`打上 ${value}.*admin.*${reason}`));

    await row.getByRole("link", { name: id }).click();
    const line = page.locator(".tag-groups li", { has: page.getByRole("button", { name: `为什么有这个标签：${tag.name}` }) });
    await line.waitFor();
    assert.match(await textOf(line), new RegExp(`${value}.*人工标注`));
    await line.getByRole("button").click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText(`说明：${reason}`).waitFor();
    assert.match(await textOf(drawer), /人工标注：admin/);
    await page.close();
  });
}
