import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Input, Modal } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useBlocker, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, ifMatch } from "../../api/client";
import { useSession } from "../../api/permissions";
import { ApiError } from "../../api/problem";
import { fetchTagToEdit, useTagToEdit } from "../../api/queries";
import type { Tag } from "../../api/types";
import { ConflictDialog } from "../../ui/ConflictDialog";
import { merged } from "../../ui/merge";
import { Page } from "../../ui/Page";
import { useProblemText } from "../../ui/problems";
import { Allowed, Loaded } from "../../ui/states";
import { bodyOf, bodyOfTag, deciding, draftOf, emptyDraft, type Draft, type Editable } from "./draft";
import { TagFields } from "./TagFields";
import { TagPreviewPanel } from "./TagPreviewPanel";

export function TagCreatePage() {
  const { user } = useSession();
  const [params] = useSearchParams();
  return (
    <Allowed permission="define">
      <TagForm start={emptyDraft(user.display || user.name, params.get("category") ?? "")} />
    </Allowed>
  );
}

export function TagEditPage() {
  const { key = "" } = useParams();
  return (
    <Allowed permission="define">
      <Opened key={key} tagKey={key} />
    </Allowed>
  );
}

function Opened({ tagKey }: { tagKey: string }) {
  const query = useTagToEdit(tagKey);
  // What one began to edit stays, whatever is loaded meanwhile: saving is checked against that version.
  const [opened, setOpened] = useState<Tag>();
  if (!opened && query.data) setOpened(query.data);
  if (opened) return <TagForm opened={opened} start={draftOf(opened)} />;
  return (
    <Page title=" ">
      <Loaded query={query} height={520}>
        {() => null}
      </Loaded>
    </Page>
  );
}

interface Basis {
  version: string;
  body: Editable;
}

function TagForm({ start, opened }: { start: Draft; opened?: Tag }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const client = useQueryClient();
  const navigate = useNavigate();
  const problemText = useProblemText();
  const [draft, setDraft] = useState(start);
  const [reason, setReason] = useState("");
  const [basis, setBasis] = useState<Basis | undefined>(opened && { version: opened.version, body: bodyOfTag(opened) });
  const [theirs, setTheirs] = useState<Tag>();
  const [saved, setSaved] = useState<Tag>();

  const body = bodyOf(draft);
  const dirty = JSON.stringify(body) !== JSON.stringify(basis?.body ?? bodyOf(start));
  const decides = !basis || deciding(body) !== deciding(basis.body);

  const preview = useMutation({ mutationFn: (what: Editable) => answer(api.POST("/api/v1/tags/preview", { body: what })) });
  const previewed = preview.data && preview.variables && deciding(preview.variables) === deciding(body);
  const needsPreview = draft.how !== "hand" && decides && !previewed;

  const save = useMutation({
    mutationFn: ({ what, on }: { what: Editable; on: Basis | undefined }) => {
      const reasoned = { ...what, reason: reason.trim() || undefined };
      return opened && on
        ? answer(api.PUT("/api/v1/tags/{key}", { params: { path: { key: opened.key }, header: ifMatch(on.version) }, body: reasoned }))
        : answer(api.POST("/api/v1/tags", { body: reasoned }));
    },
    onSuccess: (tag) => {
      void client.invalidateQueries({ queryKey: ["tags"] });
      void client.invalidateQueries({ queryKey: ["overview"] });
      void message.success(opened ? t("common.saved") : t("editTag.created"));
      setSaved(tag);
    },
    onError: async (error) => {
      if (!(error instanceof ApiError) || !error.stale || !opened) return;
      setTheirs(await fetchTagToEdit(opened.key));
    },
  });

  // The guard is of a child, whose effects come first: it is gone when the page is left.
  useEffect(() => {
    if (saved) void navigate(`/tags/${encodeURIComponent(saved.key)}`);
  }, [saved, navigate]);

  const refused = save.error && !(save.error instanceof ApiError && save.error.stale) ? save.error : undefined;
  const complete = body.key && body.name && body.category;

  return (
    <Page title={opened ? t("editTag.edit", { name: opened.name }) : t("editTag.create")}>
      <Unsaved dirty={dirty && !saved} />
      <div className="columns columns-form">
        <TagFields draft={draft} onChange={setDraft} onSubmit={() => preview.mutate(body)} />
        <TagPreviewPanel preview={preview} current={Boolean(previewed)} manual={draft.how === "hand"} onPreview={() => preview.mutate(body)} />
      </div>
      <div className="form-foot">
        {refused && (
          <Alert
            type="error"
            showIcon
            title={problemText(refused)}
            description={
              refused instanceof ApiError &&
              refused.faults.length > 1 && (
                <ul className="plain-list">
                  {refused.faults.slice(1).map((fault, index) => (
                    <li key={index}>
                      {fault.message} {fault.hint}
                    </li>
                  ))}
                </ul>
              )
            }
          />
        )}
        {opened && <Input value={reason} onChange={(event) => setReason(event.target.value)} placeholder={t("editTag.reason")} aria-label={t("editTag.reason")} maxLength={400} style={{ maxWidth: 340 }} />}
        <span className="quiet">{needsPreview && (preview.data ? t("editTag.previewOld") : t("editTag.previewFirst"))}</span>
        <Button onClick={() => void navigate(opened ? `/tags/${encodeURIComponent(opened.key)}` : "/tags")}>{t("common.cancel")}</Button>
        <Button
          type="primary"
          disabled={!complete || !dirty || needsPreview}
          loading={save.isPending}
          onClick={() => save.mutate({ what: body, on: basis })}
        >
          {t("common.save")}
        </Button>
      </div>
      {theirs && basis && (
        <ConflictDialog
          base={basis.body}
          theirs={bodyOfTag(theirs)}
          mine={body}
          actor={theirs.actor}
          at={theirs.updated}
          fieldName={(field) => t(`editTag.${fieldLabels[field]}` as "editTag.key")}
          saving={save.isPending}
          onBack={() => setTheirs(undefined)}
          onTakeTheirs={() => {
            setDraft(draftOf(theirs));
            setBasis({ version: theirs.version, body: bodyOfTag(theirs) });
            setTheirs(undefined);
          }}
          onKeepMine={() => {
            const what = merged(basis.body, bodyOfTag(theirs), body);
            const on = { version: theirs.version, body: bodyOfTag(theirs) };
            setDraft(draftOf(what));
            setBasis(on);
            setTheirs(undefined);
            save.mutate({ what, on });
          }}
        />
      )}
    </Page>
  );
}

const fieldLabels: Record<keyof Editable, string> = {
  key: "key",
  name: "name",
  category: "category",
  purpose: "purpose",
  owner: "owner",
  refresh: "refresh",
  kind: "how",
  multi: "multi",
  keep: "keep",
  cases: "cases",
  value: "value",
  bands: "bands",
  values: "values",
  rfm: "rfm",
  classes: "classes",
};

/** Asks before unsaved changes are left. */
function Unsaved({ dirty }: { dirty: boolean }) {
  const { t } = useTranslation();
  const blocker = useBlocker(dirty);
  useEffect(() => {
    if (!dirty) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [dirty]);
  return (
    <Modal
      open={blocker.state === "blocked"}
      title={t("editTag.discardTitle")}
      okText={t("editTag.discard")}
      cancelText={t("conflict.back")}
      okButtonProps={{ danger: true }}
      width={420}
      onOk={() => blocker.proceed?.()}
      onCancel={() => blocker.reset?.()}
    >
      {t("editTag.discardHint")}
    </Modal>
  );
}
