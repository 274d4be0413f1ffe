import { PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, Modal, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { useSources } from "../../api/queries";
import type { Source, SourceKey } from "../../api/types";
import { formatInstant } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { useProblemText, useShowProblem } from "../../ui/problems";
import { Allowed, Loaded, Notice } from "../../ui/states";
import { SecretOnce } from "./SecretOnce";

export function SourcesPanel() {
  return (
    <Allowed permission="sources">
      <SourceList />
    </Allowed>
  );
}

function SourceList() {
  const { t } = useTranslation();
  const query = useSources();
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  return (
    <Panel
      flush
      title={t("settings.sources")}
      extra={
        <Button size="small" icon={<PlusOutlined />} onClick={() => setAdding(true)}>
          {t("settings.addSource")}
        </Button>
      }
    >
      {secret && <SecretOnce secret={secret} hint={t("settings.keyOnce")} onClose={() => setSecret(undefined)} />}
      <Loaded query={query} height={240}>
        {(data) =>
          data.items.length === 0 ? (
            <Notice title={t("settings.noSources")} hint={t("settings.noSourcesHint")} height={220} />
          ) : (
            <Sources sources={data.items} onSecret={setSecret} />
          )
        }
      </Loaded>
      {adding && (
        <AddSource
          onClose={() => setAdding(false)}
          onAdded={(key) => {
            setAdding(false);
            setSecret(key);
          }}
        />
      )}
    </Panel>
  );
}

function Sources({ sources, onSecret }: { sources: Source[]; onSecret: (key: string) => void }) {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  const client = useQueryClient();
  const showProblem = useShowProblem();
  const stale = () => client.invalidateQueries({ queryKey: ["sources"] });
  const addKey = useMutation({
    mutationFn: (name: string) => answer(api.POST("/api/v1/sources/{name}/keys", { params: { path: { name } } })),
    onSuccess: ({ write_key }) => {
      void stale();
      onSecret(write_key);
    },
    onError: showProblem,
  });
  const revoke = (source: Source, key: SourceKey) =>
    modal.confirm({
      title: t("settings.revokeKeyTitle", { key: key.masked }),
      content: t("settings.revokeKeyHint"),
      okText: t("settings.revoke"),
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await answer(api.DELETE("/api/v1/sources/{name}/keys/{id}", { params: { path: { name: source.name, id: key.id } } }));
          await stale();
        } catch (error) {
          showProblem(error);
        }
      },
    });
  return (
    <Table
      size="small"
      rowKey="name"
      pagination={false}
      dataSource={sources}
      columns={[
        { title: t("settings.sourceName"), dataIndex: "name", width: 200 },
        { title: t("settings.created"), dataIndex: "created", width: 160, render: (at: string) => <span className="number quiet">{formatInstant(at)}</span> },
        {
          title: t("settings.keys"),
          key: "keys",
          render: (_, source) => (
            <ul className="plain-list">
              {source.keys.map((key) => (
                <li key={key.id} className="inline">
                  <code className={key.state === "active" ? undefined : "faint"}>{key.masked}</code>
                  <span className="faint number">{formatInstant(key.created)}</span>
                  {key.state === "active" ? (
                    <Button type="link" size="small" danger onClick={() => revoke(source, key)}>
                      {t("settings.revoke")}
                    </Button>
                  ) : (
                    <span className="faint">{t("settings.revoked")}</span>
                  )}
                </li>
              ))}
            </ul>
          ),
        },
        {
          key: "actions",
          width: 100,
          render: (_, source) => (
            <Button size="small" loading={addKey.isPending && addKey.variables === source.name} onClick={() => addKey.mutate(source.name)}>
              {t("settings.addKey")}
            </Button>
          ),
        },
      ]}
    />
  );
}

function AddSource({ onClose, onAdded }: { onClose: () => void; onAdded: (key: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const text = useProblemText();
  const [form] = Form.useForm<{ name: string }>();
  const add = useMutation({
    mutationFn: (body: { name: string }) => answer(api.POST("/api/v1/sources", { body })),
    onSuccess: ({ write_key }) => {
      void client.invalidateQueries({ queryKey: ["sources"] });
      onAdded(write_key);
    },
  });
  return (
    <Modal open title={t("settings.addSource")} okText={t("common.add")} okButtonProps={{ loading: add.isPending }} onOk={() => form.submit()} onCancel={onClose} width={420}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(body) => add.mutate(body)}>
        {add.error && <Alert type="error" showIcon title={text(add.error)} className="gap-below" />}
        <Form.Item name="name" label={t("settings.sourceName")} rules={[{ required: true, message: t("common.required") }]}>
          <Input autoFocus maxLength={100} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
