import { useTranslation } from "react-i18next";
import { useAllowed } from "../../api/permissions";
import { joined, useFreshness, useRuns } from "../../api/queries";
import { formatSecond } from "../../ui/format";
import { Page, Panel } from "../../ui/Page";
import { Loaded } from "../../ui/states";
import { FreshnessPanels } from "./FreshnessPanels";
import { RunButton } from "./RunButton";
import { RunList } from "./RunList";

/** Runs, and how far what is shown is behind what happened. It keeps itself up to date while it is looked at. */
export function RunsPage() {
  const { t } = useTranslation();
  const query = useFreshness();
  const runs = useRuns();
  const mayRun = useAllowed("compute");
  const running = joined(runs.data).some((run) => run.state === "running");
  const fresh = query.data;
  const hint = fresh ? t(fresh.stopped ? "runs.hintStopped" : "runs.hint", { now: formatSecond(fresh.now) }) : " ";
  return (
    <Page title={t("nav.runs")} hint={hint} actions={mayRun && <RunButton running={running} />}>
      {fresh && query.error && <p className="warn">{t("runs.stale")}</p>}
      <Loaded query={query} height={420}>
        {(data) => <FreshnessPanels fresh={data} />}
      </Loaded>
      <Panel title={t("runs.list")} flush>
        <RunList />
      </Panel>
    </Page>
  );
}
