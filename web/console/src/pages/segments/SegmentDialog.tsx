import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, api, ifMatch } from "../../api/client";
import { useSession } from "../../api/permissions";
import { ApiError } from "../../api/problem";
import type { Segment, SegmentBody } from "../../api/types";
import { RuleField } from "../../rule/RuleField";
import { ConflictDialog } from "../../ui/ConflictDialog";
import { merged } from "../../ui/merge";
import { useProblemText } from "../../ui/problems";

interface Props {
  /** The segment to be changed; a new one is made without it. */
  opened?: Segment;
  when: string;
  onClose: () => void;
  onSaved: (segment: Segment) => void;
}

function bodyOfSegment({ key, name, purpose, owner, when }: Segment): SegmentBody {
  return { key, name, purpose, owner, when };
}

/** Makes a segment of a rule, or changes one. */
export function SegmentDialog({ opened, when, onClose, onSaved }: Props) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { user } = useSession();
  const client = useQueryClient();
  const text = useProblemText();
  const [form] = Form.useForm<Omit<SegmentBody, "when">>();
  const [rule, setRule] = useState(when);
  const [basis, setBasis] = useState(opened);
  const [theirs, setTheirs] = useState<Segment>();

  const save = useMutation({
    mutationFn: ({ body, on }: { body: SegmentBody; on: Segment | undefined }) =>
      on
        ? answer(api.PUT("/api/v1/segments/{key}", { params: { path: { key: on.key }, header: ifMatch(on.version) }, body }))
        : answer(api.POST("/api/v1/segments", { body })),
    onSuccess: (segment) => {
      void client.invalidateQueries({ queryKey: ["segments"] });
      void message.success(opened ? t("common.saved") : t("query.saved"));
      onSaved(segment);
    },
    onError: async (error) => {
      if (!(error instanceof ApiError) || !error.stale || !basis) return;
      setTheirs(await answer(api.GET("/api/v1/segments/{key}", { params: { path: { key: basis.key } } })));
    },
  });
  const mine = (): SegmentBody => ({ ...form.getFieldsValue(), when: rule });
  const refused = save.error && !(save.error instanceof ApiError && save.error.stale) ? save.error : undefined;
  const required = [{ required: true, message: t("common.required") }];

  return (
    <>
      <Modal
        open
        width={680}
        title={opened ? t("segments.edit", { name: opened.name }) : t("segments.create")}
        okText={t("common.save")}
        okButtonProps={{ loading: save.isPending, disabled: rule.trim() === "" }}
        onOk={() => form.submit()}
        onCancel={onClose}
      >
        <Form
          form={form}
          layout="vertical"
          requiredMark={false}
          initialValues={opened ?? { key: "", name: "", purpose: "", owner: user.display || user.name }}
          onFinish={() => save.mutate({ body: mine(), on: basis })}
        >
          {refused && <Alert type="error" showIcon title={text(refused)} className="gap-below" />}
          <div className="field-grid">
            <Form.Item name="name" label={t("segments.name")} rules={required}>
              <Input autoFocus maxLength={100} />
            </Form.Item>
            <Form.Item name="key" label={t("editTag.key")} extra={t("editTag.keyHint")} rules={[...required, { pattern: /^[a-z][a-z0-9_]*$/, message: t("editTag.keyPattern") }]}>
              <Input className="mono" spellCheck={false} />
            </Form.Item>
            <Form.Item name="purpose" label={t("segments.purpose")}>
              <Input maxLength={400} />
            </Form.Item>
            <Form.Item name="owner" label={t("segments.owner")}>
              <Input maxLength={60} />
            </Form.Item>
          </div>
          <div className="field-label">{t("segments.rule")}</div>
          <RuleField text={rule} onChange={setRule} want="condition" minLines={2} />
        </Form>
      </Modal>
      {theirs && basis && (
        <ConflictDialog
          base={bodyOfSegment(basis)}
          theirs={bodyOfSegment(theirs)}
          mine={mine()}
          actor={theirs.actor}
          at={theirs.updated}
          fieldName={(field) => (field === "when" ? t("segments.rule") : t(`editTag.${field}`))}
          saving={save.isPending}
          onBack={() => setTheirs(undefined)}
          onTakeTheirs={() => {
            form.setFieldsValue(bodyOfSegment(theirs));
            setRule(theirs.when);
            setBasis(theirs);
            setTheirs(undefined);
          }}
          onKeepMine={() => {
            const body = merged(bodyOfSegment(basis), bodyOfSegment(theirs), mine());
            form.setFieldsValue(body);
            setRule(body.when);
            setBasis(theirs);
            setTheirs(undefined);
            save.mutate({ body, on: theirs });
          }}
        />
      )}
    </>
  );
}
