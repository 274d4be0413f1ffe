import { useTranslation } from "react-i18next";
import { classSets } from "./classes";

/** The classes as options grouped by standard. A class of two standards stands where it is met first. */
export function useClassOptions() {
  const { t } = useTranslation();
  const met = new Set<string>();
  return classSets.map((set) => ({
    label: t(`classSet.${set.key}`),
    options: set.classes
      .filter((key) => !met.has(key) && met.add(key))
      .map((key) => ({ value: key as string, label: t(`class.${key}`) })),
  }));
}

export function useClassName(): (key: string) => string {
  const { t } = useTranslation();
  return (key) => t(`class.${key}` as "class.behavior", { defaultValue: key });
}
