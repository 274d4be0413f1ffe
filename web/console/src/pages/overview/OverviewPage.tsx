import { Table } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useAllowed } from "../../api/permissions";
import { useOverview } from "../../api/queries";
import type { Overview, Run } from "../../api/types";
import { BarChart } from "../../ui/BarChart";
import { formatCount, formatInstant, formatRate, formatShare } from "../../ui/format";
import { Page, Panel } from "../../ui/Page";
import { Loaded, Notice } from "../../ui/states";
import { RunButton } from "../runs/RunButton";
import { RunState, useDuration } from "../runs/RunState";
import { useSpan } from "../runs/useSpan";
import { useClassName } from "../tags/useClasses";

export function OverviewPage() {
  const { t } = useTranslation();
  const query = useOverview();
  const mayRun = useAllowed("compute");
  const hint = query.data
    ? t(query.data.stopped ? "overview.stopped" : "overview.asOfNow", { now: formatInstant(query.data.now), zone: query.data.zone })
    : " ";
  return (
    <Page title={t("overview.title")} hint={hint} actions={mayRun && query.data && <RunButton running={query.data.recent_runs.some((run) => run.state === "running")} disabled={query.data.tags === 0} />}>
      <Loaded query={query} height={520}>
        {(overview) => <Content overview={overview} />}
      </Loaded>
    </Page>
  );
}

