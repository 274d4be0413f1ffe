import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface PageProps {
  title: string;
  /** Beside the title: a key, a state. */
  aside?: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, aside, hint, actions, children }: PageProps) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
  return (
    <main className="page">
      <header className="page-head">
        <div className="page-headline">
          <h1>{title}</h1>
          {aside}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
        {hint && <p className="page-hint">{hint}</p>}
      </header>
      {children}
    </main>
  );
}

/** A titled part of a page, on a surface. */
export function Panel({ title, extra, children, flush }: { title?: ReactNode; extra?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className={flush ? "panel panel-flush" : "panel"}>
      {(title || extra) && (
        <header className="panel-head">
          {title && <h2>{title}</h2>}
          {extra && <div className="panel-extra">{extra}</div>}
        </header>
      )}
      <div className="panel-body">{children}</div>
    </section>
  );
}
