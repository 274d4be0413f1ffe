import { Select, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useTagVersions } from "../../api/queries";
import type { Tag, Version } from "../../api/types";
import { Diff } from "../../ui/Diff";
import { formatInstant } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { Loaded } from "../../ui/states";

export function TagVersions({ tag }: { tag: Tag }) {
  const query = useTagVersions(tag.key);
  return (
    <Loaded query={query} height={320}>
      {(data) => <Versions versions={data.items} />}
    </Loaded>
  );
}

/** The versions, the latest first, and the difference of two. */
function Versions({ versions }: { versions: Version[] }) {
  const { t } = useTranslation();
  const [newer, setNewer] = useState(versions[0]?.version);
  const [older, setOlder] = useState(versions[1]?.version);
  const options = versions.map((each) => ({ value: each.version, label: `${each.version} · ${formatInstant(each.at)} · ${each.actor}` }));
  const body = (version: string | undefined) => versions.find((each) => each.version === version)?.body;
  return (
    <div className="stack">
      <Panel flush>
        <Table
          size="small"
          rowKey="version"
          pagination={false}
          dataSource={versions}
          columns={[
            { title: t("tag.version"), dataIndex: "version", width: 90, render: (version: string) => <span className="number">{version}</span> },
            { title: t("tag.at"), dataIndex: "at", width: 170, render: (at: string) => <span className="number">{formatInstant(at)}</span> },
            { title: t("tag.by"), dataIndex: "actor", width: 120 },
            { title: t("tag.reason"), dataIndex: "reason", render: (reason?: string) => reason || <span className="faint">–</span> },
          ]}
        />
      </Panel>
      <Panel title={t("tag.compare")}>
        {versions.length < 2 ? (
          <p className="quiet">{t("tag.oneVersion")}</p>
        ) : (
          <>
            <div className="compare">
              <label>
                {t("tag.older")} <Select value={older} onChange={setOlder} options={options} style={{ width: 280 }} />
              </label>
              <label>
                {t("tag.newer")} <Select value={newer} onChange={setNewer} options={options} style={{ width: 280 }} />
              </label>
            </div>
            <Diff before={body(older)} after={body(newer)} />
          </>
        )}
      </Panel>
    </div>
  );
}
