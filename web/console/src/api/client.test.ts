import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answer, api, ifMatch } from "./client";
import { connection, report } from "./connection";
import { allows, type Permission } from "./permissions";
import { ApiError, NetworkError } from "./problem";

const fetched = vi.fn<(request: Request) => Promise<Response>>();

beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  report({ reachable: true, signedOut: false });
});
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
});

function responds(status: number, body?: unknown, type = status >= 400 ? "application/problem+json" : "application/json") {
  fetched.mockResolvedValue(new Response(body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body), { status, headers: { "content-type": type } }));
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("the client", () => {
  it("gives the answer, and encodes paths", async () => {
    responds(200, { id: "user_id:1" });
    expect(await answer(api.GET("/api/v1/customers/{id}", { params: { path: { id: "user_id:1/2" } } }))).toEqual({ id: "user_id:1" });
    expect(new URL(fetched.mock.calls[0]![0].url).pathname).toBe("/api/v1/customers/user_id%3A1%2F2");
  });

  it("gives nothing for 204", async () => {
    responds(204);
    expect(await answer(api.DELETE("/api/v1/session"))).toBeUndefined();
  });

  it("throws a problem with its faults", async () => {
    responds(422, { title: "Unprocessable", status: 422, code: "invalid", detail: "规则有误", errors: [{ location: "body.expression:1:3", message: "m", hint: "h", start: 2, end: 4 }] });
    const error = await failure(answer(api.POST("/api/v1/rules/format", { body: { expression: "x" } })));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, code: "invalid", message: "规则有误", faults: [{ message: "m", hint: "h", start: 2, end: 4 }], stale: false });
  });

  it("makes a problem of a page that is none", async () => {
    responds(500, "<html>", "text/html");
    expect(await failure(answer(api.GET("/api/v1/overview")))).toMatchObject({ status: 500 });
    responds(500, "{broken", "application/problem+json");
    expect(await failure(answer(api.GET("/api/v1/overview")))).toMatchObject({ status: 500 });
  });

  it("sends the version of an edit, and knows a stale one", async () => {
    responds(412, { title: "Precondition Failed", status: 412, code: "stale", current: "4" });
    const error = await failure(answer(api.DELETE("/api/v1/tags/{key}", { params: { path: { key: "rfm" }, header: ifMatch("3") } })));
    expect(fetched.mock.calls[0]![0].headers.get("if-match")).toBe('"3"');
    expect(error).toMatchObject({ stale: true, problem: { current: "4" } });
  });

  it("reports that a session has ended", async () => {
    responds(401, { title: "Unauthorized", status: 401, code: "unauthenticated" });
    await failure(answer(api.GET("/api/v1/overview")));
    expect(connection().signedOut).toBe(true);
  });

  it("does not take a visitor or a wrong password for an ended session", async () => {
    responds(401, { title: "Unauthorized", status: 401, code: "unauthenticated" });
    await failure(answer(api.GET("/api/v1/session")));
    await failure(answer(api.POST("/api/v1/session", { body: { name: "a", password: "b" } })));
    expect(connection().signedOut).toBe(false);
  });

  it("reports a server out of reach, and that it is back", async () => {
    fetched.mockRejectedValue(new TypeError("Failed to fetch"));
    expect(await failure(answer(api.GET("/api/v1/overview")))).toBeInstanceOf(NetworkError);
    expect(connection().reachable).toBe(false);
    responds(200, {});
    await answer(api.GET("/api/v1/overview"));
    expect(connection().reachable).toBe(true);
  });

  it("takes a proxy's 502 for a server out of reach, but not the server's own 503", async () => {
    responds(502, "bad gateway", "text/html");
    expect(await failure(answer(api.GET("/api/v1/overview")))).toBeInstanceOf(NetworkError);
    expect(connection().reachable).toBe(false);
    responds(503, { title: "busy", status: 503, code: "busy" });
    expect(await failure(answer(api.GET("/api/v1/overview")))).toMatchObject({ status: 503, code: "busy" });
    expect(connection().reachable).toBe(true);
  });
});

describe("permissions", () => {
  const session = { user: { name: "a", display: "A", role: "operator" as const, must_change: false }, permissions: ["read", "assign"] };
  it.each<[Permission, boolean]>([
    ["read", true],
    ["assign", true],
    ["define", false],
    ["users", false],
  ])("%s: %s", (permission, allowed) => expect(allows(session, permission)).toBe(allowed));
  it("are none without a session", () => {
    expect(allows(null, "read")).toBe(false);
    expect(allows(undefined, "read")).toBe(false);
  });
});
