import { App } from "antd";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, NetworkError } from "../api/problem";

/** Says what went wrong: the server's own words where it has any. */
export function useProblemText(): (error: unknown) => string {
  const { t } = useTranslation();
  return useCallback(
    (error: unknown) => {
      if (error instanceof NetworkError) return t("state.offlineShort");
      if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
      const first = error.faults[0];
      if (first) return first.hint ? `${first.message} (${first.hint})` : first.message;
      if (error.problem.detail) return error.problem.detail;
      switch (error.code) {
        case "forbidden":
          return t("state.forbidden");
        case "not_found":
          return t("state.notFound");
        case "unauthenticated":
          return t("state.unauthenticated");
        case "busy":
          return t("state.busy");
        case "conflict":
          return t("state.conflict");
        case "too_large":
          return t("state.tooLarge");
        case "invalid":
          return t("state.invalid");
        default:
          return error.status >= 500 ? t("state.internal") : error.problem.title;
      }
    },
    [t],
  );
}

/** Shows a failed action as a short message at the top. */
export function useShowProblem(): (error: unknown) => void {
  const { message } = App.useApp();
  const text = useProblemText();
  return useCallback(
    (error: unknown) => {
      void message.error(text(error), 5);
    },
    [message, text],
  );
}
