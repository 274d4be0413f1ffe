import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, api } from "../api/client";
import type { Fault } from "../api/types";
import { useWords } from "../ui/words";
import type { RuleEditorView } from "./editor";

interface Props {
  text: string;
  onChange: (text: string) => void;
  onSubmit?: () => void;
  faults?: Fault[];
  placeholder?: string;
  minLines?: number;
  autoFocus?: boolean;
}

/** The editor of a rule. Until it is loaded, its place is taken by the text itself. */
export function RuleEditor({ text, onChange, onSubmit, faults, placeholder, minLines = 3, autoFocus = false }: Props) {
  const { t } = useTranslation();
  const words = useWords();
  const holder = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<RuleEditorView | null>(null);
  // The editor is made once; what it calls is always the latest.
  const latest = useRef({ text, onChange, onSubmit, words, t });
  latest.current = { text, onChange, onSubmit, words, t };

  useEffect(() => {
    let gone = false;
    let made: RuleEditorView | null = null;
    void import("./editor").then(({ createEditor }) => {
      if (gone || !holder.current) return;
      made = createEditor({
        parent: holder.current,
        text: latest.current.text,
        label: latest.current.t("rule.editorLabel"),
        placeholder: placeholder ?? "",
        minLines,
        onChange: (next) => latest.current.onChange(next),
        onSubmit: () => latest.current.onSubmit?.(),
        complete: (body, cursor, signal) => answer(api.POST("/api/v1/rules/complete", { body: { text: body, cursor }, signal })),
        kindName: (kind) => latest.current.t(`completionKind.${kind}` as "completionKind.root", { defaultValue: kind }),
        explain: (option) => {
          const type = option.type && latest.current.t(`ruleType.${option.type}` as "ruleType.value", { defaultValue: option.type });
          return [latest.current.words(option.doc), type].filter(Boolean).join("\n");
        },
      });
      if (autoFocus) made.focus();
      setView(made);
    });
    return () => {
      gone = true;
      made?.destroy();
      setView(null);
    };
  }, [autoFocus, minLines, placeholder]);

  useEffect(() => view?.setText(text), [view, text]);
  useEffect(() => {
    view?.setFaults(faults ?? [], (fault) => (fault.hint ? `${fault.message}\n${t("rule.hint", { hint: fault.hint })}` : fault.message));
  }, [view, faults, t]);

  const lines = Math.max(minLines, text.split("\n").length);
  return (
    <div className="rule-editor" style={view ? undefined : { height: lines * 22 + 18 }} data-faulty={faults && faults.length > 0 ? "yes" : undefined}>
      {!view && (
        <pre className="rule-waiting" aria-busy="true" aria-label={t("rule.loading")}>
          {text}
        </pre>
      )}
      <div ref={holder} />
    </div>
  );
}
