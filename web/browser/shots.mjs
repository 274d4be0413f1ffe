// Takes the screenshots of the README into docs/images: a shop of 20,000 customers, the console in Chinese.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { needChromium } from "./support/chromium.mjs";
import { smaller } from "./support/png.mjs";
import { admin, World } from "./support/world.mjs";

if (!needChromium()) throw new Error("there is no Chromium (apt-get install chromium)");
const folder = resolve(import.meta.dirname, "../../docs/images");
mkdirSync(folder, { recursive: true });

const world = await World.open({ customers: 20_000 });
try {
  const context = await world.person();
  const api = world.api(context);
  await api.post("/session", { name: admin.name, password: world.shop.password });
  await api.post("/session/password", { old: world.shop.password, new: admin.password });
  const { items } = await api.post("/query", { expression: 'tags.rfm == "重要保持客户" && tags.churn_risk == "潜在流失用户"', want: "sample", limit: 1 });

  const take = async (name, path, seen) => {
    const page = await world.open(context, path);
    await page.locator(seen).first().waitFor();
    await page.waitForLoadState("networkidle");
    const file = join(folder, `${name}.png`);
    // Charts are drawn with a short animation; the picture is taken when two in a row are the same.
    let before;
    let now = await page.screenshot({ animations: "disabled", caret: "hide" });
    do {
      before = now;
      now = await page.screenshot({ animations: "disabled", caret: "hide" });
    } while (!now.equals(before));
    writeFileSync(file, smaller(now));
    console.log(`${file}: ${Math.round(statSync(file).size / 1024)} KB`);
    await page.close();
  };
  await take("overview", "/", "canvas");
  await take("customer", `/customers/${encodeURIComponent(items[0].id)}`, ".timeline li");
} finally {
  await world.close();
}
