import { Button, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useAllowed } from "../../api/permissions";
import { joined, useTagAssignments } from "../../api/queries";
import type { Assignment, Tag } from "../../api/types";
import { formatInstant } from "../../ui/format";
import { More } from "../../ui/More";
import { Panel } from "../../ui/Page";
import { Loaded, Notice } from "../../ui/states";
import { AssignDialog } from "./AssignDialog";

/** What people have set or taken away by hand. */
export function TagAssignments({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const mayAssign = useAllowed("assign");
  const query = useTagAssignments(tag.key);
  const rows = joined(query.data);
  const [assigning, setAssigning] = useState(false);
  return (
    <Panel flush>
      <p className="panel-note quiet">{t("assign.pinned")}</p>
      <Loaded query={query} height={280}>
        {(data) =>
          rows.length === 0 ? (
            <Notice
              height={220}
              title={t("assign.empty")}
              action={mayAssign && <Button onClick={() => setAssigning(true)}>{t("tag.assign")}</Button>}
            />
          ) : (
            <>
              <Table
                size="small"
                rowKey="id"
                pagination={false}
                dataSource={rows}
                columns={[
                  {
                    title: t("tag.customer"),
                    dataIndex: "customer",
                    render: (id: string) => (
                      <Link to={`/customers/${encodeURIComponent(id)}`} className="mono">
                        {id}
                      </Link>
                    ),
                  },
                  {
                    title: t("assign.action"),
                    key: "action",
                    render: (_, row: Assignment) => (
                      <>
                        {t(`assign.${row.action}`)} {row.value && <span className="value-chip">{row.value}</span>}
                      </>
                    ),
                  },
                  { title: t("tag.at"), dataIndex: "at", render: (at: string) => <span className="number">{formatInstant(at)}</span> },
                  { title: t("assign.until"), dataIndex: "until", render: (until?: string) => <span className="number">{formatInstant(until)}</span> },
                  { title: t("tag.by"), dataIndex: "by" },
                  { title: t("assign.reason"), dataIndex: "reason", ellipsis: true },
                ]}
              />
              <More shown={rows.length} total={data.pages[0]?.total} query={query} />
            </>
          )
        }
      </Loaded>
      {assigning && <AssignDialog tag={tag} onClose={() => setAssigning(false)} />}
    </Panel>
  );
}
