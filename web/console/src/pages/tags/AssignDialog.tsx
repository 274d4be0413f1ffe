import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, App, DatePicker, Form, Input, Modal, Radio, Select } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import type { AssignmentItem, BulkResult, Tag } from "../../api/types";
import { useShowProblem } from "../../ui/problems";

interface Given {
  customers: string;
  action: AssignmentItem["action"];
  value?: string;
  until?: Dayjs;
  reason?: string;
}

const most = 1000;

/** The identifiers of a text with one on each line, each once. */
export function identifiersOf(text: string): string[] {
  return [...new Set(text.split(/[\n,，\s]+/).filter(Boolean))];
}

/** Gives or takes away a tag by hand, for many customers at once. What could not be done stays, with the reason. */
export function AssignDialog({ tag, customer, onClose }: { tag: Tag; customer?: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const client = useQueryClient();
  const showProblem = useShowProblem();
  const [form] = Form.useForm<Given>();
  const text = Form.useWatch("customers", form) ?? "";
  const action = Form.useWatch("action", form) ?? "set";
  const [failed, setFailed] = useState<{ customer: string; result: BulkResult }[]>([]);
  const identifiers = identifiersOf(text);
  const known = tag.values ?? tag.cases?.map((each) => each.value) ?? [];

  const submit = useMutation({
    mutationFn: async (given: Given) => {
      const items = identifiersOf(given.customers).map(
        (id): AssignmentItem => ({
          customer: id,
          tag: tag.key,
          action: given.action,
          value: given.action === "set" ? given.value : undefined,
          until: given.action === "release" ? undefined : given.until?.format("YYYY-MM-DD"),
          reason: given.reason || undefined,
        }),
      );
      const { results } = await answer(api.POST("/api/v1/assignments", { body: { items } }));
      return results.map((result) => ({ customer: items[result.index]?.customer ?? "", result }));
    },
    onSuccess: (done) => {
      const bad = done.filter((each) => !each.result.ok);
      void client.invalidateQueries({ queryKey: ["tags"] });
      void client.invalidateQueries({ queryKey: ["assignments"] });
      void client.invalidateQueries({ queryKey: ["customers"] });
      if (done.length > bad.length) void message.success(t("assign.done", { count: done.length - bad.length }));
      if (bad.length === 0) return onClose();
      setFailed(bad);
      form.setFieldValue("customers", bad.map((each) => each.customer).join("\n"));
    },
    onError: showProblem,
  });

  return (
    <Modal
      open
      title={t("assign.title", { name: tag.name })}
      okText={t("assign.submit", { count: identifiers.length })}
      okButtonProps={{ disabled: identifiers.length === 0 || identifiers.length > most, loading: submit.isPending }}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ action: "set", customers: customer }} onFinish={(given) => submit.mutate(given)}>
        {failed.length > 0 && (
          <Alert
            type="warning"
            className="gap-below"
            title={t("assign.failed", { count: failed.length })}
            description={
              <ul className="plain-list">
                {failed.slice(0, 8).map((each) => (
                  <li key={each.customer}>
                    <code>{each.customer}</code> {each.result.problem?.errors?.[0]?.message ?? each.result.problem?.detail ?? each.result.problem?.title}
                  </li>
                ))}
              </ul>
            }
          />
        )}
        <Form.Item
          name="customers"
          label={t("assign.customers")}
          extra={identifiers.length > most ? <span className="bad">{t("assign.tooMany", { count: most })}</span> : t("assign.customersHint")}
          rules={[{ required: true, message: t("common.required") }]}
        >
          <Input.TextArea rows={4} className="mono" spellCheck={false} autoFocus />
        </Form.Item>
        <Form.Item name="action" label={t("assign.action")}>
          <Radio.Group
            optionType="button"
            options={(["set", "remove", "release"] as const)
              .filter((each) => each !== "release" || tag.kind === "rule")
              .map((each) => ({ value: each, label: t(`assign.${each}`) }))}
          />
        </Form.Item>
        {action === "set" && (
          <Form.Item name="value" label={t("assign.value")} rules={[{ required: true, message: t("common.required") }]}>
            {known.length > 0 ? <Select options={known.map((value) => ({ value, label: value }))} /> : <Input />}
          </Form.Item>
        )}
        {action !== "release" && (
          <Form.Item name="until" label={t("assign.until")} extra={t("assign.untilHint")}>
            <DatePicker style={{ width: 200 }} />
          </Form.Item>
        )}
        <Form.Item name="reason" label={t("assign.reason")}>
          <Input maxLength={200} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
