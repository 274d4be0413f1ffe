import { Button, Modal } from "antd";
import { useTranslation } from "react-i18next";
import { bodyLines } from "./diff";
import { formatInstant } from "./format";
import { differences } from "./merge";

interface Props<T extends object> {
  base: T;
  theirs: T;
  mine: T;
  actor: string;
  at: string;
  fieldName: (field: keyof T & string) => string;
  saving: boolean;
  onKeepMine: () => void;
  onTakeTheirs: () => void;
  onBack: () => void;
}

/** Two people edited the same definition: shows the other's change beside mine, and lets me decide. */
export function ConflictDialog<T extends object>({ base, theirs, mine, actor, at, fieldName, saving, onKeepMine, onTakeTheirs, onBack }: Props<T>) {
  const { t } = useTranslation();
  return (
    <Modal
      open
      width={980}
      title={t("conflict.title")}
      onCancel={onBack}
      footer={[
        <Button key="back" onClick={onBack}>
          {t("conflict.back")}
        </Button>,
        <Button key="theirs" onClick={onTakeTheirs}>
          {t("conflict.takeTheirs")}
        </Button>,
        <Button key="mine" type="primary" loading={saving} onClick={onKeepMine}>
          {t("conflict.keepMine")}
        </Button>,
      ]}
    >
      <p>{t("conflict.hint", { actor, at: formatInstant(at) })}</p>
      <div className="conflict" role="table">
        <div role="row" className="conflict-head">
          <span role="columnheader">{t("conflict.field")}</span>
          <span role="columnheader">{t("conflict.base")}</span>
          <span role="columnheader">{t("conflict.theirs")}</span>
          <span role="columnheader">{t("conflict.mine")}</span>
        </div>
        {differences(base, theirs, mine).map((each) => (
          <div role="row" key={each.field} className={each.clash ? "conflict-clash" : undefined}>
            <span role="cell">
              {fieldName(each.field)}
              {each.clash && <small className="bad">{t("conflict.clash")}</small>}
            </span>
            <Cell value={each.base} />
            <Cell value={each.theirs} changed={JSON.stringify(each.theirs) !== JSON.stringify(each.base)} />
            <Cell value={each.mine} changed={JSON.stringify(each.mine) !== JSON.stringify(each.base)} />
          </div>
        ))}
      </div>
    </Modal>
  );
}

function Cell({ value, changed }: { value: unknown; changed?: boolean }) {
  const text = value === undefined || value === "" ? "–" : bodyLines(value);
  return (
    <span role="cell" className={changed ? "conflict-changed" : "quiet"}>
      <pre>{text}</pre>
    </span>
  );
}
