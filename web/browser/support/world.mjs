import assert from "node:assert/strict";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { findChromium } from "./chromium.mjs";
import { Shop } from "./shop.mjs";

export const admin = { name: "admin", password: "correct horse battery" };
const step = 15_000; // ms; on a busy machine a step takes longer than one would wish, but never this long

/** The shop and the browser of one run, and the pages that are open. */
export class World {
  /** What went wrong in any page and was not expected. */
  problems = [];
  #allowed = [];
  #known = new Map();
  #failed = 0;

  static async open({ customers } = {}) {
    const world = new World();
    [world.shop, world.browser] = await Promise.all([
      Shop.open({ customers }),
      chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"] }),
    ]);
    return world;
  }

  async close() {
    await this.browser?.close();
    await this.shop?.close();
  }

  /** A browser of its own: own cookies, own storage. */
  async person(options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1440, height: 900 },
      locale: "zh-CN",
      timezoneId: "Asia/Shanghai",
      ...options,
    });
    context.setDefaultTimeout(step);
    context.on("page", (page) => this.#watch(page));
    return context;
  }

  /** Opens a page in the browser of somebody who is signed in, and stays so: the next page finds the files in its cache. */
  async signedIn(who = admin, path = "/") {
    let context = this.#known.get(who.name);
    if (!context) {
      context = await this.person();
      await this.api(context).post("/session", who);
      this.#known.set(who.name, context);
    }
    return this.open(context, path);
  }

  /** The same in a browser of its own, for those who end the session or change what the browser remembers. */
  async newlySignedIn(who = admin, path = "/", options = {}) {
    const context = await this.person(options);
    await this.api(context).post("/session", who);
    return this.open(context, path);
  }

  async open(context, path = "/") {
    const page = await context.newPage();
    await page.goto(this.shop.address + path);
    return page;
  }

  /** The API with the cookies of a browser. Every refusal is thrown. */
  api(context) {
    const base = `${this.shop.address}/api/v1`;
    const call = async (method, path, data, headers) => {
      const response = await context.request.fetch(base + path, { method, data, headers: { "Content-Type": "application/json", Origin: this.shop.address, ...headers } });
      const body = await response.text();
      if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${body}`);
      return body && JSON.parse(body);
    };
    return {
      get: (path) => call("GET", path),
      post: (path, data) => call("POST", path, data),
      put: (path, data, version) => call("PUT", path, data, { "If-Match": `"${version}"` }),
    };
  }

  /** Lets pass what this test provokes: patterns of problems. */
  expect(...patterns) {
    this.#allowed.push(...patterns);
  }

  /** Called after each test: nothing may have gone wrong but what was expected. */
  async settle() {
    // A test that failed leaves its pages behind: what they show is worth a look.
    for (const page of this.browser.contexts().flatMap((context) => context.pages())) {
      if (process.env.TAGMA_FAILED) await page.screenshot({ path: join(process.env.TAGMA_FAILED, `failed-${++this.#failed}.png`) });
      await page.close();
    }
    const { problems } = this;
    const allowed = this.#allowed;
    this.problems = [];
    this.#allowed = [];
    assert.deepEqual(problems.filter((problem) => !allowed.some((pattern) => pattern.test(problem))), []);
  }

  #watch(page) {
    const note = (problem) => this.problems.push(problem);
    page.on("pageerror", (error) => note(`error in the page: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      // The browser's own lines about requests; they are noted below, with more.
      if (/^Failed to load resource/.test(message.text())) return;
      note(`console ${message.type()}: ${message.text()}`);
    });
    page.on("requestfailed", (request) => {
      // What the page gave up by itself, such as completions for a text that has changed.
      if (request.failure()?.errorText === "net::ERR_ABORTED") return;
      note(`failed ${request.method()} ${new URL(request.url()).pathname}: ${request.failure()?.errorText}`);
    });
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      const method = response.request().method();
      // A visitor's first question is whether there is a session.
      if (response.status() === 401 && method === "GET" && pathname === "/api/v1/session") return;
      if (response.status() >= 400) note(`${response.status()} ${method} ${pathname}`);
    });
  }
}

/** What the page shows at a place, without line breaks. */
export async function textOf(locator) {
  return (await locator.innerText()).replace(/\s+/g, " ").trim();
}

/** Waits until there are so many, as many as come in the end: while a list is loaded anew the old one stays. */
export async function thereAre(locator, count) {
  if (count > 0) await locator.nth(count - 1).waitFor();
  await locator.nth(count).waitFor({ state: "detached" });
}

/** The number that is shown at a place: "36,643" and "36,643 位客户" are 36643. */
export async function numberOf(locator) {
  return Number(/[\d,]+/.exec(await textOf(locator))?.[0].replaceAll(",", ""));
}

/** The answer of the API that a step brings about. */
export function answerOf(page, method, path) {
  return page.waitForResponse((response) => {
    const { pathname } = new URL(response.url());
    return response.request().method() === method && (path instanceof RegExp ? path.test(pathname) : pathname === `/api/v1${path}`);
  });
}
