import { useMutation } from "@tanstack/react-query";
import { Alert, Button, Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { ApiError } from "../../api/problem";
import type { Session } from "../../api/types";
import { useProblemText } from "../../ui/problems";

interface Credentials {
  name: string;
  password: string;
}

export function SignInForm({ onEnter, name }: { onEnter: (session: Session) => void; name?: string }) {
  const { t } = useTranslation();
  const text = useProblemText();
  const [form] = Form.useForm<Credentials>();
  const signIn = useMutation({
    mutationFn: (body: Credentials) => answer(api.POST("/api/v1/session", { body })),
    onSuccess: onEnter,
    onError: () => {
      form.setFieldValue("password", "");
      form.focusField("password");
    },
  });
  const required = [{ required: true, message: t("common.required") }];
  const wrong = signIn.error instanceof ApiError && signIn.error.status === 401;
  return (
    <Form form={form} layout="vertical" requiredMark={false} onFinish={(body) => signIn.mutate(body)} initialValues={{ name }} validateTrigger="onSubmit">
      {/* The space of the message is kept free, so that the form does not move. */}
      <div className="entrance-message" aria-live="polite">
        {signIn.error && <Alert type="error" title={wrong ? t("session.wrong") : text(signIn.error)} showIcon />}
      </div>
      <Form.Item name="name" label={t("session.name")} rules={required}>
        <Input autoFocus={!name} autoComplete="username" size="large" spellCheck={false} />
      </Form.Item>
      <Form.Item name="password" label={t("session.password")} rules={required}>
        <Input.Password autoFocus={Boolean(name)} autoComplete="current-password" size="large" />
      </Form.Item>
      <Button type="primary" htmlType="submit" size="large" block loading={signIn.isPending}>
        {t("session.signIn")}
      </Button>
    </Form>
  );
}
