import { Fragment, type ReactNode } from "react";
import { tokens } from "./tokens";

/** A rule to be read. */
export function RuleText({ text }: { text: string }) {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const token of tokens(text)) {
    if (token.from > at) parts.push(<Fragment key={at}>{text.slice(at, token.from)}</Fragment>);
    parts.push(
      <span key={`t${token.from}`} className={`token-${token.kind}`}>
        {text.slice(token.from, token.to)}
      </span>,
    );
    at = token.to;
  }
  parts.push(text.slice(at));
  return <pre className="rule-text">{parts}</pre>;
}
