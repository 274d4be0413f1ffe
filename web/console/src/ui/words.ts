import { useTranslation } from "react-i18next";
import type { Words } from "../api/types";

/** Joins things as the language does. */
export function useList(): (items: string[]) => string {
  const { i18n } = useTranslation();
  return (items) => items.join(i18n.language === "en" ? ", " : "、");
}

/** Picks the text of the language that is shown. */
export function useWords(): (words: Words | undefined) => string {
  const { i18n } = useTranslation();
  return (words) => (words ? (i18n.language === "en" ? words.en : words.zh) : "");
}
