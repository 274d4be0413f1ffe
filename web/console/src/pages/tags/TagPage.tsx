import { App, Button, Dropdown, Tabs } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { MoreOutlined } from "@ant-design/icons";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, ifMatch } from "../../api/client";
import { useAllowed } from "../../api/permissions";
import { ApiError } from "../../api/problem";
import { useTag } from "../../api/queries";
import type { Tag } from "../../api/types";
import { Page, Panel } from "../../ui/Page";
import { useShowProblem } from "../../ui/problems";
import { Loaded } from "../../ui/states";
import { AssignDialog } from "./AssignDialog";
import { TagAssignments } from "./TagAssignments";
import { TagMeaning } from "./TagMeaning";
import { TagMembers } from "./TagMembers";
import { RefList, TagRefs } from "./TagRefs";
import { TagVersions } from "./TagVersions";

/** One tag. */
export function TagPage() {
  const { key = "" } = useParams();
  const query = useTag(key);
  const { t } = useTranslation();
  const tag = query.data;
  return (
    <Page
      title={tag?.name ?? " "}
      aside={
        <>
          <code className="key">{key}</code>
          {tag?.state === "retired" && <span className="bad">{t("tag.retired")}</span>}
        </>
      }
      hint={tag?.purpose ?? " "}
      actions={tag && tag.state !== "retired" && <Actions tag={tag} />}
    >
      <Loaded query={query} height={520}>
        {(loaded) => <Content tag={loaded} />}
      </Loaded>
    </Page>
  );
}

function Content({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const items = [
    { key: "meaning", label: t("tag.meaning"), children: <TagMeaning tag={tag} /> },
    { key: "members", label: t("tag.members"), children: <TagMembers tag={tag} /> },
    { key: "assignments", label: t("tag.assignments"), children: <TagAssignments tag={tag} /> },
    { key: "versions", label: t("tag.versions"), children: <TagVersions tag={tag} /> },
    { key: "refs", label: t("tag.refs"), children: <Panel><TagRefs tag={tag} /></Panel> },
  ];
  return (
    <Tabs
      activeKey={params.get("tab") ?? "meaning"}
      onChange={(tab) => setParams(tab === "meaning" ? {} : { tab }, { replace: true })}
      items={items}
      destroyOnHidden
    />
  );
}

function Actions({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  const { modal, message } = App.useApp();
  const client = useQueryClient();
  const navigate = useNavigate();
  const showProblem = useShowProblem();
  const mayEdit = useAllowed("define");
  const mayAssign = useAllowed("assign");
  const [assigning, setAssigning] = useState(false);

  const retire = () =>
    modal.confirm({
      title: t("tag.retireTitle", { name: tag.name }),
      content: t("tag.retireHint"),
      okText: t("tag.retire"),
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await answer(api.DELETE("/api/v1/tags/{key}", { params: { path: { key: tag.key }, header: ifMatch(tag.version) } }));
        } catch (error) {
          if (error instanceof ApiError && error.status === 409 && error.problem.users)
            modal.error({ title: t("tag.retireInUse"), content: <RefList refs={error.problem.users} /> });
          else showProblem(error);
          return;
        }
        // Read again where it is shown next, and not here, where it is no longer.
        await client.invalidateQueries({ queryKey: ["tags"], refetchType: "none" });
        void message.success(t("tag.retired"));
        await navigate("/tags");
      },
    });

  return (
    <>
      {mayAssign && <Button onClick={() => setAssigning(true)}>{t("tag.assign")}</Button>}
      {mayEdit && (
        <>
          <Link to={`/tags/${encodeURIComponent(tag.key)}/edit`}>
            <Button tabIndex={-1}>{t("common.edit")}</Button>
          </Link>
          <Dropdown trigger={["click"]} menu={{ items: [{ key: "retire", danger: true, label: t("tag.retire"), onClick: retire }] }}>
            <Button icon={<MoreOutlined />} aria-label={t("common.moreActions")} />
          </Dropdown>
        </>
      )}
      {assigning && <AssignDialog tag={tag} onClose={() => setAssigning(false)} />}
    </>
  );
}
