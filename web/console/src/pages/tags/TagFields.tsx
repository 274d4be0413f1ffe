import { ArrowDownOutlined, ArrowUpOutlined, DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Checkbox, Input, Radio, Select, TreeSelect } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCategories } from "../../api/queries";
import type { Category, Refresh } from "../../api/types";
import { RuleField } from "../../rule/RuleField";
import { Panel } from "../../ui/Page";
import { newId, rfmDimensions, type Draft, type DraftCase } from "./draft";
import { useClassOptions } from "./useClasses";

interface Props {
  draft: Draft;
  onChange: (draft: Draft) => void;
  onSubmit: () => void;
}

const refreshes: Refresh[] = ["live", "hourly", "daily", "weekly"];

export function TagFields({ draft, onChange, onSubmit }: Props) {
  const { t } = useTranslation();
  const categories = useCategories();
  const classOptions = useClassOptions();
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change });
  return (
    <div className="stack">
      <Panel title={t("editTag.basics")}>
        <div className="field-grid">
          <Field label={t("editTag.name")}>
            <Input value={draft.name} onChange={(event) => set({ name: event.target.value })} maxLength={100} autoFocus />
          </Field>
          <Field
            label={t("editTag.key")}
            note={draft.key && !/^[a-z][a-z0-9_]*$/.test(draft.key) ? <span className="bad">{t("editTag.keyPattern")}</span> : t("editTag.keyHint")}
          >
            <Input className="mono" value={draft.key} onChange={(event) => set({ key: event.target.value })} maxLength={100} spellCheck={false} />
          </Field>
          <Field label={t("editTag.category")}>
            <TreeSelect
              value={draft.category || undefined}
              onChange={(category: string) => set({ category })}
              treeData={(categories.data?.items ?? []).map((category) => treeNode(category, ""))}
              treeNodeLabelProp="path"
              loading={categories.isPending}
              treeDefaultExpandedKeys={draft.category ? [draft.category.split("/")[0] ?? ""] : []}
              showSearch={{ treeNodeFilterProp: "title" }}
              style={{ width: "100%" }}
            />
          </Field>
          <Field label={t("editTag.owner")}>
            <Input value={draft.owner} onChange={(event) => set({ owner: event.target.value })} maxLength={60} />
          </Field>
          <Field label={t("editTag.purpose")} note={t("editTag.purposeHint")} wide>
            <Input.TextArea value={draft.purpose} onChange={(event) => set({ purpose: event.target.value })} autoSize={{ minRows: 1, maxRows: 4 }} maxLength={400} />
          </Field>
          <Field label={t("editTag.classes")} note={t("editTag.classesHint")}>
            <Select mode="multiple" value={draft.classes} onChange={(classes: string[]) => set({ classes })} options={classOptions} style={{ width: "100%" }} />
          </Field>
          <Field label={t("editTag.rfm")}>
            <Select
              allowClear
              value={draft.rfm || undefined}
              onChange={(rfm?: Draft["rfm"]) => set({ rfm: rfm ?? "" })}
              options={rfmDimensions.map((value) => ({ value, label: value }))}
              placeholder={t("common.none")}
              style={{ width: "100%" }}
            />
          </Field>
        </div>
      </Panel>
      <Panel
        title={t("editTag.how")}
        extra={
          <Radio.Group
            size="small"
            optionType="button"
            aria-label={t("editTag.how")}
            value={draft.how}
            onChange={(event) => set({ how: event.target.value as Draft["how"] })}
            options={[
              { value: "cases", label: t("editTag.byCases") },
              { value: "value", label: t("editTag.byValue") },
              { value: "hand", label: t("editTag.byHand") },
            ]}
          />
        }
      >
        {draft.how === "cases" && <Cases draft={draft} set={set} onSubmit={onSubmit} />}
        {draft.how === "value" && <Formula draft={draft} set={set} onSubmit={onSubmit} />}
        {draft.how === "hand" && (
          <>
            <Field label={t("editTag.values")} note={t("editTag.valuesHint")}>
              <Select mode="tags" open={false} suffixIcon={null} value={draft.values} onChange={(values: string[]) => set({ values })} style={{ width: "100%" }} />
            </Field>
            <Checkbox checked={draft.multi} onChange={(event) => set({ multi: event.target.checked })}>
              {t("editTag.multiManual")}
            </Checkbox>
          </>
        )}
        {draft.how !== "hand" && (
          <div className="field-grid gap-above">
            <Field label={t("editTag.refresh")}>
              <Select value={draft.refresh} onChange={(refresh: Refresh) => set({ refresh })} options={refreshes.map((value) => ({ value, label: t(`refresh.${value}`) }))} style={{ width: "100%" }} />
            </Field>
            <Field label={t("editTag.keep")}>
              <div className="inline">
                <Select
                  value={draft.keep}
                  onChange={(keep: Draft["keep"]) => set({ keep })}
                  options={[
                    { value: "no", label: t("editTag.keepNo") },
                    { value: "once", label: t("editTag.keepOnce") },
                    { value: "span", label: t("editTag.keepDays") },
                  ]}
                  style={{ flex: 1 }}
                />
                {draft.keep === "span" && (
                  <Input value={draft.keepSpan} onChange={(event) => set({ keepSpan: event.target.value })} placeholder={t("editTag.keepSpan")} aria-label={t("editTag.keepDays")} style={{ width: 110 }} />
                )}
              </div>
            </Field>
          </div>
        )}
      </Panel>
    </div>
  );
}

