import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, numberOf, textOf } from "../support/world.mjs";

const rule = 'events.order_paid.last("90d").count() >= 2';

export function query(world) {
  test("a rule is completed while it is typed", async () => {
    const page = await world().signedIn(undefined, "/query");
    const editor = page.locator(".cm-content");
    await editor.click();
    // The answer to the last letter: the list does not change any more when it is clicked.
    const completed = page.waitForResponse((response) => response.url().endsWith("/rules/complete") && response.request().postDataJSON().text === "events.order_p");
    await editor.pressSequentially("events.order_p");
    await completed;
    const option = page.locator(".cm-tooltip-autocomplete li", { hasText: "order_paid" });
    await option.first().waitFor();
    await option.first().click();
    assert.match(await textOf(editor), /^events\.order_paid/);
    await page.close();
  });

  test("a fault is underlined, and its hint shown", async () => {
    const page = await world().signedIn(undefined, "/query");
    const editor = page.locator(".cm-content");
    await editor.click();
    await editor.pressSequentially("events.order_payd.count() >= 2");
    const [fault] = (await (await answerOf(page, "POST", "/rules/check")).json()).faults;
    const shown = page.locator(".rule-faults li");
    await shown.getByText(fault.message).waitFor();
    assert.ok(fault.hint, "the server suggests something");
    assert.match(await textOf(shown), new RegExp(fault.hint.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
    const underlined = page.locator(".cm-lintRange-error");
    await underlined.waitFor();
    assert.equal(await textOf(underlined), "order_payd");
    assert.equal("events.order_payd.count() >= 2".slice(fault.start, fault.end), "order_payd");
    assert.ok(await page.getByRole("button", { name: "计算" }).isDisabled(), "a faulty rule cannot be asked");
    // What the server says is in the language of the console, at once when that is changed.
    assert.match(fault.message, /^没有事件 'order_payd'/);
    await page.getByRole("button", { name: "English" }).click();
    await shown.getByText("there is no event 'order_payd'").waitFor();
    await page.getByRole("button", { name: "中文" }).click();
    await shown.getByText("没有事件 'order_payd'").waitFor();
    await page.close();
  });

  test("count, sample and parts are those of the API", async () => {
    const page = await world().signedIn(undefined, "/query");
    const api = world().api(page.context());
    const editor = page.locator(".cm-content");
    await editor.click();
    await page.keyboard.insertText(rule);
    await page.locator(".rule-sentence").waitFor();
    await page.keyboard.press("Control+Enter");
    await page.waitForURL((url) => url.searchParams.get("q") === rule);

    const counted = await api.post("/query", { expression: rule, want: "count" });
    const sampled = await api.post("/query", { expression: rule, want: "sample", limit: 10 });
    const count = page.locator(".query-count > b");
    await count.waitFor();
    assert.equal(await numberOf(count), counted.count);
    assert.ok(counted.count > 0);
    const rows = page.locator("tr.row-opens");
    await rows.nth(sampled.items.length - 1).waitFor();
    assert.deepEqual(await rows.allInnerTexts().then((all) => all.map((text) => text.trim())), sampled.items.map((item) => item.id));

    const explained = await api.post("/rules/explain", { expression: rule });
    const parts = page.locator(".population > li");
    await parts.nth(explained.leaves.length - 1).waitFor();
    for (const [index, leaf] of explained.leaves.entries())
      assert.equal(await numberOf(parts.nth(index).locator(".population-head b")), leaf.holds ?? leaf.present, leaf.text);

    // What was asked is in the address: another tab shows the same.
    const other = await world().open(page.context(), new URL(page.url()).pathname + new URL(page.url()).search);
    await other.locator(".query-count > b").waitFor();
    assert.equal(await numberOf(other.locator(".query-count > b")), counted.count);
    await other.close();
    await page.close();
  });
}
