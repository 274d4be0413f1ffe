import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useCustomer } from "../../api/queries";
import type { Customer } from "../../api/types";
import { formatInstant } from "../../ui/format";
import { Page, Panel } from "../../ui/Page";
import { Loaded } from "../../ui/states";
import { useValueText, ValueText } from "../../ui/ValueText";
import { CustomerTags } from "./CustomerTags";
import { IdentifierText } from "./IdentifierText";
import { Timeline } from "./Timeline";
import { WhyDrawer, type WhyOf } from "./WhyDrawer";

/** One customer: who it is, what it carries and why, what it did. */
export function CustomerPage() {
  const { id = "" } = useParams();
  const { t } = useTranslation();
  const query = useCustomer(id);
  const customer = query.data;
  const name = customer?.traits.find((trait) => trait.name === "name")?.value.text;
  return (
    <Page
      key={id}
      title={name ?? customer?.id ?? id}
      aside={name && customer && <code className="key">{customer.id}</code>}
      hint={
        customer
          ? [customer.first_seen && t("customer.firstSeen", { at: formatInstant(customer.first_seen) }), t("customer.events", { count: customer.events })]
              .filter(Boolean)
              .join(" · ")
          : " "
      }
    >
      <Loaded query={query} height={560}>
        {(loaded) => <Content customer={loaded} />}
      </Loaded>
    </Page>
  );
}

function Content({ customer }: { customer: Customer }) {
  const { t } = useTranslation();
  const [why, setWhy] = useState<WhyOf>();
  return (
    <div className="columns columns-narrow-wide">
      <div className="stack">
        <Panel title={t("customer.identifiers")}>
          <ul className="plain-list">
            {customer.identifiers.map((each) => (
              <li key={`${each.kind}:${each.value}`}>
                <IdentifierText identifier={each} />
              </li>
            ))}
          </ul>
        </Panel>
        <Panel title={t("customer.traits")}>
          <Traits customer={customer} />
        </Panel>
        <Panel title={t("customer.consents")}>
          {customer.consents.length === 0 ? (
            <p className="quiet">{t("customer.noConsents")}</p>
          ) : (
            <dl className="facts">
              {customer.consents.map((consent) => (
                <div key={consent.name}>
                  <dt>{consent.name}</dt>
                  <dd>
                    <span className={consent.value ? "good" : "bad"}>{consent.value ? t("customer.agreed") : t("customer.refused")}</span>
                    {consent.since && <small className="faint"> {t("customer.since", { at: formatInstant(consent.since) })}</small>}
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </Panel>
        <Panel title={t("customer.segments")}>
          {customer.segments.length === 0 ? (
            <p className="quiet">{t("customer.noSegments")}</p>
          ) : (
            <ul className="plain-list segments-of">
              {customer.segments.map((segment) => (
                <li key={segment.key}>
                  <Link to={`/segments/${encodeURIComponent(segment.key)}`}>{segment.name}</Link>
                  <button
                    type="button"
                    className="why"
                    title={t("customer.whySegment")}
                    aria-label={t("common.titled", { title: t("customer.whySegment"), name: segment.name })}
                    onClick={() => setWhy({ kind: "segment", key: segment.key, name: segment.name })}
                  >
                    {t("customer.whyShort")}
                  </button>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
      <div className="stack">
        <Panel title={`${t("customer.tags")} ${customer.tags.length}`}>
          <CustomerTags tags={customer.tags} onWhy={(tag) => setWhy({ kind: "tag", key: tag.key, name: tag.name })} />
        </Panel>
        <Timeline id={customer.id} />
      </div>
      <WhyDrawer id={customer.id} of={why} onClose={() => setWhy(undefined)} />
    </div>
  );
}

function Traits({ customer }: { customer: Customer }) {
  const { t } = useTranslation();
  const valueText = useValueText();
  if (customer.traits.length === 0) return <p className="quiet">{t("customer.noTraits")}</p>;
  return (
    <dl className="facts">
      {customer.traits.map((trait) => (
        <div key={trait.name} title={trait.since ? t("customer.since", { at: formatInstant(trait.since) }) : undefined}>
          <dt>{trait.name}</dt>
          <dd title={valueText(trait.value)}>
            <ValueText value={trait.value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
