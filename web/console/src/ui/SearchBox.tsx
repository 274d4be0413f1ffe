import { SearchOutlined, TagOutlined, UserOutlined } from "@ant-design/icons";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { joined, useCustomerSearch, useTags } from "../api/queries";
import { useSettled } from "./useSettled";

interface Hit {
  to: string;
  icon: "customer" | "tag";
  title: string;
  detail: string;
}

const most = 6;

/** Finds customers by any identifier and tags by name, from everywhere: "/" goes to it. */
export function SearchBox() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(0);
  const q = useSettled(text.trim(), 150);

  const customers = useCustomerSearch(q, most);
  const tags = useTags({ q }, q !== "");
  const hits: Hit[] =
    q === ""
      ? []
      : [
          ...(customers.data?.items ?? []).slice(0, most).map((hit): Hit => ({
            to: `/customers/${encodeURIComponent(hit.id)}`,
            icon: "customer",
            title: hit.name ?? hit.id,
            detail: hit.identifiers.map((each) => `${each.kind}:${each.value}`).join("  "),
          })),
          ...joined(tags.data)
            .slice(0, most)
            .map((tag): Hit => ({
              to: `/tags/${encodeURIComponent(tag.key)}`,
              icon: "tag",
              title: tag.name,
              detail: tag.held === undefined ? t("common.notYet") : t("common.customers", { count: tag.held }),
            })),
        ];
  const waiting = q !== text.trim() || customers.isFetching || tags.isFetching;

  useEffect(() => {
    const listen = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);

  const go = (hit: Hit) => {
    setOpen(false);
    setText("");
    input.current?.blur();
    void navigate(hit.to);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const hit = hits[chosen];
    switch (event.key) {
      case "ArrowDown":
        setChosen(Math.min(chosen + 1, hits.length - 1));
        break;
      case "ArrowUp":
        setChosen(Math.max(chosen - 1, 0));
        break;
      case "Enter":
        if (hit) go(hit);
        break;
      case "Escape":
        setOpen(false);
        input.current?.blur();
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  return (
    <div className="search">
      <SearchOutlined className="search-icon" />
      <input
        ref={input}
        value={text}
        placeholder={t("search.placeholder")}
        aria-label={t("search.label")}
        role="combobox"
        aria-expanded={open && q !== ""}
        aria-controls={list}
        aria-activedescendant={hits[chosen] ? `${list}-${chosen}` : undefined}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      {open && (
        <div className="search-list" id={list} role="listbox" aria-label={t("search.label")}>
          {q === "" && <div className="search-hint">{t("search.hint")}</div>}
          {hits.map((hit, index) => (
            <div
              key={hit.to}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === chosen}
              className={index === chosen ? "search-hit search-hit-chosen" : "search-hit"}
              onMouseMove={() => setChosen(index)}
              // The list would close by blur before the click.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => go(hit)}
            >
              {hit.icon === "customer" ? <UserOutlined /> : <TagOutlined />}
              <span className="search-title">{hit.title}</span>
              <span className="search-detail">{hit.detail}</span>
            </div>
          ))}
          {q !== "" && hits.length === 0 && (
            <div className="search-hint">
              {waiting ? t("common.loading") : `${t("search.nothing", { q })} · ${t("search.nothingHint")}`}
            </div>
          )}
          {hits.length > 0 && <div className="search-hint search-keys">{t("search.keys")}</div>}
        </div>
      )}
    </div>
  );
}
