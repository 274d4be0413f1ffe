import { DatePicker, Tooltip } from "antd";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";

/** Picks a local day, of which the last instant is meant; undefined means now. */
export function AsOf({ value, onChange }: { value: string | undefined; onChange: (day: string | undefined) => void }) {
  const { t } = useTranslation();
  return (
    <Tooltip title={t("common.asOfHint")}>
      <DatePicker
        aria-label={t("common.asOf")}
        prefix={<span className="quiet">{t("common.asOf")}</span>}
        placeholder={t("common.now")}
        value={value ? dayjs(value) : null}
        onChange={(day) => onChange(day ? day.format("YYYY-MM-DD") : undefined)}
        style={{ width: 190 }}
      />
    </Tooltip>
  );
}