interface PartProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  onSubmit: () => void;
}

function Cases({ draft, set, onSubmit }: PartProps) {
  const { t } = useTranslation();
  const change = (id: number, part: Partial<DraftCase>) => set({ cases: draft.cases.map((each) => (each.id === id ? { ...each, ...part } : each)) });
  const move = (index: number, by: number) => {
    const cases = [...draft.cases];
    const [taken] = cases.splice(index, 1);
    if (taken) cases.splice(index + by, 0, taken);
    set({ cases });
  };
  return (
    <>
      <p className="quiet small">{draft.multi ? t("tag.caseAll") : t("tag.caseOrder")}</p>
      {draft.cases.map((each, index) => (
        <div key={each.id} className="case-edit">
          <div className="inline">
            <span className="case-number number">{index + 1}</span>
            <Input value={each.value} onChange={(event) => change(each.id, { value: event.target.value })} placeholder={t("editTag.caseValue")} aria-label={t("editTag.caseValue")} style={{ width: 220 }} />
            <span className="quiet">{t("tag.caseWhen")}</span>
            <span className="case-buttons">
              <Button type="text" size="small" icon={<ArrowUpOutlined />} disabled={index === 0} aria-label={t("editTag.moveUp")} onClick={() => move(index, -1)} />
              <Button type="text" size="small" icon={<ArrowDownOutlined />} disabled={index === draft.cases.length - 1} aria-label={t("editTag.moveDown")} onClick={() => move(index, 1)} />
              <Button
                type="text"
                size="small"
                icon={<DeleteOutlined />}
                disabled={draft.cases.length === 1}
                aria-label={t("editTag.removeCase")}
                onClick={() => set({ cases: draft.cases.filter((other) => other.id !== each.id) })}
              />
            </span>
          </div>
          <RuleField text={each.when} onChange={(when) => change(each.id, { when })} onSubmit={onSubmit} want="condition" minLines={1} />
        </div>
      ))}
      <div className="inline">
        <Button size="small" icon={<PlusOutlined />} onClick={() => set({ cases: [...draft.cases, { id: newId(), value: "", when: "" }] })}>
          {t("editTag.addCase")}
        </Button>
        <Checkbox checked={draft.multi} onChange={(event) => set({ multi: event.target.checked })}>
          {t("editTag.multi")}
        </Checkbox>
      </div>
    </>
  );
}

function Formula({ draft, set, onSubmit }: PartProps) {
  const { t } = useTranslation();
  const change = (id: number, part: { below?: string; value?: string }) => set({ bands: draft.bands.map((band) => (band.id === id ? { ...band, ...part } : band)) });
  return (
    <>
      <RuleField text={draft.value} onChange={(value) => set({ value })} onSubmit={onSubmit} want="value" minLines={2} />
      <Field label={t("editTag.bands")} note={t("editTag.bandsHint")}>
        {draft.bands.map((band) => (
          <div key={band.id} className="inline gap-below">
            <span className="quiet">{t("editTag.bandBelow")}</span>
            <Input value={band.below} onChange={(event) => change(band.id, { below: event.target.value })} inputMode="decimal" aria-label={t("editTag.bandBelow")} className="number" style={{ width: 120 }} />
            <Input value={band.value} onChange={(event) => change(band.id, { value: event.target.value })} placeholder={t("editTag.bandValue")} aria-label={t("editTag.bandValue")} style={{ width: 200 }} />
            <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t("common.remove")} onClick={() => set({ bands: draft.bands.filter((other) => other.id !== band.id) })} />
          </div>
        ))}
        <Button size="small" icon={<PlusOutlined />} onClick={() => set({ bands: [...draft.bands, { id: newId(), below: "", value: "" }] })}>
          {t("editTag.addBand")}
        </Button>
      </Field>
    </>
  );
}

function Field({ label, note, wide, children }: { label: string; note?: ReactNode; wide?: boolean; children: ReactNode }) {
  return (
    <div className={wide ? "field field-wide" : "field"} role="group" aria-label={label}>
      <div className="field-label">{label}</div>
      {children}
      {note && <div className="field-note">{note}</div>}
    </div>
  );
}

interface TreeNode {
  value: string;
  title: string;
  /** The names from the top, shown once it is chosen. */
  path: string;
  children: TreeNode[];
}

function treeNode(category: Category, above: string): TreeNode {
  const path = above ? `${above} / ${category.name}` : category.name;
  return { value: category.key, title: category.name, path, children: (category.children ?? []).map((child) => treeNode(child, path)) };
}
