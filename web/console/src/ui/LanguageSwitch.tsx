import { useTranslation } from "react-i18next";
import { currentLanguage, setLanguage } from "../i18n";

/** Names the other language in that language. */
export function LanguageSwitch() {
  useTranslation(); // draws again when the language changes
  const other = currentLanguage() === "zh" ? "en" : "zh";
  return (
    <button type="button" className="plain-button" lang={other === "zh" ? "zh-CN" : "en"} onClick={() => void setLanguage(other)}>
      {other === "zh" ? "中文" : "English"}
    </button>
  );
}
