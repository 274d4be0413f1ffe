import { Table } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { useTagValues } from "../../api/queries";
import type { Tag, TagValues } from "../../api/types";
import { RuleText } from "../../rule/RuleText";
import { BarChart } from "../../ui/BarChart";
import { formatCount, formatDecimal, formatInstant, formatShare } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { Loaded, Notice } from "../../ui/states";
import { useSpan } from "../runs/useSpan";
import { useValueText } from "../../ui/ValueText";
import { useList, useWords } from "../../ui/words";
import { useClassName } from "./useClasses";

export function TagMeaning({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  return (
    <div className="columns columns-wide-narrow">
      <div className="stack">
        <Panel title={t("tag.rule")}>
          <Rule tag={tag} />
        </Panel>
        <Panel title={t("tag.distribution")}>
          <Distribution tag={tag} />
        </Panel>
      </div>
      <Panel>
        <Facts tag={tag} />
      </Panel>
    </div>
  );
}

function Facts({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const className = useClassName();
  const list = useList();
  const keep = !tag.keep ? t("tag.keepNo") : tag.keep === "once" ? t("tag.keepOnce") : t("tag.keepFor", { span: tag.keep });
  const facts: [string, React.ReactNode][] = [
    [t("tag.category"), <Link to={`/tags?category=${encodeURIComponent(tag.category)}`}>{tag.category_name}</Link>],
    [t("tag.classes"), list(tag.classes.map(className)) || t("common.none")],
    [t("tag.owner"), tag.owner || t("common.none")],
    [t("tag.refresh"), t(`refresh.${tag.refresh}`)],
    [t("tag.valueKind"), `${t(`valueKind.${tag.value_kind}`)} · ${tag.multi ? t("tag.multi") : t("tag.single")}`],
  ];
  if (tag.kind === "rule") facts.push([t("tag.keep"), keep]);
  if (tag.rfm) facts.push([t("tag.rfm"), tag.rfm]);
  facts.push([t("common.asOf"), <TagFresh tag={tag} />]);
  if (tag.next_run) facts.push([t("runs.nextRun"), <span className="number">{formatInstant(tag.next_run)}</span>]);
  facts.push([t("tag.updated"), t("tag.updatedBy", { at: formatInstant(tag.updated), by: tag.actor })]);
  return (
    <dl className="facts">
      {facts.map(([name, content]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{content}</dd>
        </div>
      ))}
    </dl>
  );
}

/** At which instant the tag is right. */
function TagFresh({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const span = useSpan();
  const at = tag.as_of ?? tag.computed_at;
  if (!at) return <>{t("common.notYet")}</>;
  return (
    <>
      <span className="number">{formatInstant(at)}</span> <span className="quiet">{tag.lag_ms !== undefined && t("runs.ago", { span: span(tag.lag_ms) })}</span>
    </>
  );
}

function Rule({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const words = useWords();
  return (
    <>
      {tag.kind === "manual" && (
        <>
          <p>{t("tag.manualRule")}</p>
          {tag.values && tag.values.length > 0 && (
            <p>
              <span className="quiet">{t("tag.allowed")} </span>
              {tag.values.map((value) => (
                <span key={value} className="value-chip">
                  {value}
                </span>
              ))}
            </p>
          )}
        </>
      )}
      {tag.value && (
        <>
          <p className="rule-sentence">{words(tag.sentence)}</p>
          <RuleText text={tag.value} />
          {tag.bands && tag.bands.length > 0 && (
            <p className="bands">
              <span className="quiet">{t("tag.bands")} </span>
              {tag.bands.map((band) => (
                <span key={band.value} className="value-chip">
                  {band.value} <small>{band.below === undefined ? t("tag.rest") : t("tag.below", { below: formatDecimal(band.below) })}</small>
                </span>
              ))}
            </p>
          )}
        </>
      )}
      {tag.cases && tag.cases.length > 0 && (
        <>
          {tag.cases.length > 1 && <p className="quiet small">{tag.multi ? t("tag.caseAll") : t("tag.caseOrder")}</p>}
          <ol className="cases">
            {tag.cases.map((each, index) => (
              <li key={index}>
                <span className="value-chip value-chip-strong">{each.value}</span>
                <div>
                  <p className="rule-sentence">{words(each.sentence)}</p>
                  <RuleText text={each.when} />
                </div>
              </li>
            ))}
          </ol>
        </>
      )}
      {tag.warnings.map((warning) => (
        <p key={`${warning.location} ${warning.message}`} className="warn">
          {warning.message}
          {warning.hint && <span className="quiet"> {t("rule.hint", { hint: warning.hint })}</span>}
        </p>
      ))}
    </>
  );
}

function Distribution({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const query = useTagValues(tag.key);
  const behind = tag.kind === "rule" && tag.computed_at !== undefined && Date.parse(tag.updated) > Date.parse(tag.computed_at);
  return (
    <>
      {behind && <p className="warn">{t("tag.behind")}</p>}
      <Loaded query={query} height={220}>
        {(values) => <Values tag={tag} values={values} />}
      </Loaded>
    </>
  );
}

const mostBars = 12;

function Values({ tag, values }: { tag: Tag; values: TagValues }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const valueText = useValueText();
  const toMembers = (value: string) => `/tags/${encodeURIComponent(tag.key)}?tab=members&value=${encodeURIComponent(value)}`;
  const bars = useMemo(
    () => values.items.slice(0, mostBars).map((item) => ({ key: item.value.text, label: valueText(item.value), count: item.count })),
    // The texts change with the language only, and then everything is drawn again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [values.items, t],
  );
  if (values.held === 0) return <Notice title={t("tag.noMembers")} hint={t("tag.noMembersHint")} height={160} />;
  const whole = values.held + values.absent;
  return (
    <>
      {values.number && (
        <div className="number-facts">
          {(["min", "median", "mean", "max"] as const).map((which) => (
            <div key={which}>
              <span className="quiet">{t({ min: "tag.numberMin", median: "tag.numberMedian", mean: "tag.numberMean", max: "tag.numberMax" }[which] as "tag.numberMin")}</span>
              <b className="number">{formatDecimal(values.number?.[which] ?? "")}</b>
            </div>
          ))}
        </div>
      )}
      <div className="distribution">
        <BarChart bars={bars} label={t("tag.distribution")} onOpen={(value) => void navigate(toMembers(value))} />
        <Table
          size="small"
          rowKey={(item) => item.value.text}
          pagination={values.items.length > 20 ? { pageSize: 20, size: "small", showSizeChanger: false } : false}
          dataSource={values.items}
          columns={[
            { title: t("tag.value"), key: "value", ellipsis: true, render: (_, item) => <Link to={toMembers(item.value.text)}>{valueText(item.value)}</Link> },
            { title: t("tag.count"), dataIndex: "count", align: "right", width: 90, render: (count: number) => <span className="number">{formatCount(count)}</span> },
            { title: t("tag.share"), key: "share", align: "right", width: 76, render: (_, item) => <span className="number quiet">{formatShare(item.count, whole)}</span> },
          ]}
          summary={() => (
            <Table.Summary.Row>
              <Table.Summary.Cell index={0}>
                <span className="quiet">{t("tag.absent")}</span>
              </Table.Summary.Cell>
              <Table.Summary.Cell index={1} align="right">
                <span className="number quiet">{formatCount(values.absent)}</span>
              </Table.Summary.Cell>
              <Table.Summary.Cell index={2} align="right">
                <span className="number quiet">{formatShare(values.absent, whole)}</span>
              </Table.Summary.Cell>
            </Table.Summary.Row>
          )}
        />
      </div>
      <p className="quiet small">
        {t("tag.held", { held: values.held })}
        {values.more && ` · ${t("tag.moreValues")}`}
      </p>
    </>
  );
}
