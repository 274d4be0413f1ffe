import { MoreOutlined, PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Dropdown, Form, Input, Modal, Select, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { useSession } from "../../api/permissions";
import { useUsers } from "../../api/queries";
import type { Account, AccountEdit, Role } from "../../api/types";
import { formatInstant } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { useProblemText, useShowProblem } from "../../ui/problems";
import { Allowed, Loaded } from "../../ui/states";
import { leastPassword } from "../session/ChangePassword";

const roles: Role[] = ["viewer", "operator", "manager", "admin"];

export function useRoleOptions() {
  const { t } = useTranslation();
  return roles.map((role) => ({ value: role, label: t(`role.${role}`) }));
}

export function UsersPanel() {
  return (
    <Allowed permission="users">
      <UserList />
    </Allowed>
  );
}

function UserList() {
  const { t } = useTranslation();
  const query = useUsers();
  const [adding, setAdding] = useState(false);
  const [resetting, setResetting] = useState<Account>();
  return (
    <Panel
      flush
      title={t("settings.users")}
      extra={
        <Button size="small" icon={<PlusOutlined />} onClick={() => setAdding(true)}>
          {t("settings.addUser")}
        </Button>
      }
    >
      <Loaded query={query} height={280}>
        {(data) => <Users users={data.items} onReset={setResetting} />}
      </Loaded>
      {adding && <AddUser onClose={() => setAdding(false)} />}
      {resetting && <ResetPassword account={resetting} onClose={() => setResetting(undefined)} />}
    </Panel>
  );
}

function useEditUser(onDone?: () => void) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  return useMutation({
    mutationFn: ({ name, change }: { name: string; change: AccountEdit }) => answer(api.PATCH("/api/v1/users/{name}", { params: { path: { name } }, body: change })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["users"] });
      void message.success(t("common.saved"));
      onDone?.();
    },
    onError: showProblem,
  });
}

function Users({ users, onReset }: { users: Account[]; onReset: (account: Account) => void }) {
  const { t } = useTranslation();
  const { user } = useSession();
  const edit = useEditUser();
  const roleOptions = useRoleOptions();
  const actions = (account: Account) => [
    { key: "reset", label: t("settings.resetPassword"), onClick: () => onReset(account) },
    ...(account.state === "locked" ? [{ key: "unlock", label: t("settings.unlock"), onClick: () => edit.mutate({ name: account.name, change: { unlock: true } }) }] : []),
    account.state === "disabled"
      ? { key: "enable", label: t("settings.enable"), onClick: () => edit.mutate({ name: account.name, change: { state: "active" } }) }
      : { key: "disable", label: t("settings.disable"), danger: true, onClick: () => edit.mutate({ name: account.name, change: { state: "disabled" } }) },
  ];
  return (
    <Table
      size="small"
      rowKey="name"
      pagination={false}
      dataSource={users}
      columns={[
        { title: t("settings.user"), dataIndex: "name", render: (name: string) => <code>{name}</code> },
        { title: t("settings.display"), dataIndex: "display" },
        {
          title: t("settings.role"),
          dataIndex: "role",
          width: 170,
          render: (role: Role, account) => (
            <Select
              size="small"
              aria-label={t("settings.changeRole")}
              value={role}
              disabled={account.name === user.name}
              options={roleOptions}
              onChange={(next: Role) => edit.mutate({ name: account.name, change: { role: next } })}
              style={{ width: 140 }}
            />
          ),
        },
        {
          title: t("settings.state"),
          dataIndex: "state",
          width: 90,
          render: (state: Account["state"]) => <span className={state === "active" ? "good" : "bad"}>{t(`settings.${state}`)}</span>,
        },
        { title: t("settings.lastSignIn"), dataIndex: "last_sign_in", width: 160, render: (at?: string) => <span className="number quiet">{formatInstant(at)}</span> },
        {
          key: "actions",
          width: 48,
          render: (_, account) =>
            account.name !== user.name && (
              <Dropdown trigger={["click"]} menu={{ items: actions(account) }}>
                <Button type="text" size="small" icon={<MoreOutlined />} aria-label={t("common.moreActions")} />
              </Dropdown>
            ),
        },
      ]}
    />
  );
}

function AddUser({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const text = useProblemText();
  const [form] = Form.useForm<{ name: string; display: string; role: Role; password: string }>();
  const add = useMutation({
    mutationFn: (body: { name: string; display: string; role: Role; password: string }) => answer(api.POST("/api/v1/users", { body })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["users"] });
      void message.success(t("settings.userAdded"));
      onClose();
    },
  });
  const required = [{ required: true, message: t("common.required") }];
  return (
    <Modal open title={t("settings.addUser")} okText={t("common.add")} okButtonProps={{ loading: add.isPending }} onOk={() => form.submit()} onCancel={onClose} width={440}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ role: "viewer" }} onFinish={(body) => add.mutate(body)}>
        {add.error && <Alert type="error" showIcon title={text(add.error)} className="gap-below" />}
        <Form.Item name="name" label={t("settings.user")} rules={required}>
          <Input autoFocus autoComplete="off" spellCheck={false} />
        </Form.Item>
        <Form.Item name="display" label={t("settings.display")} rules={required}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="role" label={t("settings.role")}>
          <Select options={useRoleOptions()} />
        </Form.Item>
        <Form.Item
          name="password"
          label={t("settings.initialPassword")}
          extra={t("settings.initialPasswordHint")}
          rules={[{ required: true, min: leastPassword, message: t("session.tooShort", { count: leastPassword }) }]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function ResetPassword({ account, onClose }: { account: Account; onClose: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ password: string }>();
  const edit = useEditUser(onClose);
  return (
    <Modal
      open
      title={t("common.titled", { title: t("settings.resetPassword"), name: account.display || account.name })}
      okText={t("settings.resetPassword")}
      okButtonProps={{ loading: edit.isPending }}
      onOk={() => form.submit()}
      onCancel={onClose}
      width={420}
    >
      <Form form={form} layout="vertical" requiredMark={false} onFinish={({ password }) => edit.mutate({ name: account.name, change: { password } })}>
        <Form.Item
          name="password"
          label={t("settings.initialPassword")}
          extra={t("settings.initialPasswordHint")}
          rules={[{ required: true, min: leastPassword, message: t("session.tooShort", { count: leastPassword }) }]}
        >
          <Input.Password autoFocus autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
