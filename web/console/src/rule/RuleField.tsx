import { useTranslation } from "react-i18next";
import type { RuleCheck } from "../api/types";
import { useProblemText } from "../ui/problems";
import { useWords } from "../ui/words";
import { RuleEditor } from "./RuleEditor";
import { useRuleCheck, type RuleState } from "./useRuleCheck";

interface Props {
  text: string;
  onChange: (text: string) => void;
  onSubmit?: () => void;
  want?: "condition" | "value";
  placeholder?: string;
  minLines?: number;
  autoFocus?: boolean;
}

/** The editor with what it says below: the sentence, or the faults in words. */
export function RuleField(props: Props) {
  const state = useRuleCheck(props.text, props.want);
  return (
    <div>
      <RuleEditor {...props} faults={state.check?.faults} />
      <RuleSays state={state} empty={props.text.trim() === ""} />
    </div>
  );
}

/** What the server says about the rule. Its place is always taken, so that nothing below moves at every letter. */
export function RuleSays({ state, empty }: { state: RuleState; empty: boolean }) {
  const { t } = useTranslation();
  const words = useWords();
  const problem = useProblemText();
  const shown = state.check ?? state.last;
  return (
    <div className="rule-says" aria-live="polite" data-old={state.pending ? "yes" : undefined}>
      {empty ? (
        <span className="faint">{t("rule.empty")}</span>
      ) : state.error ? (
        <span className="bad">{problem(state.error)}</span>
      ) : !shown ? (
        <span className="faint">{t("rule.checking")}</span>
      ) : (
        <>
          {shown.faults.length > 0 ? <Faults check={shown} /> : <p className="rule-sentence">{words(shown.sentence)}</p>}
          {shown.warnings.map((warning) => (
            <p key={warning.message} className="warn">
              {warning.message}
              {warning.hint && <span className="quiet"> {t("rule.hint", { hint: warning.hint })}</span>}
            </p>
          ))}
        </>
      )}
    </div>
  );
}

function Faults({ check }: { check: RuleCheck }) {
  const { t } = useTranslation();
  return (
    <ul className="rule-faults">
      {check.faults.map((fault, index) => (
        <li key={index}>
          <span className="bad">{fault.message}</span>
          {fault.hint && <span className="rule-hint">{t("rule.hint", { hint: fault.hint })}</span>}
          {fault.line !== undefined && fault.column !== undefined && (
            <span className="faint">{t("rule.position", { line: fault.line, column: fault.column })}</span>
          )}
        </li>
      ))}
    </ul>
  );
}
