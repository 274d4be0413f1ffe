import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { currentLanguage, setLanguage } from "../i18n";

/** Names the other language in that language. What the server said is asked for again: it says it in both. */
export function LanguageSwitch() {
  const client = useQueryClient();
  useTranslation(); // draws again when the language changes
  const other = currentLanguage() === "zh" ? "en" : "zh";
  return (
    <button type="button" className="plain-button" lang={other === "zh" ? "zh-CN" : "en"} onClick={() => void setLanguage(other).then(() => client.invalidateQueries())}>
      {other === "zh" ? "中文" : "English"}
    </button>
  );
}
