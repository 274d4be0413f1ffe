import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Progress, Table } from "antd";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { useAllowed } from "../../api/permissions";
import { joined, useRuns } from "../../api/queries";
import type { Run } from "../../api/types";
import { formatCount, formatInstant, formatRate, formatSecond } from "../../ui/format";
import { More } from "../../ui/More";
import { useShowProblem } from "../../ui/problems";
import { Loaded, Notice } from "../../ui/states";
import { RunDetail } from "./RunDetail";
import { RunState, useDuration } from "./RunState";

/** Runs, the latest first; each opens to what it did. */
export function RunList() {
  const { t } = useTranslation();
  const duration = useDuration();
  const query = useRuns();
  const runs = joined(query.data);
  return (
    <Loaded query={query} height={320}>
      {() =>
        runs.length === 0 ? (
          <Notice title={t("overview.recentEmpty")} hint={t("overview.neverHint")} height={180} />
        ) : (
          <>
            <Table
              size="small"
              rowKey="id"
              className="runs-table"
              pagination={false}
              dataSource={runs}
              expandable={{ rowExpandable: (run) => run.state !== "running", expandedRowRender: (run) => <RunDetail run={run} /> }}
              columns={[
                { title: t("runs.number"), dataIndex: "id", width: 70, render: (id: string) => <span className="number">{id}</span> },
                {
                  title: t("overview.runKind"),
                  key: "kind",
                  width: 120,
                  render: (_, run) => t(`runKind.${run.kind}`),
                },
                { title: t("runs.by"), key: "by", width: 110, render: (_, run) => run.by ?? <span className="quiet">{t("runs.bySystem")}</span> },
                { title: t("runs.started"), dataIndex: "started", width: 170, render: (at: string) => <span className="number">{formatSecond(at)}</span> },
                { title: t("overview.runAsOf"), dataIndex: "as_of", width: 150, render: (at: string) => <span className="number">{formatInstant(at)}</span> },
                { title: t("overview.runState"), key: "state", render: (_, run) => (run.state === "running" ? <Going run={run} /> : <Ended run={run} />) },
                { title: t("overview.entered"), dataIndex: "entered", align: "right", width: 90, render: (count: number) => <span className="number">{formatCount(count)}</span> },
                { title: t("overview.left"), dataIndex: "left", align: "right", width: 90, render: (count: number) => <span className="number">{formatCount(count)}</span> },
                { title: t("overview.took"), dataIndex: "took_ms", align: "right", width: 100, render: (ms: number) => <span className="number">{duration(ms)}</span> },
              ]}
            />
            <More shown={runs.length} query={query} />
          </>
        )
      }
    </Loaded>
  );
}

function Ended({ run }: { run: Run }) {
  const { t } = useTranslation();
  return (
    <>
      <RunState run={run} />
      {run.repaired > 0 && <span className="bad"> {t("runs.repairedCount", { count: run.repaired })}</span>}
      {run.error && <span className="bad"> {run.error}</span>}
    </>
  );
}

/** How far a run is, and the way to end it. */
function Going({ run }: { run: Run }) {
  const { t } = useTranslation();
  const duration = useDuration();
  const { modal, message } = App.useApp();
  const client = useQueryClient();
  const showProblem = useShowProblem();
  const mayCancel = useAllowed("compute");
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id: run.id } } })),
    onSuccess: () => void message.success(t("runs.cancelled")),
    onError: showProblem,
    onSettled: () => void client.invalidateQueries({ queryKey: ["runs"] }),
  });
  const share = run.all ? ((run.done ?? 0) / run.all) * 100 : 0;
  return (
    <div className="run-going">
      <Progress percent={Math.floor(share)} size="small" status="active" aria-label={t("overview.running")} />
      <span className="quiet small number">
        {(run.passes ?? 1) > 1 && `${t("runs.pass", { pass: run.pass ?? 1, passes: run.passes ?? 1 })} · `}
        {t("overview.progress", { done: run.done ?? 0, all: run.all ?? 0 })}
        {run.rate !== undefined && ` · ${t("runs.customersPerSecond", { rate: formatRate(run.rate) })}`}
        {run.left_ms !== undefined && ` · ${t("runs.timeLeft", { left: duration(run.left_ms) })}`}
      </span>
      {mayCancel && run.kind !== "live" && (
        <Button
          size="small"
          danger
          loading={cancel.isPending || run.cancelling}
          onClick={() => modal.confirm({ title: t("runs.cancelTitle", { id: run.id }), content: t("runs.cancelHint"), okText: t("runs.cancel"), okButtonProps: { danger: true }, cancelText: t("common.close"), onOk: () => cancel.mutate() })}
        >
          {t("runs.cancel")}
        </Button>
      )}
    </div>
  );
}
