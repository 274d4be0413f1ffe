import {
  AppstoreOutlined,
  ClusterOutlined,
  CodeOutlined,
  HistoryOutlined,
  SettingOutlined,
  TagsOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { App, Dropdown, Modal } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Outlet, ScrollRestoration, useNavigate, useNavigation } from "react-router";
import { answer, api } from "../api/client";
import { allows, useSession, type Permission } from "../api/permissions";
import { ChangePassword } from "../pages/session/ChangePassword";
import { LanguageSwitch } from "./LanguageSwitch";
import { Mark } from "./Mark";
import { OfflineBanner } from "./OfflineBanner";
import { useShowProblem } from "./problems";
import { SearchBox } from "./SearchBox";

/** The permissions that open the settings: any one of them. */
export const settingsPermissions: Permission[] = ["users", "tokens", "sources", "audit"];

/** What stays around every page: navigation, search, account. */
export function Frame() {
  const { t } = useTranslation();
  const session = useSession();
  const navigation = useNavigation();
  const places: { to: string; icon: ReactNode; name: string }[] = [
    { to: "/", icon: <AppstoreOutlined aria-hidden />, name: t("nav.overview") },
    { to: "/tags", icon: <TagsOutlined aria-hidden />, name: t("nav.tags") },
    { to: "/segments", icon: <ClusterOutlined aria-hidden />, name: t("nav.segments") },
    { to: "/customers", icon: <UserOutlined aria-hidden />, name: t("nav.customers") },
    { to: "/query", icon: <CodeOutlined aria-hidden />, name: t("nav.query") },
    { to: "/runs", icon: <HistoryOutlined aria-hidden />, name: t("nav.runs") },
  ];
  if (settingsPermissions.some((permission) => allows(session, permission)))
    places.push({ to: "/settings", icon: <SettingOutlined aria-hidden />, name: t("nav.settings") });
  return (
    // Dialogs that are opened from here may hold links, and so have to be inside the router.
    <App component={false} message={{ maxCount: 3 }}>
      <div className="frame">
        <nav className="side" aria-label={t("nav.label")}>
          <NavLink to="/" className="brand">
            <Mark />
            <span>{t("app.name")}</span>
          </NavLink>
          {places.map((place) => (
            <NavLink key={place.to} to={place.to} end={place.to === "/"} className="place" title={place.name}>
              {place.icon}
              <span>{place.name}</span>
            </NavLink>
          ))}
        </nav>
        <div className="stage">
          <header className="top">
            <SearchBox />
            <div className="top-end">
              <LanguageSwitch />
              <AccountMenu />
            </div>
          </header>
          <OfflineBanner />
          {navigation.state !== "idle" && <div className="progress" role="progressbar" aria-label={t("common.loading")} />}
          <Outlet />
          {/* By path alone: a filter or a tab in the address does not move the page. */}
          <ScrollRestoration getKey={(location) => location.pathname} />
        </div>
      </div>
    </App>
  );
}

function AccountMenu() {
  const { t } = useTranslation();
  const { user } = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const showProblem = useShowProblem();
  const [changing, setChanging] = useState(false);

  const signOut = async () => {
    try {
      await answer(api.DELETE("/api/v1/session"));
      // The pages go first, so that nothing asks again for what was forgotten.
      client.setQueryData(["session"], null);
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      await navigate("/");
    } catch (error) {
      showProblem(error);
    }
  };

  return (
    <>
      <Dropdown
        trigger={["click"]}
        menu={{
          items: [
            { key: "password", label: t("session.change"), onClick: () => setChanging(true) },
            { type: "divider" },
            { key: "out", label: t("session.signOut"), onClick: () => void signOut() },
          ],
        }}
      >
        <button type="button" className="account">
          <span className="account-initial" aria-hidden="true">
            {[...(user.display || user.name)][0]}
          </span>
          <span className="account-name">
            {user.display || user.name}
            <small>{t(`role.${user.role}`)}</small>
          </span>
        </button>
      </Dropdown>
      <Modal open={changing} title={t("session.change")} footer={null} width={400} onCancel={() => setChanging(false)} destroyOnHidden>
        <ChangePassword onDone={() => setChanging(false)} />
      </Modal>
    </>
  );
}
