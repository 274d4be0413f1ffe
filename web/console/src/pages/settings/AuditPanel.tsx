import { Input, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { joined, useAudit } from "../../api/queries";
import type { AuditRow } from "../../api/types";
import { Diff } from "../../ui/Diff";
import { formatSecond } from "../../ui/format";
import { More } from "../../ui/More";
import { Panel } from "../../ui/Page";
import { Allowed, Loaded, Notice } from "../../ui/states";
import { useSettled } from "../../ui/useSettled";

export function AuditPanel() {
  return (
    <Allowed permission="audit">
      <AuditList />
    </Allowed>
  );
}

function AuditList() {
  const { t } = useTranslation();
  const [actor, setActor] = useState("");
  const [object, setObject] = useState("");
  const query = useAudit(useSettled(actor.trim(), 250), useSettled(object.trim(), 250));
  const rows = joined(query.data);
  return (
    <Panel flush>
      <div className="filters">
        <Input allowClear value={actor} onChange={(event) => setActor(event.target.value)} placeholder={t("settings.actor")} aria-label={t("settings.actor")} style={{ width: 180 }} />
        <Input allowClear value={object} onChange={(event) => setObject(event.target.value)} placeholder={t("settings.object")} aria-label={t("settings.object")} style={{ width: 220 }} />
      </div>
      <Loaded query={query} height={360}>
        {() =>
          rows.length === 0 ? (
            <Notice title={t("settings.noAudit")} hint={t("settings.noAuditHint")} height={240} />
          ) : (
            <>
              <Table
                size="small"
                rowKey="id"
                pagination={false}
                dataSource={rows}
                loading={query.isPlaceholderData}
                expandable={{
                  rowExpandable: (row) => row.before !== undefined || row.after !== undefined,
                  expandedRowRender: (row) => <Diff before={row.before ?? {}} after={row.after ?? {}} />,
                }}
                columns={[
                  { title: t("settings.at"), dataIndex: "at", width: 170, render: (at: string) => <span className="number">{formatSecond(at)}</span> },
                  { title: t("settings.actor"), key: "actor", width: 130, render: (_, row: AuditRow) => row.actor.name },
                  { title: t("settings.action"), dataIndex: "action", width: 150, render: (action: string) => <code>{action}</code> },
                  {
                    title: t("settings.object"),
                    key: "object",
                    render: (_, row: AuditRow) => (
                      <>
                        <span className="ref-kind">{row.object.kind}</span> <code>{row.object.key}</code>
                      </>
                    ),
                  },
                  { title: t("settings.outcome"), dataIndex: "outcome", width: 90, render: (outcome: AuditRow["outcome"]) => <span className={outcome === "done" ? "good" : "bad"}>{t(`settings.${outcome}`)}</span> },
                  { title: t("settings.from"), dataIndex: "from", width: 130, render: (from: string) => <span className="quiet number">{from}</span> },
                ]}
              />
              <More shown={rows.length} query={query} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
