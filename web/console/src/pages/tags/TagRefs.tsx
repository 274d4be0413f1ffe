import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Ref, Tag } from "../../api/types";

export function TagRefs({ tag }: { tag: Tag }) {
  const { t } = useTranslation();
  return (
    <div className="columns">
      <div>
        <h3>{t("tag.usedBy")}</h3>
        {tag.users.length > 0 ? <RefList refs={tag.users} /> : <p className="quiet">{t("tag.usedByNone")}</p>}
      </div>
      <div>
        <h3>{t("tag.dependsOn")}</h3>
        {tag.depends.length > 0 ? <RefList refs={tag.depends} /> : <p className="quiet">{t("tag.dependsNone")}</p>}
      </div>
    </div>
  );
}

/** Definitions by kind; those with a page are links. */
export function RefList({ refs }: { refs: Ref[] }) {
  const { t } = useTranslation();
  return (
    <ul className="refs">
      {refs.map((ref) => (
        <li key={`${ref.kind}:${ref.key}:${ref.value ?? ""}`}>
          <span className="ref-kind">{t(`refKind.${ref.kind}` as "refKind.tag", { defaultValue: ref.kind })}</span>
          {ref.kind === "tag" || ref.kind === "segment" ? (
            <Link to={`/${ref.kind}s/${encodeURIComponent(ref.key)}`}>{ref.name ?? ref.key}</Link>
          ) : (
            <code>{ref.name ?? ref.key}</code>
          )}
          {ref.value && <span className="value-chip">{ref.value}</span>}
        </li>
      ))}
    </ul>
  );
}