function Content({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const seesSources = useAllowed("sources");
  if (overview.customers === 0 && overview.tags === 0)
    return (
      <Panel>
        <Notice
          height={320}
          title={t("overview.empty")}
          hint={t("overview.emptyHint")}
          action={seesSources && <Link to="/settings/sources">{t("overview.openSources")}</Link>}
        />
      </Panel>
    );
  return (
    <>
      <div className="figures">
        <Figure name={t("overview.customers")} count={overview.customers} to="/customers" />
        <Figure
          name={t("overview.assigned")}
          count={overview.assigned}
          note={formatShare(overview.assigned, overview.customers)}
        />
        <Figure name={t("overview.events")} count={overview.events} />
        <Figure name={t("overview.tags")} count={overview.tags} to="/tags" />
        <Figure name={t("overview.segments")} count={overview.segments} to="/segments" />
      </div>
      <FreshLine overview={overview} />
      <div className="columns columns-wide-narrow">
        <div className="stack">
          <Panel title={t("overview.topTags")}>
            <TopTags overview={overview} />
          </Panel>
          <Panel title={t("overview.recent")} flush>
            <Runs runs={overview.recent_runs} />
          </Panel>
        </div>
        <div className="stack">
          <Panel title={t("overview.lastRun")}>
            {overview.last_run ? <LastRun run={overview.last_run} /> : <Notice title={t("overview.never")} hint={t("overview.neverHint")} />}
          </Panel>
          <Panel title={t("overview.dimensions")}>
            <Dimensions overview={overview} />
          </Panel>
        </div>
      </div>
    </>
  );
}

/** How fresh the figures are, in one line. */
function FreshLine({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const span = useSpan();
  const { fresh } = overview;
  const parts = [
    fresh.live ? t("overview.liveBehind", { span: span(fresh.lag_ms) }) : t("overview.notLive"),
    t("runs.perSecond", { rate: formatRate(fresh.rate) }),
  ];
  if (fresh.next_run) parts.push(t("overview.nextRun", { at: formatInstant(fresh.next_run) }));
  return (
    <p className="fresh-line">
      <Link to="/runs">
        <span className={fresh.failing ? "fresh-dot fresh-dot-bad" : "fresh-dot"} aria-hidden />
        {fresh.failing && <strong className="bad">{t("overview.failing")} · </strong>}
        {parts.join(" · ")}
      </Link>
    </p>
  );
}

function Figure({ name, count, note, to }: { name: string; count: number; note?: string; to?: string }) {
  const content = (
    <>
      <div className="figure-name">{name}</div>
      <div className="figure-count">
        {formatCount(count)}
        {note && <small>{note}</small>}
      </div>
    </>
  );
  return to ? (
    <Link to={to} className="figure">
      {content}
    </Link>
  ) : (
    <div className="figure">{content}</div>
  );
}

function TopTags({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const bars = useMemo(
    () => overview.top_tags.map((tag) => ({ key: tag.key, label: tag.name, count: tag.held })),
    [overview.top_tags],
  );
  if (bars.length === 0) return <Notice title={t("overview.topTagsEmpty")} height={200} />;
  return (
    <>
      <BarChart bars={bars} label={t("overview.topTags")} onOpen={(key) => void navigate(`/tags/${encodeURIComponent(key)}`)} />
      <p className="quiet small">{t("overview.topTagsHint")}</p>
    </>
  );
}

function LastRun({ run }: { run: Run }) {
  const { t } = useTranslation();
  const duration = useDuration();
  return (
    <div className="last-run">
      <div>
        <RunState run={run} /> <span className="number">{formatInstant(run.finished ?? run.started)}</span>
      </div>
      {run.state === "running" && run.all !== undefined ? (
        <div className="quiet">{t("overview.progress", { done: run.done ?? 0, all: run.all })}</div>
      ) : (
        <div className="quiet">{t("overview.enteredLeft", { entered: run.entered, left: run.left })}</div>
      )}
      <div className="quiet">
        {t("overview.took")} {duration(run.took_ms)}
      </div>
      {run.error && <div className="bad">{run.error}</div>}
    </div>
  );
}

/** The standards that sort tags, and how many tags each class has; what has none is left out. */
function Dimensions({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const className = useClassName();
  const sets = [...new Set(overview.dimensions.map((dimension) => dimension.set))]
    .map((set) => ({ set, classes: overview.dimensions.filter((dimension) => dimension.set === set && dimension.tags > 0) }))
    .filter(({ classes }) => classes.length > 0);
  return (
    <>
      {sets.map(({ set, classes }) => (
        <section key={set} className="dimensions-set">
          <h3>{t(`classSet.${set}` as "classSet.nature", { defaultValue: set })}</h3>
          <ul className="dimensions">
            {classes.map((dimension) => (
              <li key={dimension.key}>
                <Link to={`/tags?class=${encodeURIComponent(dimension.key)}`}>
                  {className(dimension.key)} <span className="number">{formatCount(dimension.tags)}</span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <p className="quiet small">{t("overview.depth", { max: overview.max_depth, avg: overview.avg_depth.toFixed(1) })}</p>
    </>
  );
}

function Runs({ runs }: { runs: Run[] }) {
  const { t } = useTranslation();
  const duration = useDuration();
  if (runs.length === 0) return <Notice title={t("overview.recentEmpty")} height={140} />;
  return (
    <Table
      size="small"
      rowKey="id"
      pagination={false}
      dataSource={runs}
      columns={[
        { title: t("overview.runAsOf"), dataIndex: "as_of", render: (at: string) => <span className="number">{formatInstant(at)}</span> },
        {
          title: t("overview.runKind"),
          dataIndex: "kind",
          render: (kind: string) => t(`runKind.${kind}` as "runKind.compute", { defaultValue: kind }),
        },
        { title: t("overview.runState"), key: "state", render: (_, run) => <RunState run={run} /> },
        { title: t("overview.entered"), dataIndex: "entered", align: "right", render: (count: number) => <span className="number">{formatCount(count)}</span> },
        { title: t("overview.left"), dataIndex: "left", align: "right", render: (count: number) => <span className="number">{formatCount(count)}</span> },
        {
          title: t("overview.took"),
          dataIndex: "took_ms",
          align: "right",
          render: (ms: number, run) => (run.state === "running" ? "–" : <span className="number">{duration(ms)}</span>),
        },
      ]}
    />
  );
}
