import { DownloadOutlined } from "@ant-design/icons";
import { keepPreviousData, useMutation, useQueries, useQuery } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { answer, api } from "../../api/client";
import { useAllowed } from "../../api/permissions";
import { RuleEditor } from "../../rule/RuleEditor";
import { RuleSays } from "../../rule/RuleField";
import { checkQuery, isCondition, useRuleCheck } from "../../rule/useRuleCheck";
import { AsOf } from "../../ui/AsOf";
import { Page, Panel } from "../../ui/Page";
import { useShowProblem } from "../../ui/problems";
import { useList } from "../../ui/words";
import { SegmentDialog } from "../segments/SegmentDialog";
import { download } from "./download";
import { LeavesTable } from "./LeavesTable";
import { QueryResult } from "./QueryResult";

const examples = [
  ["query.example1", 'events.order_paid.last("90d").count() >= 4'],
  ["query.example2", 'traits.level == "金卡" && days_since(events.order_paid.latest().time) > 180'],
  ["query.example3", 'events.view.last("90d").where(e, e.category == "美妆护肤").count() > 0 && events.order_paid.count() == 0'],
  ["query.example4", 'events.order_paid.last("1y").sum(e, e.amount)'],
] as const;

/** Asks who fulfils a rule. What was asked stands in the address, so that it can be passed on. */
export function QueryPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const asked = params.get("q") ?? "";
  const askedAsOf = params.get("as_of") ?? undefined;
  const [text, setText] = useState(asked);
  const [asOf, setAsOf] = useState(askedAsOf);
  const [saving, setSaving] = useState(false);
  const state = useRuleCheck(text);
  const mayEdit = useAllowed("define");

  // Another address (a link, going back) brings its own question.
  useEffect(() => {
    setText(asked);
    setAsOf(askedAsOf);
  }, [asked, askedAsOf]);

  const formatted = state.check?.formatted;
  const ask = () => {
    if (text.trim() === "" || (state.check && !state.check.ok)) return;
    setParams({ q: text, ...(asOf ? { as_of: asOf } : {}) });
  };

  return (
    <Page title={t("query.title")} hint={t("query.hint")}>
      <Panel
        title={t("query.editor")}
        extra={
          <>
            {formatted !== undefined && formatted !== text && (
              <Button size="small" onClick={() => setText(formatted)}>
                {t("rule.format")}
              </Button>
            )}
            {mayEdit && (
              <Button size="small" disabled={!state.check?.ok || !isCondition(state.check.type)} onClick={() => setSaving(true)}>
                {t("query.saveSegment")}
              </Button>
            )}
          </>
        }
      >
        <RuleEditor text={text} onChange={setText} onSubmit={ask} faults={state.check?.faults} placeholder={t("query.placeholder")} minLines={4} autoFocus />
        <RuleSays state={state} empty={text.trim() === ""} />
        <div className="query-bar">
          <Button type="primary" disabled={text.trim() === "" || (state.check !== undefined && !state.check.ok)} onClick={ask}>
            {t("query.run")}
          </Button>
          <kbd aria-hidden="true">Ctrl Enter</kbd>
          <AsOf value={asOf} onChange={setAsOf} />
        </div>
      </Panel>
      {asked ? (
        <Answer expression={asked} asOf={askedAsOf} changed={asked !== text || askedAsOf !== asOf} />
      ) : (
        <Examples onChoose={setText} />
      )}
      {saving && (
        <SegmentDialog
          when={text}
          onClose={() => setSaving(false)}
          onSaved={(segment) => void navigate(`/segments/${encodeURIComponent(segment.key)}`)}
        />
      )}
    </Page>
  );
}

/** Rules to begin with: those whose names this workspace knows. */
function Examples({ onChoose }: { onChoose: (rule: string) => void }) {
  const { t } = useTranslation();
  const checks = useQueries({ queries: examples.map(([, rule]) => checkQuery(rule)) });
  const known = examples.filter((_, index) => checks[index]?.data?.ok);
  if (known.length === 0) return null;
  return (
    <Panel title={t("query.examples")}>
      <ul className="examples">
        {known.map(([name, rule]) => (
          <li key={name}>
            <button type="button" onClick={() => onChoose(rule)}>
              <span>{t(name)}</span>
              <code>{rule}</code>
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Answer({ expression, asOf, changed }: { expression: string; asOf: string | undefined; changed: boolean }) {
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  const list = useList();
  const mayExport = useAllowed("export");
  const body = { expression, as_of: asOf };
  const shared = { placeholderData: keepPreviousData, staleTime: 30_000 };
  const count = useQuery({
    ...shared,
    queryKey: ["query", "count", body],
    queryFn: ({ signal }) => answer(api.POST("/api/v1/query", { body: { ...body, want: "count" }, signal })),
  });
  const sample = useQuery({
    ...shared,
    queryKey: ["query", "sample", body],
    queryFn: ({ signal }) => answer(api.POST("/api/v1/query", { body: { ...body, want: "sample", limit: 10 }, signal })),
  });
  const leaves = useQuery({
    ...shared,
    queryKey: ["query", "leaves", body],
    queryFn: ({ signal }) => answer(api.POST("/api/v1/rules/explain", { body, signal })),
  });
  const [fetched, setFetched] = useState(0);
  const fetching = useMutation({ mutationFn: () => download(body, isCondition(count.data?.type), setFetched), onError: showProblem });
  const uncomputed = count.data?.uncomputed ?? [];

  return (
    <div className={changed ? "stack out-of-date" : "stack"}>
      {changed && <p className="warn">{t("query.changed")}</p>}
      {uncomputed.length > 0 && <Alert type="warning" showIcon title={t("query.uncomputed", { keys: list(uncomputed) })} />}
      <div className="columns columns-even">
        <QueryResult
          count={count}
          sample={sample}
          customers={leaves.data?.customers}
          extra={
            mayExport && (
              <Button size="small" icon={<DownloadOutlined />} loading={fetching.isPending} disabled={!count.data?.count} onClick={() => fetching.mutate()}>
                {fetching.isPending ? t("query.downloading", { count: fetched }) : t("query.download")}
              </Button>
            )
          }
        />
        <LeavesTable query={leaves} />
      </div>
    </div>
  );
}
