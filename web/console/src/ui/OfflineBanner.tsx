import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { answer, api } from "../api/client";
import { useConnection } from "../api/connection";

const pause = 4000;

/** Says that the server is out of reach, keeps trying, and loads what is stale once it is back. */
export function OfflineBanner() {
  const { t } = useTranslation();
  const { reachable } = useConnection();
  const client = useQueryClient();

  const attempt = useCallback(async () => {
    try {
      await answer(api.GET("/api/v1/session"));
    } catch {
      return; // the client has reported what it found; nothing more to say here
    }
    await client.invalidateQueries();
  }, [client]);

  useEffect(() => {
    if (reachable) return undefined;
    const timer = setInterval(() => void attempt(), pause);
    return () => clearInterval(timer);
  }, [reachable, attempt]);

  if (reachable) return null;
  return (
    <div className="offline" role="alert">
      <span>{t("state.offline")}</span>
      <button type="button" onClick={() => void attempt()}>
        {t("state.retryNow")}
      </button>
    </div>
  );
}
