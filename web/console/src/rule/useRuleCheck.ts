import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import type { RuleCheck } from "../api/types";
import { useSettled } from "../ui/useSettled";

export interface RuleState {
  /** What the server says about the text as it stands; undefined while that is not known. */
  check: RuleCheck | undefined;
  /** The last answer, perhaps about an earlier text: for what should not flicker while typing. */
  last: RuleCheck | undefined;
  pending: boolean;
  error: unknown;
}

/** Whether a rule is a condition, by the type that the server names. */
export function isCondition(type: string | undefined): boolean {
  return type === "condition";
}

/** The question whether a rule is right. */
export function checkQuery(expression: string, want?: "condition" | "value") {
  return queryOptions({
    queryKey: ["rules", "check", expression, want],
    staleTime: 60_000,
    queryFn: ({ signal }) => answer(api.POST("/api/v1/rules/check", { body: { expression, want }, signal })),
  });
}

/** Checks a rule while it is written. */
export function useRuleCheck(text: string, want?: "condition" | "value"): RuleState {
  const settled = useSettled(text, 350);
  const query = useQuery({ ...checkQuery(settled, want), enabled: settled.trim() !== "", placeholderData: keepPreviousData });
  const empty = text.trim() === "";
  const current = !empty && settled === text && !query.isPlaceholderData;
  return {
    check: current ? query.data : undefined,
    last: empty ? undefined : query.data,
    pending: !empty && !current && !query.error,
    error: query.error,
  };
}
