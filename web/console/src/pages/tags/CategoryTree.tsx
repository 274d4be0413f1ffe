import { CaretDownOutlined, CaretRightOutlined } from "@ant-design/icons";
import { useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Category } from "../../api/types";
import { formatCount } from "../../ui/format";

interface Props {
  categories: Category[];
  chosen: string;
  onChoose: (key: string) => void;
}

interface Row {
  key: string;
  name: string;
  tags: number;
  depth: number;
  parent: string | undefined;
  children: boolean;
}

/** The tree of categories, moved through with the arrow keys as file managers do it. */
export function CategoryTree({ categories, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  const [closed, setClosed] = useState<ReadonlySet<string>>(() => initiallyClosed(categories, chosen));
  const total = categories.reduce((sum, category) => sum + category.tags, 0);
  const rows: Row[] = [
    { key: "", name: t("tags.every"), tags: total, depth: 0, parent: undefined, children: false },
    ...visible(categories, closed, 0, undefined),
  ];

  const fold = (key: string, close: boolean) => {
    const next = new Set(closed);
    if (close) next.add(key);
    else next.delete(key);
    setClosed(next);
  };

  const onKeyDown = (event: KeyboardEvent, row: Row, index: number) => {
    let target: string | undefined;
    if (event.key === "ArrowDown") target = rows[index + 1]?.key;
    else if (event.key === "ArrowUp") target = rows[index - 1]?.key;
    else if (event.key === "ArrowRight" && row.children) fold(row.key, false);
    else if (event.key === "ArrowLeft" && row.children && !closed.has(row.key)) fold(row.key, true);
    else if (event.key === "ArrowLeft") target = row.parent;
    else if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (target === undefined) return;
    onChoose(target);
    const tree = event.currentTarget.parentElement;
    requestAnimationFrame(() => tree?.querySelector<HTMLElement>(`[data-key="${CSS.escape(target)}"]`)?.focus());
  };

  return (
    <div role="tree" aria-label={t("tags.tree")} className="tree">
      {rows.map((row, index) => (
        <div
          key={row.key}
          data-key={row.key}
          role="treeitem"
          aria-level={row.depth + 1}
          aria-selected={row.key === chosen}
          aria-expanded={row.children ? !closed.has(row.key) : undefined}
          tabIndex={row.key === chosen ? 0 : -1}
          className="tree-row"
          style={{ paddingLeft: 8 + row.depth * 16 }}
          onClick={() => onChoose(row.key)}
          onKeyDown={(event) => onKeyDown(event, row, index)}
        >
          <span
            className="tree-fold"
            onClick={(event) => {
              if (!row.children) return;
              event.stopPropagation();
              fold(row.key, !closed.has(row.key));
            }}
          >
            {row.children && (closed.has(row.key) ? <CaretRightOutlined /> : <CaretDownOutlined />)}
          </span>
          <span className="tree-name">{row.name}</span>
          <span className="tree-count">{formatCount(row.tags)}</span>
        </div>
      ))}
    </div>
  );
}

function visible(categories: Category[], closed: ReadonlySet<string>, depth: number, parent: string | undefined): Row[] {
  return categories.flatMap((category) => {
    const children = category.children ?? [];
    const row: Row = { key: category.key, name: category.name, tags: category.tags, depth, parent: parent ?? "", children: children.length > 0 };
    return closed.has(category.key) ? [row] : [row, ...visible(children, closed, depth + 1, category.key)];
  });
}

/** The first level is open, and the way to what is chosen. */
function initiallyClosed(categories: Category[], chosen: string): Set<string> {
  const closed = new Set<string>();
  const visit = (category: Category, depth: number) => {
    if (category.children?.length && depth > 0 && !chosen.startsWith(`${category.key}/`)) closed.add(category.key);
    category.children?.forEach((child) => visit(child, depth + 1));
  };
  categories.forEach((category) => visit(category, 0));
  return closed;
}
