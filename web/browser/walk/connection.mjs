import assert from "node:assert/strict";
import { test } from "node:test";
import { admin, textOf } from "../support/world.mjs";

export function connection(world) {
  test("a session that ends in the middle of work is renewed over the page", async () => {
    world().expect(/^401 /);
    const page = await world().newlySignedIn(undefined, "/query");
    const editor = page.locator(".cm-content");
    await editor.click();
    await page.keyboard.insertText("events.order_paid.count() >= 2");
    await page.locator(".rule-sentence").waitFor();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "计算" }).click();
    const dialog = page.getByRole("dialog", { name: "登录已失效，请重新登录" });
    await dialog.waitFor();
    assert.equal(await dialog.getByLabel("用户名").inputValue(), "admin");
    await dialog.getByLabel("密码").fill(admin.password);
    await page.keyboard.press("Enter");
    await page.locator(".query-count > b").waitFor();
    await dialog.waitFor({ state: "hidden" });
    assert.match(await textOf(editor), /^events\.order_paid\.count\(\) >= 2/);
    await page.context().close();
  });

  test("a page that is opened without a session comes back after the sign-in", async () => {
    const page = await world().newlySignedIn(undefined, "/tags/stage?tab=members");
    await page.locator("tr.row-opens").first().waitFor();
    await page.context().clearCookies();
    await page.reload();
    await page.getByRole("heading", { name: "登录" }).waitFor();
    await page.getByLabel("用户名").fill(admin.name);
    await page.getByLabel("密码").fill(admin.password);
    await page.keyboard.press("Enter");
    await page.locator("tr.row-opens").first().waitFor();
    assert.match(page.url(), /\/tags\/stage\?tab=members$/);
    await page.context().close();
  });

  test("the server stops: a banner; it is back: the page goes on", async () => {
    world().expect(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED/);
    const page = await world().newlySignedIn(undefined, "/customers");
    const { shop } = world();
    await page.getByText("输入任一标识查找客户").waitFor();
    await shop.stop();
    await page.getByLabel("查找客户").fill("u000018");
    await page.keyboard.press("Enter");
    const banner = page.locator(".offline");
    await banner.waitFor();
    assert.match(await textOf(banner), /连不上服务器/);
    const tried = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/api/v1/session"));
    await banner.getByRole("button", { name: "立即重试" }).click();
    await tried;
    await banner.waitFor();

    await shop.start();
    // It tries again by itself.
    await banner.waitFor({ state: "hidden" });
    // The session is still good, and what was asked for comes without being asked again.
    await page.getByRole("link").filter({ hasText: /\S/ }).and(page.locator("[href='/customers/user_id%3Au000018']")).waitFor();
    await page.context().close();
  });
}
