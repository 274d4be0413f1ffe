import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { QueryAnswer } from "../../api/types";
import { isCondition } from "../../rule/useRuleCheck";
import { CustomerTable } from "../../ui/CustomerTable";
import { formatCount, formatDuration, formatInstant, formatShare } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { Loaded, Notice } from "../../ui/states";

interface Props {
  count: UseQueryResult<QueryAnswer>;
  sample: UseQueryResult<QueryAnswer>;
  customers: number | undefined;
  extra: ReactNode;
}

/** How many fulfil the rule, and some of them. */
export function QueryResult({ count, sample, customers, extra }: Props) {
  const { t } = useTranslation();
  return (
    <Panel title={count.data && !isCondition(count.data.type) ? t("query.values") : t("query.count")} extra={extra}>
      <Loaded query={count} height={84}>
        {(data) => (
          <div className="query-count">
            <b className="number">{formatCount(data.count)}</b>
            <div className="quiet small">
              {customers !== undefined && <div>{t("query.ofAll", { share: formatShare(data.count, customers) })}</div>}
              <div>
                {t("query.answeredAsOf", { asOf: formatInstant(data.as_of) })} ·{" "}
                {t("query.took", { took: formatDuration(data.took_ms, { ms: t("common.ms"), s: t("common.s"), min: t("common.min") }) })}
              </div>
            </div>
          </div>
        )}
      </Loaded>
      <h3>{t("query.sample")}</h3>
      <Loaded query={sample} height={300}>
        {(data) =>
          (data.items ?? []).length === 0 ? (
            <Notice title={t("query.noneHold")} hint={t("query.noneHoldHint")} height={160} />
          ) : (
            <CustomerTable values={!isCondition(data.type)} members={data.items ?? []} />
          )
        }
      </Loaded>
    </Panel>
  );
}
