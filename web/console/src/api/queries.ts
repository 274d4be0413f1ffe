import { QueryClient, keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api } from "./client";
import { ApiError, NetworkError } from "./problem";
import type { Tag, TagFilter } from "./types";

// One hook for each thing that pages read. A key begins with the noun, so that saving a tag can say ["tags"] is stale.

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        networkMode: "always",
        staleTime: 10_000,
        refetchOnWindowFocus: false,
        // A refusal stays a refusal; a broken connection is tried once more, and then the banner takes over.
        retry: (failures, error) => error instanceof NetworkError && failures < 1,
        retryDelay: 500,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}

const pageSize = 50;

/** The pages of a list as one list. */
export function joined<T>(pages: { pages: { items: T[] }[] } | undefined): T[] {
  return pages?.pages.flatMap((page) => page.items) ?? [];
}

export function useSessionQuery() {
  return useQuery({
    queryKey: ["session"],
    staleTime: Infinity,
    queryFn: async () => {
      try {
        return await answer(api.GET("/api/v1/session"));
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
  });
}

export function useOverview() {
  return useQuery({
    queryKey: ["overview"],
    queryFn: () => answer(api.GET("/api/v1/overview")),
    refetchInterval: (query) => (query.state.data?.recent_runs.some((run) => run.state === "running") ? 1500 : 15_000),
  });
}

// What changes by itself is read again every two seconds, while the page can be seen.
const liveInterval = 2000;

export function useFreshness() {
  return useQuery({
    queryKey: ["runs", "freshness"],
    refetchInterval: liveInterval,
    queryFn: () => answer(api.GET("/api/v1/freshness")),
  });
}

export function useRuns() {
  return useInfiniteQuery({
    queryKey: ["runs", "list"],
    refetchInterval: liveInterval,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/runs", { params: { query: { after: pageParam, limit: 20 } } })),
    getNextPageParam: (page) => page.next,
  });
}

/** A run that has ended, with what it did. */
export function useRun(id: string) {
  return useQuery({
    queryKey: ["runs", "one", id],
    staleTime: Infinity,
    queryFn: () => answer(api.GET("/api/v1/runs/{id}", { params: { path: { id } } })),
  });
}

export function useCategories() {
  return useQuery({ queryKey: ["tags", "categories"], queryFn: () => answer(api.GET("/api/v1/categories")) });
}

export function useTags(filter: TagFilter, enabled = true) {
  return useInfiniteQuery({
    queryKey: ["tags", "list", filter],
    enabled,
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v1/tags", { params: { query: { ...filter, after: pageParam, limit: 200 } } })),
    getNextPageParam: (page) => page.next,
  });
}

export function useTag(key: string) {
  return useQuery({
    queryKey: ["tags", "one", key],
    queryFn: () => answer(api.GET("/api/v1/tags/{key}", { params: { path: { key } } })),
  });
}

/**
 * A tag as it is stored, to be edited. The page of a tag shows the classes that follow from its category as well; saving
 * those would fix them, so the tag's own ones are taken from its latest version.
 */
export async function fetchTagToEdit(key: string): Promise<Tag> {
  const params = { path: { key } };
  const [tag, versions] = await Promise.all([
    answer(api.GET("/api/v1/tags/{key}", { params })),
    answer(api.GET("/api/v1/tags/{key}/versions", { params: { ...params, query: { limit: 1 } } })),
  ]);
  const stored = versions.items[0]?.body as { classes?: string[] } | undefined;
  return { ...tag, classes: stored?.classes ?? [] };
}

export function useTagToEdit(key: string) {
  return useQuery({ queryKey: ["tags", "edit", key], gcTime: 0, staleTime: Infinity, queryFn: () => fetchTagToEdit(key) });
}

export function useTagValues(key: string) {
  return useQuery({
    queryKey: ["tags", "values", key],
    queryFn: () => answer(api.GET("/api/v1/tags/{key}/values", { params: { path: { key } } })),
  });
}

export function useTagVersions(key: string) {
  return useQuery({
    queryKey: ["tags", "versions", key],
    queryFn: () => answer(api.GET("/api/v1/tags/{key}/versions", { params: { path: { key } } })),
  });
}

export function useTagMembers(key: string, value: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["tags", "members", key, value],
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/api/v1/tags/{key}/members", {
          params: { path: { key }, query: { value, after: pageParam, limit: pageSize } },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

export function useTagAssignments(key: string) {
  return useInfiniteQuery({
    queryKey: ["assignments", key],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v1/assignments", { params: { query: { tag: key, after: pageParam, limit: pageSize } } })),
    getNextPageParam: (page) => page.next,
  });
}

export function useSegments(q: string) {
  return useInfiniteQuery({
    queryKey: ["segments", "list", q],
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v1/segments", { params: { query: { q: q || undefined, after: pageParam, limit: 200 } } })),
    getNextPageParam: (page) => page.next,
  });
}

export function useSegment(key: string) {
  return useQuery({
    queryKey: ["segments", "one", key],
    queryFn: () => answer(api.GET("/api/v1/segments/{key}", { params: { path: { key } } })),
  });
}

export function useSegmentMembers(key: string) {
  return useInfiniteQuery({
    queryKey: ["segments", "members", key],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/api/v1/segments/{key}/members", { params: { path: { key }, query: { after: pageParam, limit: pageSize } } }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

export function useCustomerSearch(q: string, limit: number) {
  return useQuery({
    queryKey: ["customers", "search", q, limit],
    enabled: q !== "",
    placeholderData: keepPreviousData,
    queryFn: () => answer(api.GET("/api/v1/customers", { params: { query: { q, limit } } })),
  });
}

export function useCustomer(id: string) {
  return useQuery({
    queryKey: ["customers", "one", id],
    queryFn: () => answer(api.GET("/api/v1/customers/{id}", { params: { path: { id } } })),
  });
}

export function useTimeline(id: string, names: string[]) {
  return useInfiniteQuery({
    queryKey: ["customers", "timeline", id, names],
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/api/v1/customers/{id}/timeline", {
          params: { path: { id }, query: { before: pageParam, limit: 30, names: names.length > 0 ? names.join(",") : undefined } },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

/** Why a customer carries a tag, or is in a segment, at an instant (undefined: now). */
export function useExplanation(id: string, what: { tag?: string; segment?: string } | undefined, asOf: string | undefined) {
  return useQuery({
    queryKey: ["customers", "explain", id, what, asOf],
    enabled: what !== undefined,
    queryFn: () =>
      answer(api.POST("/api/v1/customers/{id}/explain", { params: { path: { id } }, body: { ...what, as_of: asOf } })),
  });
}

export function useUsers() {
  return useQuery({ queryKey: ["users"], queryFn: () => answer(api.GET("/api/v1/users")) });
}

export function useTokens() {
  return useQuery({ queryKey: ["tokens"], queryFn: () => answer(api.GET("/api/v1/tokens")) });
}

export function useSources() {
  return useQuery({ queryKey: ["sources"], queryFn: () => answer(api.GET("/api/v1/sources")) });
}

export function useAudit(actor: string, object: string) {
  return useInfiniteQuery({
    queryKey: ["audit", actor, object],
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/api/v1/audit", {
          params: { query: { actor: actor || undefined, object: object || undefined, after: pageParam, limit: pageSize } },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}
