import { useTranslation } from "react-i18next";
import type { Value } from "../api/types";
import { formatValue } from "./format";
import { useList } from "./words";

export function useValueText(): (value: Value) => string {
  const { t } = useTranslation();
  const list = useList();
  return (value) => formatValue(value, { yes: t("common.yes"), no: t("common.no"), list });
}

export function ValueText({ value }: { value: Value }) {
  const text = useValueText();
  return <span className={value.kind === "number" ? "number" : undefined}>{text(value)}</span>;
}
