import { PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, DatePicker, Form, Input, Modal, Select, Table } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { useTokens } from "../../api/queries";
import type { Role, Token } from "../../api/types";
import { formatInstant } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { useProblemText, useShowProblem } from "../../ui/problems";
import { Allowed, Loaded, Notice } from "../../ui/states";
import { SecretOnce } from "./SecretOnce";
import { useRoleOptions } from "./UsersPanel";

export function TokensPanel() {
  return (
    <Allowed permission="tokens">
      <TokenList />
    </Allowed>
  );
}

function TokenList() {
  const { t } = useTranslation();
  const query = useTokens();
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  const add = (
    <Button size="small" icon={<PlusOutlined />} onClick={() => setAdding(true)}>
      {t("settings.addToken")}
    </Button>
  );
  return (
    <Panel flush title={t("settings.tokens")} extra={add}>
      {secret && <SecretOnce secret={secret} hint={t("settings.tokenOnce")} onClose={() => setSecret(undefined)} />}
      <Loaded query={query} height={240}>
        {(data) =>
          data.items.length === 0 ? <Notice title={t("settings.noTokens")} hint={t("settings.noTokensHint")} height={220} /> : <Tokens tokens={data.items} />
        }
      </Loaded>
      {adding && (
        <AddToken
          onClose={() => setAdding(false)}
          onAdded={(token) => {
            setAdding(false);
            setSecret(token);
          }}
        />
      )}
    </Panel>
  );
}

function Tokens({ tokens }: { tokens: Token[] }) {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  const client = useQueryClient();
  const showProblem = useShowProblem();
  const revoke = (token: Token) =>
    modal.confirm({
      title: t("settings.revokeTokenTitle", { name: token.name }),
      content: t("settings.revokeHint"),
      okText: t("settings.revoke"),
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await answer(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } }));
          await client.invalidateQueries({ queryKey: ["tokens"] });
        } catch (error) {
          showProblem(error);
        }
      },
    });
  const when = (at?: string) => <span className="number quiet">{formatInstant(at)}</span>;
  return (
    <Table
      size="small"
      rowKey="id"
      pagination={false}
      dataSource={tokens}
      columns={[
        { title: t("settings.tokenName"), dataIndex: "name" },
        { title: t("settings.role"), dataIndex: "role", render: (role: Role) => t(`role.${role}`) },
        { title: t("settings.state"), dataIndex: "state", render: (state: Token["state"]) => <span className={state === "active" ? "good" : "quiet"}>{t(`settings.${state}`)}</span> },
        { title: t("settings.created"), dataIndex: "created", render: when },
        { title: t("settings.expires"), dataIndex: "expires", render: (at?: string) => (at ? when(at) : <span className="quiet">{t("settings.never")}</span>) },
        { title: t("settings.lastUsed"), dataIndex: "last_used", render: when },
        {
          key: "actions",
          width: 80,
          render: (_, token) =>
            token.state === "active" && (
              <Button type="link" size="small" danger onClick={() => revoke(token)}>
                {t("settings.revoke")}
              </Button>
            ),
        },
      ]}
    />
  );
}

function AddToken({ onClose, onAdded }: { onClose: () => void; onAdded: (token: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const text = useProblemText();
  const [form] = Form.useForm<{ name: string; role: Role; expires?: Dayjs }>();
  const add = useMutation({
    mutationFn: (given: { name: string; role: Role; expires?: Dayjs }) =>
      answer(api.POST("/api/v1/tokens", { body: { name: given.name, role: given.role, expires: given.expires?.format("YYYY-MM-DD") } })),
    onSuccess: ({ token }) => {
      void client.invalidateQueries({ queryKey: ["tokens"] });
      onAdded(token);
    },
  });
  return (
    <Modal open title={t("settings.addToken")} okText={t("common.add")} okButtonProps={{ loading: add.isPending }} onOk={() => form.submit()} onCancel={onClose} width={420}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ role: "viewer" }} onFinish={(given) => add.mutate(given)}>
        {add.error && <Alert type="error" showIcon title={text(add.error)} className="gap-below" />}
        <Form.Item name="name" label={t("settings.tokenName")} rules={[{ required: true, message: t("common.required") }]}>
          <Input autoFocus maxLength={100} />
        </Form.Item>
        <Form.Item name="role" label={t("settings.role")}>
          <Select options={useRoleOptions()} />
        </Form.Item>
        <Form.Item name="expires" label={t("settings.expires")}>
          <DatePicker placeholder={t("settings.never")} style={{ width: "100%" }} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
