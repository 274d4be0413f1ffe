import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof zh };
  }
}

const storageKey = "tagma.language";

function remembered(): Language {
  try {
    return localStorage.getItem(storageKey) === "en" ? "en" : "zh";
  } catch {
    return "zh"; // storage may be forbidden
  }
}

export function currentLanguage(): Language {
  return i18next.language === "en" ? "en" : "zh";
}

function apply(language: Language): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

/** Changes the language and remembers it in this browser. */
export async function setLanguage(language: Language): Promise<void> {
  await i18next.changeLanguage(language);
  apply(language);
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // It is then asked for again next time.
  }
}

export function startLanguage(): void {
  const language = remembered();
  void i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "zh",
    resources: { zh: { translation: zh }, en: { translation: en } },
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  apply(language);
}
