import { PlusOutlined } from "@ant-design/icons";
import { Button, Input, Select, Table } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useAllowed } from "../../api/permissions";
import { joined, useCategories, useTags } from "../../api/queries";
import type { TagSummary } from "../../api/types";
import { formatCount, formatInstant } from "../../ui/format";
import { More } from "../../ui/More";
import { Page } from "../../ui/Page";
import { rowKeys } from "../../ui/rowKeys";
import { Loaded, Notice } from "../../ui/states";
import { useSettled } from "../../ui/useSettled";
import { CategoryTree } from "./CategoryTree";
import { useClassName, useClassOptions } from "./useClasses";

/** The tree of categories beside the table of tags. What is chosen stands in the address. */
export function TagsPage() {
  const { t } = useTranslation();
  const mayEdit = useAllowed("define");
  const categories = useCategories();
  const [params, setParams] = useSearchParams();
  const filter = {
    category: params.get("category") ?? "",
    q: params.get("q") ?? "",
    class: params.get("class") ?? "",
    owner: params.get("owner") ?? "",
    kind: params.get("kind") ?? "",
  };
  const choose = (change: Partial<typeof filter>) =>
    setParams(
      (before) => {
        for (const [key, value] of Object.entries(change)) {
          if (value) before.set(key, value);
          else before.delete(key);
        }
        return before;
      },
      { replace: true },
    );

  return (
    <Page
      title={t("tags.title")}
      actions={
        mayEdit && (
          <Link to="/tags/new">
            <Button type="primary" icon={<PlusOutlined />} tabIndex={-1}>
              {t("tags.create")}
            </Button>
          </Link>
        )
      }
    >
      <div className="tags-layout">
        <aside className="panel panel-flush tags-tree">
          <Loaded query={categories} height={420}>
            {(data) => <CategoryTree categories={data.items} chosen={filter.category} onChoose={(category) => choose({ category })} />}
          </Loaded>
        </aside>
        <TagTable filter={filter} choose={choose} mayEdit={mayEdit} />
      </div>
    </Page>
  );
}

interface Filter {
  category: string;
  q: string;
  class: string;
  owner: string;
  kind: string;
}

function TagTable({ filter, choose, mayEdit }: { filter: Filter; choose: (change: Partial<Filter>) => void; mayEdit: boolean }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const className = useClassName();
  const classOptions = useClassOptions();
  const [q, setQ] = useState(filter.q);
  const settled = useSettled(q, 200);
  useEffect(() => {
    if (settled !== filter.q) choose({ q: settled });
    // Only what is typed changes the address here, not the address itself.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);

  const query = useTags({
    category: filter.category || undefined,
    q: filter.q || undefined,
    class: filter.class || undefined,
    owner: filter.owner || undefined,
    kind: filter.kind === "rule" || filter.kind === "manual" ? filter.kind : undefined,
  });
  const tags = joined(query.data);
  const owners = useOwners(tags);
  const filtered = Object.values(filter).some(Boolean);
  const clear = () => {
    setQ("");
    choose({ category: "", q: "", class: "", owner: "", kind: "" });
  };

  return (
    <section className="panel panel-flush tags-table">
      <div className="filters">
        <Input.Search
          allowClear
          value={q}
          onChange={(event) => setQ(event.target.value)}
          placeholder={t("tags.filter")}
          aria-label={t("tags.filter")}
          style={{ width: 250 }}
        />
        <Select
          allowClear
          placeholder={t("tags.class")}
          aria-label={t("tags.class")}
          value={filter.class || undefined}
          onChange={(value?: string) => choose({ class: value ?? "" })}
          options={classOptions}
          style={{ width: 130 }}
        />
        <Select
          allowClear
          placeholder={t("tags.owner")}
          aria-label={t("tags.owner")}
          value={filter.owner || undefined}
          onChange={(value?: string) => choose({ owner: value ?? "" })}
          options={owners.map((owner) => ({ value: owner, label: owner }))}
          style={{ width: 120 }}
        />
        <Select
          allowClear
          placeholder={t("tags.kind")}
          aria-label={t("tags.kind")}
          value={filter.kind || undefined}
          onChange={(value?: string) => choose({ kind: value ?? "" })}
          options={[
            { value: "rule", label: t("tags.kindRule") },
            { value: "manual", label: t("tags.kindManual") },
          ]}
          style={{ width: 110 }}
        />
        <span className="faint filters-end filters-keys">{t("tags.keys")}</span>
      </div>
      <Loaded query={query} height={420}>
        {(data) =>
          tags.length === 0 ? (
            filtered ? (
              <Notice height={300} title={t("tags.noMatch")} hint={t("tags.noMatchHint")} action={<Button onClick={clear}>{t("tags.clear")}</Button>} />
            ) : (
              <Notice height={300} title={t("tags.empty")} hint={mayEdit ? t("tags.emptyHint") : t("tags.emptyViewer")} />
            )
          ) : (
            <>
              <Table
                size="small"
                rowKey="key"
                pagination={false}
                dataSource={tags}
                loading={query.isPlaceholderData}
                onRow={(tag) => rowKeys(() => void navigate(`/tags/${encodeURIComponent(tag.key)}`))}
                scroll={{ x: 640 }}
                columns={[
                  {
                    title: t("tags.name"),
                    key: "name",
                    width: 240,
                    render: (_, tag: TagSummary) => (
                      <div className="tag-name">
                        <Link to={`/tags/${encodeURIComponent(tag.key)}`} tabIndex={-1}>
                          {tag.name}
                        </Link>
                        <small>
                          {tag.kind === "manual" && <span className="by-hand">{t("tags.kindManual")}</span>}
                          {tag.classes.map(className).join(" · ")}
                        </small>
                      </div>
                    ),
                  },
                  { title: t("tags.purpose"), dataIndex: "purpose", ellipsis: true, render: (text: string) => <span className="quiet">{text}</span> },
                  {
                    title: t("tags.held"),
                    dataIndex: "held",
                    align: "right",
                    width: 96,
                    render: (held?: number) =>
                      held === undefined ? <span className="faint">{t("common.notYet")}</span> : <span className="number">{formatCount(held)}</span>,
                  },
                  { title: t("tags.refresh"), dataIndex: "refresh", width: 72, render: (refresh: TagSummary["refresh"]) => t(`refresh.${refresh}`) },
                  { title: t("tags.owner"), dataIndex: "owner", width: 80, ellipsis: true },
                  {
                    title: t("tags.computedAt"),
                    dataIndex: "computed_at",
                    width: 140,
                    responsive: ["xl"],
                    render: (at?: string) => <span className="quiet number">{formatInstant(at)}</span>,
                  },
                ]}
              />
              <More shown={tags.length} total={data.pages[0]?.total} query={query} />
            </>
          )
        }
      </Loaded>
    </section>
  );
}

/** The owners met so far in this list: filtering by one must not take the others away. */
function useOwners(tags: TagSummary[]): string[] {
  const [owners, setOwners] = useState<string[]>([]);
  const met = [...new Set([...owners, ...tags.map((tag) => tag.owner).filter(Boolean)])];
  if (met.length > owners.length) setOwners(met);
  return met.sort((a, b) => a.localeCompare(b, "zh"));
}
