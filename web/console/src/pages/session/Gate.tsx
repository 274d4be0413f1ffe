import { useQueryClient } from "@tanstack/react-query";
import { Modal } from "antd";
import { useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { report, useConnection } from "../../api/connection";
import { SessionContext } from "../../api/permissions";
import { useSessionQuery } from "../../api/queries";
import type { Session } from "../../api/types";
import { Notice } from "../../ui/states";
import { useProblemText } from "../../ui/problems";
import { ChangePassword } from "./ChangePassword";
import { Entrance } from "./Entrance";
import { SignInForm } from "./SignInForm";
import { Button } from "antd";

/** Lets only those in who are signed in. When a session ends in the middle of work, it is renewed over the page, which stays. */
export function Gate({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const query = useSessionQuery();
  const { signedOut } = useConnection();
  const text = useProblemText();
  const held = useRef<Session | null>(null);

  const enter = (session: Session) => {
    const other = held.current !== null && held.current.user.name !== session.user.name;
    client.setQueryData(["session"], session);
    report({ signedOut: false });
    // Another person must not see what the one before was shown.
    if (other) client.removeQueries({ predicate: (each) => each.queryKey[0] !== "session" });
    else void client.invalidateQueries({ predicate: (each) => each.queryKey[0] !== "session" });
  };

  if (query.isPending) return null;
  if (query.error && query.data === undefined)
    return (
      <Entrance title={t("state.offlineShort")}>
        <Notice
          tone="bad"
          title={text(query.error)}
          hint={t("state.offlineHint")}
          action={<Button onClick={() => void query.refetch()}>{t("common.retry")}</Button>}
        />
      </Entrance>
    );
  const session = query.data ?? null;
  if (!session) {
    held.current = null;
    return (
      <Entrance title={t("session.title")}>
        <SignInForm onEnter={enter} />
      </Entrance>
    );
  }
  if (session.user.must_change)
    return (
      <Entrance title={t("session.changeTitle")} hint={t("session.changeHint")}>
        <ChangePassword onDone={() => void query.refetch()} />
      </Entrance>
    );
  held.current = session;
  return (
    <SessionContext.Provider value={session}>
      {children}
      <Modal open={signedOut} title={t("session.again")} footer={null} closable={false} mask={{ closable: false }} keyboard={false} width={380} destroyOnHidden>
        <p className="quiet">{t("session.againHint")}</p>
        <SignInForm onEnter={enter} name={session.user.name} />
      </Modal>
    </SessionContext.Provider>
  );
}
