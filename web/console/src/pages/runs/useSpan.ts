import { useTranslation } from "react-i18next";
import { formatSpan } from "../../ui/format";

/** A length of time in one unit, as one says how old something is. */
export function useSpan(): (ms: number) => string {
  const { t } = useTranslation();
  return (ms) => formatSpan(ms, { now: t("runs.underSecond"), s: t("common.s"), min: t("common.minutes"), h: t("common.hours"), d: t("common.days") });
}
