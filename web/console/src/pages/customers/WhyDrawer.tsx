import { CheckCircleFilled, CloseCircleFilled } from "@ant-design/icons";
import { Alert, Drawer } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useExplanation } from "../../api/queries";
import type { Explanation, Leaf } from "../../api/types";
import { RuleText } from "../../rule/RuleText";
import { AsOf } from "../../ui/AsOf";
import { formatInstant } from "../../ui/format";
import { Loaded, Notice } from "../../ui/states";
import { useValueText } from "../../ui/ValueText";
import { useWords } from "../../ui/words";
import { Properties } from "./Timeline";

export interface WhyOf {
  kind: "tag" | "segment";
  key: string;
  name: string;
}

/** Why a customer carries a tag, today or on an earlier day: every condition with what was measured and what proves it. */
export function WhyDrawer({ id, of, onClose }: { id: string; of: WhyOf | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const [asOf, setAsOf] = useState<string>();
  const query = useExplanation(id, of && { [of.kind]: of.key }, asOf);
  return (
    <Drawer
      open={of !== undefined}
      onClose={() => {
        setAsOf(undefined);
        onClose();
      }}
      size={560}
      title={of && t("common.titled", { title: of.kind === "tag" ? t("customer.why") : t("customer.whySegment"), name: of.name })}
      destroyOnHidden
    >
      {of && <AsOf value={asOf} onChange={setAsOf} />}
      {of && (
        <Loaded query={query} height={360}>
          {(explanation) => <Why explanation={explanation} of={of} />}
        </Loaded>
      )}
    </Drawer>
  );
}

function Why({ explanation, of }: { explanation: Explanation; of: WhyOf }) {
  const { t } = useTranslation();
  const words = useWords();
  return (
    <div className="explanation">
      <p className="quiet small gap-above">
        {t("customer.explainedAsOf", { asOf: formatInstant(explanation.as_of) })} ·{" "}
        <Link to={`/${of.kind}s/${encodeURIComponent(of.key)}`}>{of.kind === "tag" ? t("customer.openTag") : of.name}</Link>
      </p>
      {!explanation.in_universe ? (
        <Notice title={t("customer.notInUniverse")} height={160} />
      ) : (
        <>
          <Answer explanation={explanation} of={of} />
          {explanation.by_hand && explanation.by_hand.action !== "release" && (
            <Alert
              type="info"
              className="gap-below"
              title={t("customer.byHand", { by: explanation.by_hand.by, at: formatInstant(explanation.by_hand.at) })}
              description={
                <>
                  {explanation.by_hand.reason && <div>{t("customer.byHandReason", { reason: explanation.by_hand.reason })}</div>}
                  {explanation.by_hand.until && <div>{t("customer.byHandUntil", { until: formatInstant(explanation.by_hand.until) })}</div>}
                </>
              }
            />
          )}
          <p className="rule-sentence">{words(explanation.sentence)}</p>
          {explanation.leaves.length > 0 && (
            <>
              <h3>{t("customer.leaves")}</h3>
              <ul className="leaves">
                {explanation.leaves.map((leaf, index) => (
                  <LeafRow key={index} leaf={leaf} />
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </div>
  );
}

function Answer({ explanation, of }: { explanation: Explanation; of: WhyOf }) {
  const { t } = useTranslation();
  const valueText = useValueText();
  const { answer, case: value } = explanation;
  const holds = answer?.text === "true";
  let text: string;
  if (of.kind === "segment") text = holds ? t("customer.answerIn") : t("customer.answerOut");
  else if (value !== undefined) text = holds ? t("customer.caseHeld", { value }) : t("customer.caseFailed", { value });
  else text = answer ? valueText(answer) : t("customer.answerNone");
  return (
    <p className="answer">
      <span className="quiet">{t("customer.answer")}</span> <b>{text}</b>
    </p>
  );
}

function LeafRow({ leaf }: { leaf: Leaf }) {
  const { t } = useTranslation();
  const words = useWords();
  const valueText = useValueText();
  return (
    <li>
      <div className="leaf-head">
        {leaf.holds === true && <CheckCircleFilled className="good" aria-label={t("customer.holds")} />}
        {leaf.holds === false && <CloseCircleFilled className="bad" aria-label={t("customer.fails")} />}
        <span>{words(leaf.sentence)}</span>
        {leaf.value && <b className="leaf-value">{t("customer.measured", { value: valueText(leaf.value) })}</b>}
      </div>
      <RuleText text={leaf.text} />
      {leaf.notes?.map((note) => (
        <p key={note} className="quiet small">
          {note}
        </p>
      ))}
      {leaf.events.length > 0 && (
        <ol className="proof">
          {leaf.events.map((event, index) => (
            <li key={index}>
              <time className="number quiet" dateTime={event.at}>
                {formatInstant(event.at)}
              </time>{" "}
              <b className="event-name">{event.name}</b>
              <Properties properties={event.properties} />
            </li>
          ))}
          {leaf.more !== undefined && leaf.more > 0 && <li className="faint">{t("customer.moreEvents", { count: leaf.more })}</li>}
        </ol>
      )}
    </li>
  );
}
