import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useCategories } from "../../api/queries";
import type { Category, CustomerTag } from "../../api/types";
import { formatDecimal, formatInstant } from "../../ui/format";
import { Notice } from "../../ui/states";
import { ValueText } from "../../ui/ValueText";

/** The tags of a customer by the top category that they belong to, in the order of the tree. */
export function CustomerTags({ tags, onWhy }: { tags: CustomerTag[]; onWhy: (tag: CustomerTag) => void }) {
  const { t } = useTranslation();
  const categories = useCategories();
  if (tags.length === 0) return <Notice title={t("customer.noTags")} hint={t("customer.noTagsHint")} height={160} />;
  return (
    <div className="tag-groups">
      {grouped(tags, categories.data?.items ?? []).map((group) => (
        <section key={group.key}>
          <h3>{group.name}</h3>
          <ul>
            {group.tags.map((tag) => (
              <li key={`${tag.key}:${tag.value.text}`}>
                <Link to={`/tags/${encodeURIComponent(tag.key)}`} className="tag-of-name">
                  {shortName(tag.name, group.prefix)}
                </Link>
                <span className="value-chip value-chip-strong">
                  <ValueText value={tag.value} />
                  {tag.number !== undefined && tag.number !== tag.value.text && <small>{formatDecimal(tag.number)}</small>}
                </span>
                <button type="button" className="why" title={t("customer.why")} aria-label={t("common.titled", { title: t("customer.why"), name: tag.name })} onClick={() => onWhy(tag)}>
                  {t("customer.whyShort")}
                </button>
                <span className="tag-of-cause">
                  <Cause tag={tag} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Cause({ tag }: { tag: CustomerTag }) {
  const { t } = useTranslation();
  const parts: string[] = [];
  if (tag.cause) parts.push(t(`cause.${tag.cause}` as "cause.run", { defaultValue: tag.cause }));
  if (tag.by) parts.push(tag.by);
  if (tag.since) parts.push(t("customer.since", { at: formatInstant(tag.since) }));
  if (tag.until) parts.push(t("customer.until", { at: formatInstant(tag.until) }));
  return <span title={tag.reason}>{parts.join(" · ")}</span>;
}

/** Within its category a tag's name need not repeat the category's prefix. */
function shortName(name: string, prefix: string): string {
  return prefix && name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

interface Group {
  key: string;
  name: string;
  prefix: string;
  tags: CustomerTag[];
}

function grouped(tags: CustomerTag[], categories: Category[]): Group[] {
  const groups = new Map<string, Group>();
  for (const category of categories) groups.set(category.key, { key: category.key, name: category.name, prefix: category.prefix ?? "", tags: [] });
  for (const tag of tags) {
    const top = tag.category.split("/")[0] ?? "";
    let group = groups.get(top);
    if (!group) groups.set(top, (group = { key: top, name: top, prefix: "", tags: [] }));
    group.tags.push(tag);
  }
  return [...groups.values()].filter((group) => group.tags.length > 0);
}
