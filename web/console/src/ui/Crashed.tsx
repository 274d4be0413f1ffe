import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { Notice } from "./states";

/** Shown when drawing a page failed, or when its file is gone because a newer console was installed. */
export function Crashed() {
  const { t } = useTranslation();
  return (
    <main className="page">
      <Notice
        tone="bad"
        height={320}
        title={t("state.crashed")}
        hint={t("state.crashedHint")}
        action={<Button onClick={() => location.reload()}>{t("state.reload")}</Button>}
      />
    </main>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="page">
      <Notice title={t("state.notFound")} hint={t("state.notFoundHint")} height={320} />
    </main>
  );
}
