import { Table } from "antd";
import { useTranslation } from "react-i18next";
import type { Freshness, ReaderState } from "../../api/types";
import { formatBytes, formatCount, formatInstant, formatRate, formatSecond } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { Notice } from "../../ui/states";
import { EventsChart } from "./EventsChart";
import { useSpan } from "./useSpan";

/** What comes in, what is decided live, and how far everybody is. */
export function FreshnessPanels({ fresh }: { fresh: Freshness }) {
  const { t } = useTranslation();
  return (
    <>
      {fresh.failed.map((run) => (
        <p key={run.kind} className="warn" role="alert">
          {t("runs.scheduleFailed", { kind: t(`runKind.${run.kind}`), since: formatInstant(run.since), again: formatInstant(run.again) })} {run.error}
        </p>
      ))}
      <div className="columns columns-wide-narrow gap-below-panel">
        <div className="stack">
          <Panel
            title={t("runs.intake")}
            extra={
              <span className="quiet number">
                {t("runs.perSecond", { rate: formatRate(fresh.intake.rate) })}
                {fresh.intake.refused > 0 && <span className="bad"> · {t("runs.refused", { rate: formatRate(fresh.intake.refused) })}</span>}
                {fresh.intake.waiting > 0 && <> · {t("runs.waiting", { count: fresh.intake.waiting })}</>}
              </span>
            }
          >
            <EventsChart recent={fresh.intake.recent} refusals={fresh.intake.refusals} />
          </Panel>
          <Panel title={t("runs.tags")} flush>
            <TagsByRefresh fresh={fresh} />
          </Panel>
          <Panel title={t("runs.readers")} flush>
            <Readers readers={fresh.readers} />
          </Panel>
        </div>
        <Panel title={t("runs.live")}>
          <Live fresh={fresh} />
        </Panel>
      </div>
    </>
  );
}

function TagsByRefresh({ fresh }: { fresh: Freshness }) {
  const { t } = useTranslation();
  const span = useSpan();
  if (fresh.refresh.length === 0) return <Notice title={t("runs.noTags")} height={100} />;
  return (
    <Table
      size="small"
      rowKey="refresh"
      pagination={false}
      dataSource={fresh.refresh}
      columns={[
        { title: t("tag.refresh"), dataIndex: "refresh", render: (how: "live") => t(`refresh.${how}`) },
        { title: t("runs.count"), dataIndex: "tags", align: "right", render: (count: number) => <span className="number">{formatCount(count)}</span> },
        { title: t("common.asOf"), key: "as_of", render: (_, row) => <span className="number">{formatInstant(row.as_of)}</span> },
        {
          title: t("runs.lag"),
          key: "lag",
          align: "right",
          render: (_, row) => (row.as_of ? <span className="number">{span(row.lag_ms ?? 0)}</span> : "–"),
        },
        {
          title: t("runs.nextRun"),
          key: "next",
          render: (_, row) =>
            row.refresh === "live" ? <span className="quiet">{t("runs.always")}</span> : row.next_run ? <span className="number">{formatInstant(row.next_run)}</span> : <span className="quiet">{t("runs.onDemand")}</span>,
        },
        {
          title: "",
          key: "never",
          render: (_, row) => row.never > 0 && <span className="quiet">{t("runs.never", { count: row.never })}</span>,
        },
      ]}
    />
  );
}

function Readers({ readers }: { readers: ReaderState[] }) {
  const { t } = useTranslation();
  const span = useSpan();
  return (
    <Table
      size="small"
      rowKey="name"
      pagination={false}
      dataSource={readers}
      columns={[
        { title: t("runs.reader"), key: "name", render: (_, row) => t(`reader.${row.name}` as "reader.index", { defaultValue: row.name }) },
        { title: t("runs.follows"), dataIndex: "log", render: (log: string) => t(`log.${log}` as "log.event_log", { defaultValue: log }) },
        { title: t("runs.position"), dataIndex: "position", align: "right", render: (at: number) => <span className="number">{formatCount(at)}</span> },
        {
          title: t("runs.behind"),
          key: "lag",
          align: "right",
          render: (_, row) => (
            <span className="number">
              {row.lag === 0 ? "0" : t("runs.behindBy", { records: formatCount(row.lag), span: span(row.lag_ms) })}
            </span>
          ),
        },
        { title: t("runs.rate"), dataIndex: "rate", align: "right", render: (rate: number) => <span className="number">{formatRate(rate)}</span> },
        {
          title: t("overview.runState"),
          key: "state",
          render: (_, row) =>
            row.error ? (
              <span className="bad">
                {t("runs.failsSince", { since: row.since ? formatSecond(row.since) : "–" })} {row.error}
              </span>
            ) : row.building ? (
              t("runs.building")
            ) : (
              <span className="good">{t("runs.well")}</span>
            ),
        },
      ]}
    />
  );
}

function Live({ fresh }: { fresh: Freshness }) {
  const { t } = useTranslation();
  const span = useSpan();
  const { live } = fresh;
  if (!live) return <Notice title={t("runs.noLive")} height={120} />;
  const facts: [string, React.ReactNode][] = [
    [
      t("overview.runState"),
      live.error ? (
        <span className="bad" role="alert">
          {t("runs.failsSince", { since: live.since ? formatSecond(live.since) : "–" })} {live.error}
        </span>
      ) : live.ready ? (
        <span className="good">{t("runs.well")}</span>
      ) : (
        t("runs.building")
      ),
    ],
    [t("common.asOf"), <span className="number">{live.as_of ? formatSecond(live.as_of) : "–"}</span>],
    [t("runs.lag"), span(live.lag_ms)],
    [t("runs.subjects"), formatCount(live.subjects)],
    [t("runs.leaves"), formatCount(live.leaves)],
    [t("runs.memory"), formatBytes(live.bytes)],
    [t("runs.decided"), formatCount(live.decided)],
    [t("runs.changes"), formatCount(live.changes)],
    [t("runs.woken"), formatCount(live.woken)],
    [t("runs.builds"), formatCount(live.builds)],
    [t("runs.repaired"), <span className={live.repaired > 0 ? "bad" : undefined}>{formatCount(live.repaired)}</span>],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, content]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="number">{content}</dd>
        </div>
      ))}
    </dl>
  );
}
