import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { joined, useTagMembers, useTagValues } from "../../api/queries";
import type { Tag } from "../../api/types";
import { CustomerTable } from "../../ui/CustomerTable";
import { formatCount, formatInstant } from "../../ui/format";
import { More } from "../../ui/More";
import { Panel } from "../../ui/Page";
import { Loaded, Notice } from "../../ui/states";
import { useValueText } from "../../ui/ValueText";

export function TagMembers({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const valueText = useValueText();
  const [params, setParams] = useSearchParams();
  const value = params.get("value") ?? undefined;
  const values = useTagValues(tag.key);
  const query = useTagMembers(tag.key, value);
  const members = joined(query.data);
  const first = query.data?.pages[0];
  const choose = (next?: string) => setParams(next ? { tab: "members", value: next } : { tab: "members" }, { replace: true });
  return (
    <Panel flush>
      <div className="filters">
        <Select
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          placeholder={t("tag.filterValue")}
          aria-label={t("tag.filterValue")}
          value={value}
          onChange={choose}
          style={{ width: 240 }}
          options={(values.data?.items ?? []).map((item) => ({
            value: item.value.text,
            label: `${valueText(item.value)} · ${formatCount(item.count)}`,
          }))}
        />
        <span className="faint filters-end">{first?.as_of && t("tag.membersAsOf", { asOf: formatInstant(first.as_of) })}</span>
      </div>
      <Loaded query={query} height={360}>
        {() =>
          members.length === 0 ? (
            <Notice
              title={first?.as_of || tag.kind === "manual" ? t("tag.noMembers") : t("common.notYet")}
              hint={first?.as_of || tag.kind === "manual" ? undefined : t("tag.noMembersHint")}
              height={240}
            />
          ) : (
            <>
              <CustomerTable header values members={members} loading={query.isPlaceholderData} />
              <More shown={members.length} total={first?.total} query={query} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
