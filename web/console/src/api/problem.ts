import type { Fault, Problem, ProblemCode } from "./types";

/** The server refused a request, and said why. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly faults: Fault[];
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.faults = problem.errors ?? [];
    this.problem = problem;
  }

  /** Somebody else saved in the meantime: the version that was named is no longer the present one. */
  get stale(): boolean {
    return this.status === 412;
  }
}

/** The server could not be reached. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super("network", { cause });
    this.name = "NetworkError";
  }
}

/** Reads the problem of a refused response; undefined when the answer is not the server's own, but a proxy's page. */
export async function readProblem(response: Response): Promise<Problem | undefined> {
  if (!response.headers.get("content-type")?.includes("application/problem+json")) return undefined;
  try {
    return { ...((await response.json()) as Problem), status: response.status };
  } catch {
    return undefined;
  }
}

/** The problem in the place of one that was not told. */
export function untoldProblem(response: Response): Problem {
  return { type: "about:blank", title: response.statusText || String(response.status), status: response.status, code: "internal" };
}
