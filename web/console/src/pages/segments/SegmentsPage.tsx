import { Button, Input, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { joined, useSegments } from "../../api/queries";
import { formatCount } from "../../ui/format";
import { More } from "../../ui/More";
import { Page } from "../../ui/Page";
import { rowKeys } from "../../ui/rowKeys";
import { Loaded, Notice } from "../../ui/states";
import { useSettled } from "../../ui/useSettled";

export function SegmentsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [q, setQ] = useState("");
  const settled = useSettled(q.trim(), 200);
  const query = useSegments(settled);
  const segments = joined(query.data);
  return (
    <Page title={t("segments.title")}>
      <section className="panel panel-flush">
        <div className="filters">
          <Input.Search allowClear value={q} onChange={(event) => setQ(event.target.value)} placeholder={t("segments.filter")} aria-label={t("segments.filter")} style={{ width: 250 }} />
          <span className="faint filters-end filters-keys">{t("tags.keys")}</span>
        </div>
        <Loaded query={query} height={360}>
          {(data) =>
            segments.length === 0 ? (
              settled ? (
                <Notice title={t("tags.noMatch")} hint={t("tags.noMatchHint")} height={260} />
              ) : (
                <Notice
                  title={t("segments.empty")}
                  hint={t("segments.emptyHint")}
                  height={260}
                  action={<Button onClick={() => void navigate("/query")}>{t("segments.openQuery")}</Button>}
                />
              )
            ) : (
              <>
                <Table
                  size="small"
                  rowKey="key"
                  pagination={false}
                  dataSource={segments}
                  onRow={(segment) => rowKeys(() => void navigate(`/segments/${encodeURIComponent(segment.key)}`))}
                  columns={[
                    {
                      title: t("segments.name"),
                      dataIndex: "name",
                      width: 280,
                      render: (name: string, segment) => (
                        <Link to={`/segments/${encodeURIComponent(segment.key)}`} tabIndex={-1}>
                          {name}
                        </Link>
                      ),
                    },
                    { title: t("segments.purpose"), dataIndex: "purpose", ellipsis: true, render: (text: string) => <span className="quiet">{text || "–"}</span> },
                    {
                      title: t("segments.held"),
                      dataIndex: "held",
                      width: 110,
                      align: "right",
                      render: (held?: number) => (held === undefined ? <span className="faint">{t("common.notYet")}</span> : <span className="number">{formatCount(held)}</span>),
                    },
                    { title: t("segments.owner"), dataIndex: "owner", width: 110, render: (owner: string) => owner || "–" },
                  ]}
                />
                <More shown={segments.length} total={data.pages[0]?.total} query={query} />
              </>
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}
