import createClient, { type Middleware } from "openapi-fetch";
import i18next from "i18next";
import { report } from "./connection";
import { ApiError, NetworkError, readProblem, untoldProblem } from "./problem";
import type { paths } from "./types";

const watch: Middleware = {
  onRequest({ request }) {
    request.headers.set("Accept-Language", i18next.language || "zh");
    return request;
  },
  async onResponse({ request, response, schemaPath }) {
    report({ reachable: true });
    if (response.ok) return undefined;
    const problem = await readProblem(response);
    // Asking for the session answers 401 to visitors, and so does a wrong password: neither ends a session.
    if (response.status === 401 && schemaPath !== "/api/v1/session") report({ signedOut: true });
    // A proxy in front of a server that is down.
    if (!problem && [502, 503, 504].includes(response.status) && request.method === "GET") {
      report({ reachable: false });
      throw new NetworkError(response.status);
    }
    throw new ApiError(problem ?? untoldProblem(response));
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    if (!(error instanceof TypeError)) return undefined;
    report({ reachable: false });
    return new NetworkError(error);
  },
};

/** The API, typed by path. Every refusal is thrown as ApiError, every failure to reach the server as NetworkError. */
export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  credentials: "same-origin",
  fetch: (request) => globalThis.fetch(request),
});
api.use(watch);

/** What a call answers. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

/** The header that says which version an edit was made from. */
export function ifMatch(version: string): { "If-Match": string } {
  return { "If-Match": `"${version}"` };
}
