import { useMutation } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { useProblemText } from "../../ui/problems";

interface Passwords {
  old: string;
  new: string;
  repeat: string;
}

/** The server's floor; it has the last word. */
export const leastPassword = 10;

export function ChangePassword({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const text = useProblemText();
  const change = useMutation({
    mutationFn: (given: Passwords) =>
      answer(api.POST("/api/v1/session/password", { body: { old: given.old, new: given.new } })),
    onSuccess: () => {
      void message.success(t("session.changed"));
      onDone();
    },
  });
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(given: Passwords) => change.mutate(given)} validateTrigger="onSubmit">
      <div className="entrance-message" aria-live="polite">
        {change.error && <Alert type="error" showIcon title={text(change.error)} />}
      </div>
      <Form.Item name="old" label={t("session.old")} rules={[{ required: true, message: t("common.required") }]}>
        <Input.Password autoFocus autoComplete="current-password" />
      </Form.Item>
      <Form.Item name="new" label={t("session.new")} rules={[{ required: true, min: leastPassword, message: t("session.tooShort", { count: leastPassword }) }]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="repeat"
        label={t("session.repeat")}
        dependencies={["new"]}
        rules={[
          ({ getFieldValue }) => ({
            validator: (_, value) =>
              value === getFieldValue("new") ? Promise.resolve() : Promise.reject(new Error(t("session.differs"))),
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Button type="primary" htmlType="submit" block loading={change.isPending}>
        {t("session.change")}
      </Button>
    </Form>
  );
}
