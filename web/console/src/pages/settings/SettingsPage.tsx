import { useTranslation } from "react-i18next";
import { Navigate, NavLink, Outlet } from "react-router";
import { allows, useSession } from "../../api/permissions";
import { settingsPermissions } from "../../ui/Frame";
import { Page } from "../../ui/Page";
import { Forbidden } from "../../ui/states";

const parts = ["users", "tokens", "sources", "audit"] as const;

/** The settings that one may see, each with an address. */
export function SettingsPage() {
  const { t } = useTranslation();
  const session = useSession();
  const open = parts.filter((part) => allows(session, part));
  return (
    <Page title={t("settings.title")}>
      {settingsPermissions.some((permission) => allows(session, permission)) && (
        <nav className="subnav" aria-label={t("settings.title")}>
          {open.map((part) => (
            <NavLink key={part} to={`/settings/${part}`}>
              {t(`settings.${part}`)}
            </NavLink>
          ))}
        </nav>
      )}
      <Outlet />
    </Page>
  );
}

export function FirstSetting() {
  const session = useSession();
  const first = parts.find((part) => allows(session, part));
  return first ? <Navigate to={`/settings/${first}`} replace /> : <Forbidden />;
}
