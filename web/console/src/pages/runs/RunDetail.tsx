import { Checkbox, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useRun } from "../../api/queries";
import type { Run, RunTag } from "../../api/types";
import { formatCount, formatDecimal } from "../../ui/format";
import { Loaded, Notice } from "../../ui/states";

/** What a run changed, tag by tag, and with which parameters. */
export function RunDetail({ run }: { run: Run }) {
  const { t } = useTranslation();
  const query = useRun(run.id);
  const [all, setAll] = useState(false);
  return (
    <Loaded query={query} height={140}>
      {(detail) => {
        const changed = detail.tags.filter((tag) => tag.entered + tag.left > 0);
        const parameters = Object.entries(detail.parameters);
        return (
          <div className="run-detail">
            <div className="inline">
              <span className="quiet">{t("runs.detail", { tags: detail.tags.length, changed: changed.length })}</span>
              {changed.length < detail.tags.length && (
                <Checkbox checked={all} onChange={(event) => setAll(event.target.checked)}>
                  {t("runs.showAll")}
                </Checkbox>
              )}
            </div>
            <Tags tags={all ? detail.tags : changed} />
            {parameters.length > 0 && (
              <>
                <h3>{t("runs.parameters")}</h3>
                <ul className="plain-list">
                  {parameters.map(([expression, values]) => (
                    <li key={expression}>
                      <code>{expression}</code> = <span className="number">{values.map((value) => (value ? shortened(value) : "–")).join(", ")}</span>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

/** A parameter is exact, and may have many digits. */
function shortened(value: string): string {
  return value.length <= 20 ? formatDecimal(value) : `${value.slice(0, 20)}…`;
}

function Tags({ tags }: { tags: RunTag[] }) {
  const { t } = useTranslation();
  if (tags.length === 0) return <Notice title={t("runs.nothingChanged")} height={72} />;
  return (
    <Table
      size="small"
      rowKey={(tag) => `${tag.kind} ${tag.key}`}
      pagination={tags.length > 20 ? { pageSize: 20, showSizeChanger: false } : false}
      dataSource={tags}
      columns={[
        {
          title: t("runs.tag"),
          key: "name",
          render: (_, tag) => <Link to={`/${tag.kind === "segment" ? "segments" : "tags"}/${encodeURIComponent(tag.key)}`}>{tag.name}</Link>,
        },
        { title: t("tags.held"), dataIndex: "held", align: "right", render: (count: number) => <span className="number">{formatCount(count)}</span> },
        { title: t("overview.entered"), dataIndex: "entered", align: "right", render: (count: number) => <span className="number">{formatCount(count)}</span> },
        { title: t("overview.left"), dataIndex: "left", align: "right", render: (count: number) => <span className="number">{formatCount(count)}</span> },
        {
          title: t("runs.cause"),
          key: "cause",
          render: (_, tag) => (
            <>
              {tag.cause ? t(`cause.${tag.cause}` as "cause.run", { defaultValue: tag.cause }) : <span className="quiet">–</span>}
              {tag.repaired !== undefined && <span className="bad"> {t("runs.repairedCount", { count: tag.repaired })}</span>}
            </>
          ),
        },
      ]}
    />
  );
}
