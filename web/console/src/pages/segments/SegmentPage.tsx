import { MoreOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { answer, api, ifMatch } from "../../api/client";
import { useAllowed } from "../../api/permissions";
import { ApiError } from "../../api/problem";
import { joined, useSegment, useSegmentMembers } from "../../api/queries";
import type { Segment } from "../../api/types";
import { RuleText } from "../../rule/RuleText";
import { CustomerTable } from "../../ui/CustomerTable";
import { formatInstant } from "../../ui/format";
import { More } from "../../ui/More";
import { Page, Panel } from "../../ui/Page";
import { useShowProblem } from "../../ui/problems";
import { Loaded, Notice } from "../../ui/states";
import { useWords } from "../../ui/words";
import { RefList } from "../tags/TagRefs";
import { SegmentDialog } from "./SegmentDialog";

export function SegmentPage() {
  const { key = "" } = useParams();
  const { t } = useTranslation();
  const words = useWords();
  const query = useSegment(key);
  return (
    <Page title={query.data?.name ?? " "} aside={<code className="key">{key}</code>} hint={query.data?.purpose || " "} actions={query.data && <Actions segment={query.data} />}>
      <Loaded query={query} height={480}>
        {(segment) => (
          <>
            <Panel title={t("segments.rule")} extra={<Link to={`/query?q=${encodeURIComponent(segment.when)}`}>{t("segments.inQuery")}</Link>}>
              <p className="rule-sentence">{words(segment.sentence)}</p>
              <RuleText text={segment.when} />
              {segment.users.length > 0 && (
                <>
                  <h3>{t("segments.usedBy")}</h3>
                  <RefList refs={segment.users} />
                </>
              )}
            </Panel>
            <Members segment={segment} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Members({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const query = useSegmentMembers(segment.key);
  const members = joined(query.data);
  const first = query.data?.pages[0];
  return (
    <Panel
      flush
      title={first?.total === undefined || !first.as_of ? t("tag.members") : t("common.customers", { count: first.total })}
      extra={<span className="faint">{first?.as_of && t("tag.membersAsOf", { asOf: formatInstant(first.as_of) })}</span>}
    >
      <Loaded query={query} height={320}>
        {() =>
          members.length === 0 ? (
            <Notice
              title={first?.as_of ? t("segments.noMembers") : t("common.notYet")}
              hint={first?.as_of ? t("segments.noMembersHint") : t("segments.notYetHint")}
              height={220}
            />
          ) : (
            <>
              <CustomerTable members={members} />
              <More shown={members.length} total={first?.total} query={query} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Actions({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const { modal, message } = App.useApp();
  const client = useQueryClient();
  const navigate = useNavigate();
  const showProblem = useShowProblem();
  const [editing, setEditing] = useState(false);
  if (!useAllowed("define")) return null;

  const retire = () =>
    modal.confirm({
      title: t("segments.retireTitle", { name: segment.name }),
      content: t("segments.retireHint"),
      okText: t("tag.retire"),
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await answer(api.DELETE("/api/v1/segments/{key}", { params: { path: { key: segment.key }, header: ifMatch(segment.version) } }));
        } catch (error) {
          if (error instanceof ApiError && error.status === 409 && error.problem.users)
            modal.error({ title: t("tag.retireInUse"), content: <RefList refs={error.problem.users} /> });
          else showProblem(error);
          return;
        }
        // Read again where it is shown next, and not here, where it is no longer.
        await client.invalidateQueries({ queryKey: ["segments"], refetchType: "none" });
        void message.success(t("tag.retired"));
        await navigate("/segments");
      },
    });

  return (
    <>
      <Button onClick={() => setEditing(true)}>{t("common.edit")}</Button>
      <Dropdown trigger={["click"]} menu={{ items: [{ key: "retire", danger: true, label: t("tag.retire"), onClick: retire }] }}>
        <Button icon={<MoreOutlined />} aria-label={t("common.moreActions")} />
      </Dropdown>
      {editing && <SegmentDialog opened={segment} when={segment.when} onClose={() => setEditing(false)} onSaved={() => setEditing(false)} />}
    </>
  );
}
