import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { PopulationExplanation } from "../../api/types";
import { RuleText } from "../../rule/RuleText";
import { formatCount, formatShare } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { Loaded } from "../../ui/states";
import { useWords } from "../../ui/words";

/** How many fulfil each condition of the rule on its own. */
export function LeavesTable({ query }: { query: UseQueryResult<PopulationExplanation> }) {
  const { t } = useTranslation();
  const words = useWords();
  return (
    <Panel title={t("query.explain")}>
      <Loaded query={query} height={240}>
        {(data) => (
          <ul className="population">
            {data.leaves.map((leaf, index) => {
              const count = leaf.holds ?? leaf.present ?? 0;
              return (
                <li key={index}>
                  <div className="population-head">
                    <span>{words(leaf.sentence)}</span>
                    <b className="number">{formatCount(count)}</b>
                    <span className="number quiet">{formatShare(count, data.customers)}</span>
                  </div>
                  <div className="share-bar" aria-hidden="true">
                    <i style={{ width: `${data.customers > 0 ? (count / data.customers) * 100 : 0}%` }} />
                  </div>
                  <RuleText text={leaf.text} />
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
