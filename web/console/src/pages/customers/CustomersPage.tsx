import { Input, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useCustomerSearch } from "../../api/queries";
import { Page } from "../../ui/Page";
import { rowKeys } from "../../ui/rowKeys";
import { Loaded, Notice } from "../../ui/states";
import { IdentifierText } from "./IdentifierText";

/** Finds customers by any identifier. */
export function CustomersPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const q = (params.get("q") ?? "").trim();
  const [text, setText] = useState(q);
  const query = useCustomerSearch(q, 50);
  const page = (id: string) => `/customers/${encodeURIComponent(id)}`;
  return (
    <Page title={t("customers.title")}>
      <section className="panel panel-flush">
        <div className="filters">
          <Input.Search
            autoFocus
            allowClear
            size="large"
            value={text}
            placeholder={t("customers.placeholder")}
            aria-label={t("customers.searchTitle")}
            onChange={(event) => setText(event.target.value)}
            onSearch={(given) => setParams(given.trim() ? { q: given.trim() } : {})}
            style={{ maxWidth: 520 }}
            enterButton
          />
        </div>
        {q === "" ? (
          <Notice title={t("customers.start")} hint={t("customers.startHint")} height={300} />
        ) : (
          <Loaded query={query} height={300}>
            {(data) =>
              data.items.length === 0 ? (
                <Notice title={t("customers.none", { q })} hint={t("customers.noneHint")} height={300} />
              ) : (
                <Table
                  size="small"
                  rowKey="customer"
                  pagination={false}
                  dataSource={data.items}
                  loading={query.isPlaceholderData}
                  onRow={(hit) => rowKeys(() => void navigate(page(hit.id)))}
                  columns={[
                    {
                      title: t("tag.customer"),
                      key: "id",
                      width: 260,
                      render: (_, hit) => (
                        <Link to={page(hit.id)} tabIndex={-1}>
                          {hit.name ?? <span className="mono">{hit.id}</span>}
                        </Link>
                      ),
                    },
                    {
                      title: t("customers.identifiers"),
                      key: "identifiers",
                      render: (_, hit) => (
                        <span className="identifiers-line">
                          {hit.identifiers.map((each) => (
                            <IdentifierText key={`${each.kind}:${each.value}`} identifier={each} />
                          ))}
                        </span>
                      ),
                    },
                  ]}
                />
              )
            }
          </Loaded>
        )}
      </section>
    </Page>
  );
}
