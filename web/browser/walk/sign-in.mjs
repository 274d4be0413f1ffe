import assert from "node:assert/strict";
import { test } from "node:test";
import { admin } from "../support/world.mjs";

export function signIn(world) {
  test("a wrong password is refused in words", async () => {
    const { shop } = world();
    world().expect(/^401 POST \/api\/v1\/session$/);
    const page = await world().open(await world().person());
    await page.getByLabel("用户名").fill("admin");
    await page.getByLabel("密码").fill("not the password");
    await page.getByRole("button", { name: "登录" }).click();
    await page.getByRole("alert").getByText("用户名或密码不对").waitFor();
    assert.equal(await page.getByLabel("密码").inputValue(), "", "the wrong password is taken away");
    assert.ok(shop.password, "the program told the first password");
    await page.context().close();
  });

  test("the first sign-in asks for another password", async () => {
    const { shop } = world();
    const page = await world().open(await world().person());
    await page.getByLabel("用户名").fill("admin");
    await page.getByLabel("密码").fill(shop.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "请先修改密码" }).waitFor();

    await page.getByLabel("当前密码").fill(shop.password);
    await page.getByLabel("新密码", { exact: true }).fill("short");
    await page.getByLabel("再输入一次新密码").fill("another");
    await page.getByRole("button", { name: "修改密码" }).click();
    await page.getByText("密码至少 10 个字符").waitFor();
    await page.getByText("两次输入的密码不一致").waitFor();

    await page.getByLabel("新密码", { exact: true }).fill(admin.password);
    await page.getByLabel("再输入一次新密码").fill(admin.password);
    await page.getByRole("button", { name: "修改密码" }).click();
    await page.getByRole("heading", { name: "概览" }).waitFor();
    await page.context().close();
  });

  test("signing out ends the session", async () => {
    // With less motion, as some ask of their system: menus must open all the same.
    const page = await world().newlySignedIn(undefined, "/", { reducedMotion: "reduce" });
    await page.locator(".figure").first().waitFor();
    await page.locator(".account").click();
    await page.getByRole("menuitem", { name: "退出登录" }).click();
    await page.getByRole("heading", { name: "登录" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "登录" }).waitFor();
    await page.context().close();
  });
}
