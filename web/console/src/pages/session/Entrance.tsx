import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { LanguageSwitch } from "../../ui/LanguageSwitch";
import { Mark } from "../../ui/Mark";

/** The page of those who are not in yet. */
export function Entrance({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="entrance">
      <div className="entrance-card">
        <div className="entrance-brand">
          <Mark size={30} />
          <div>
            <div className="entrance-name">{t("app.name")}</div>
            <div className="quiet">{t("app.tagline")}</div>
          </div>
          <LanguageSwitch />
        </div>
        <h1>{title}</h1>
        {hint && <p className="quiet">{hint}</p>}
        {children}
      </div>
    </div>
  );
}
