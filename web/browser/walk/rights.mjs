import assert from "node:assert/strict";
import { test } from "node:test";
import { admin } from "../support/world.mjs";

const viewer = { name: "walk_viewer", password: "only looks around" };

export function rights(world) {
  test("a user is added; the first password is changed", async () => {
    const page = await world().signedIn(admin, "/settings/users");
    const api = world().api(page.context());
    await page.locator(".ant-table-row", { hasText: "admin" }).waitFor();
    const { password } = await api.post("/users", { name: viewer.name, display: "走查", role: "viewer" });
    await page.reload();
    await page.locator(".ant-table-row", { hasText: viewer.name }).waitFor();
    await page.close();

    const own = await world().person();
    await world().api(own).post("/session", { name: viewer.name, password });
    await world().api(own).post("/session/password", { old: password, new: viewer.password });
    await own.close();
  });

  test("a viewer sees nothing to edit, and the no-permission page where others edit", async () => {
    const page = await world().signedIn(viewer, "/tags/churn_risk");
    await page.locator(".distribution canvas").waitFor();
    for (const name of ["修改", "人工标注", "更多操作"]) assert.equal(await page.getByRole("button", { name, exact: true }).count(), 0, name);
    assert.equal(await page.getByRole("link", { name: "设置" }).count(), 0);

    const go = (path) => page.goto(world().shop.address + path);
    await go("/tags");
    await page.locator(".tags-table tr.row-opens").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "新建标签" }).count(), 0);
    await go("/");
    await page.locator(".figure").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "立即计算" }).count(), 0);
    await go("/query");
    await page.locator(".cm-content").waitFor();
    assert.equal(await page.getByRole("button", { name: "存为分群" }).count(), 0);

    for (const path of ["/tags/new", "/tags/churn_risk/edit", "/settings", "/settings/users", "/settings/tokens", "/settings/sources", "/settings/audit"]) {
      await go(path);
      await page.getByText("没有权限", { exact: true }).waitFor();
      await page.getByText("您的角色是“查看者”").waitFor();
    }
    await page.close();
  });

  test("what is not there says so", async () => {
    world().expect(/^404 GET \/api\/v1\/tags\/no_such_tag/);
    const page = await world().signedIn(viewer, "/tags/no_such_tag");
    await page.getByText("没有找到", { exact: true }).waitFor();
    await page.goto(`${world().shop.address}/no/such/page`);
    await page.getByText("没有找到", { exact: true }).waitFor();
    await page.close();
  });
}
