import { Button, Skeleton } from "antd";
import type { ReactNode } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useAllowed, useSession, type Permission } from "../api/permissions";
import { ApiError, NetworkError } from "../api/problem";
import { useProblemText } from "./problems";

interface NoticeProps {
  title: string;
  hint?: ReactNode;
  action?: ReactNode;
  tone?: "plain" | "bad";
  height?: number;
}

/** What stands in the place of content: nothing there, nothing found, refused, failed. */
export function Notice({ title, hint, action, tone = "plain", height }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} style={{ minHeight: height }} role={tone === "bad" ? "alert" : undefined}>
      <div className="notice-title">{title}</div>
      {hint && <div className="notice-hint">{hint}</div>}
      {action && <div className="notice-action">{action}</div>}
    </div>
  );
}

export function Forbidden() {
  const { t } = useTranslation();
  const { user } = useSession();
  return <Notice title={t("state.forbidden")} hint={t("state.forbiddenHint", { role: t(`role.${user.role}`) })} height={240} />;
}

/** What needs a permission: without it nothing is even asked of the server. */
export function Allowed({ permission, children }: { permission: Permission; children: ReactNode }) {
  return useAllowed(permission) ? <>{children}</> : <Forbidden />;
}

export function Failure({ error, retry, height }: { error: unknown; retry?: () => void; height?: number }) {
  const { t } = useTranslation();
  const text = useProblemText();
  if (error instanceof ApiError && error.status === 403) return <Forbidden />;
  if (error instanceof ApiError && error.status === 404)
    return <Notice title={t("state.notFound")} hint={t("state.notFoundHint")} height={height} />;
  const offline = error instanceof NetworkError;
  return (
    <Notice
      tone="bad"
      height={height}
      title={offline ? t("state.offlineShort") : t("state.failed")}
      hint={offline ? t("state.offlineHint") : t("state.failedHint", { detail: text(error) })}
      action={retry && <Button onClick={retry}>{t("common.retry")}</Button>}
    />
  );
}

interface LoadedProps<T> {
  query: Pick<UseQueryResult<T>, "data" | "error" | "isPending" | "refetch">;
  /** About how high the content will be, so that nothing jumps when it comes. */
  height?: number;
  children: (data: T) => ReactNode;
}

/** Shows what a query gives, or honestly that it is not there. What was loaded before stays while it is loaded again. */
export function Loaded<T>({ query, height = 160, children }: LoadedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} height={height} />;
  return <Waiting height={height} />;
}

export function Waiting({ height = 160 }: { height?: number }) {
  const { t } = useTranslation();
  return (
    <div style={{ minHeight: height }} aria-busy="true" aria-label={t("common.loading")} className="waiting">
      <Skeleton active title={false} paragraph={{ rows: Math.max(2, Math.min(8, Math.floor(height / 34))) }} />
    </div>
  );
}
