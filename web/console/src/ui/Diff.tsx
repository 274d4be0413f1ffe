import { useTranslation } from "react-i18next";
import { bodyLines, diffLines } from "./diff";

export function Diff({ before, after }: { before: unknown; after: unknown }) {
  const { t } = useTranslation();
  const lines = diffLines(bodyLines(before), bodyLines(after));
  if (lines.every((line) => line.kind === "same")) return <p className="quiet">{t("tag.sameVersions")}</p>;
  return (
    <pre className="diff">
      {lines.map((line, index) => (
        <div key={index} className={`diff-${line.kind}`}>
          <span className="diff-mark" aria-hidden="true">
            {line.kind === "old" ? "−" : line.kind === "new" ? "+" : " "}
          </span>
          {line.kind === "old" ? <del>{line.text}</del> : line.kind === "new" ? <ins>{line.text}</ins> : line.text}
        </div>
      ))}
    </pre>
  );
}
